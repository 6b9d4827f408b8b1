// torch::save and torch::load of sets, fusions and banks: tensors as LibTorch writes them, and
// beside them what the modules are made from.
#include <torch/serialize/archive.h>

#include <algorithm>

#include "madx/adapters/adapter_stack.h"

namespace madx {
namespace {

using torch::serialize::InputArchive;
using torch::serialize::OutputArchive;

constexpr auto kShape = "madx_shape";    // hidden size, layers
constexpr auto kConfig = "madx_config";  // of a set or fusion
constexpr auto kNames = "madx_names";    // of a bank's sets, then of its fusions
constexpr auto kActive = "madx_active";  // the active composition and its options
constexpr auto kNothing = "Stack()";     // a composition that is empty

/// Fields of a configuration as values of an archive, in one order for both ways.
class FieldWriter {
 public:
  void operator()(bool value) { values_.emplace_back(value); }
  void operator()(double value) { values_.emplace_back(value); }
  void operator()(int64_t value) { values_.emplace_back(value); }
  void operator()(const std::string& value) { values_.emplace_back(value); }
  void operator()(const std::vector<int64_t>& value) { values_.emplace_back(value); }
  void operator()(const std::vector<std::string>& value) {
    c10::List<std::string> list;
    for (const auto& text : value) list.push_back(text);
    values_.emplace_back(list);
  }
  template <class Enum, std::enable_if_t<std::is_enum_v<Enum>, int> = 0>
  void operator()(Enum value) {
    values_.emplace_back(static_cast<int64_t>(value));
  }
  template <class Value>
  void operator()(const std::optional<Value>& value) {
    operator()(value.has_value());
    operator()(value.value_or(Value()));
  }
  template <class Key, class Value>
  void operator()(const std::map<Key, Value>& map) {
    operator()(static_cast<int64_t>(map.size()));
    for (const auto& [key, value] : map) {
      operator()(key);
      operator()(value);
    }
  }
  c10::IValue values() const { return c10::ivalue::Tuple::create(values_); }
  void to(OutputArchive& archive, const char* key) { archive.write(key, values()); }

 private:
  std::vector<c10::IValue> values_;
};

class FieldReader {
 public:
  FieldReader(InputArchive& archive, const char* key) {
    c10::IValue found;
    TORCH_CHECK(archive.try_read(key, found) && found.isTuple(), "torch::load: expected \"", key,
                "\", which torch::save of this type writes, but found none; is the file of another "
                "module?");
    values_ = found.toTupleRef().elements().vec();
  }
  c10::IValue values() const { return c10::ivalue::Tuple::create(values_); }
  void operator()(bool& value) { value = next().toBool(); }
  void operator()(double& value) { value = next().toDouble(); }
  void operator()(int64_t& value) { value = next().toInt(); }
  void operator()(std::string& value) { value = next().toStringRef(); }
  void operator()(std::vector<int64_t>& value) { value = next().toIntVector(); }
  void operator()(std::vector<std::string>& value) {
    value.clear();
    for (const auto& text : next().toListRef()) value.push_back(text.toStringRef());
  }
  template <class Enum, std::enable_if_t<std::is_enum_v<Enum>, int> = 0>
  void operator()(Enum& value) {
    value = static_cast<Enum>(next().toInt());
  }
  template <class Value>
  void operator()(std::optional<Value>& value) {
    bool has = false;
    Value read = Value();
    operator()(has);
    operator()(read);
    value = has ? std::optional<Value>(read) : std::nullopt;
  }
  template <class Key, class Value>
  void operator()(std::map<Key, Value>& map) {
    int64_t size = 0;
    operator()(size);
    map.clear();
    for (int64_t i = 0; i < size; ++i) {
      Key key = Key();
      operator()(key);
      operator()(map[key]);
    }
  }

 private:
  const c10::IValue& next() {
    TORCH_CHECK(at_ < values_.size(),
                "torch::load: expected more fields of a configuration, but "
                "found ",
                values_.size(), "; was the file written by another version?");
    return values_[at_++];
  }
  std::vector<c10::IValue> values_;
  size_t at_ = 0;
};

template <class Config, class Field>
void bottleneck_fields(Config& c, Field& field) {
  field(c.mh_adapter), field(c.output_adapter), field(c.cross_adapter), field(c.reduction_factor);
  field(c.layer_reduction_factors), field(c.leave_out), field(c.non_linearity);
  field(c.original_ln_before), field(c.original_ln_after), field(c.ln_before), field(c.ln_after);
  field(c.residual_before_ln), field(c.adapter_residual_before_ln), field(c.is_parallel);
  field(c.scaling_kind), field(c.scaling), field(c.use_gating), field(c.dropout);
  field(c.stochastic_depth), field(c.init_weights), field(c.init_weights_seed);
  field(c.inv_adapter), field(c.inv_adapter_reduction_factor), field(c.spelling);
}

template <class Options, class Field>
void fusion_fields(Options& options, Field& field) {
  auto& c = options.config();
  field(c.query), field(c.key), field(c.value), field(c.query_before_ln), field(c.residual_before);
  field(c.temperature), field(c.value_before_softmax), field(c.value_initialized);
  field(c.regularization), field(c.dropout_prob), field(options.members());
  field(options.mh_adapter()), field(options.output_adapter()), field(options.default_dropout());
}

template <class Options, class Field>
void plan_fields(Options& options, Field& field) {
  field(options.invertible()), field(options.stack_rule()), field(options.skipped_layers());
  field(options.fusion_steps());
}

void write_shape(OutputArchive& archive, int64_t hidden, int64_t layers) {
  archive.write(kShape, c10::IValue(std::vector<int64_t>{hidden, layers}));
}

void check_shape(InputArchive& archive, int64_t hidden, int64_t layers) {
  c10::IValue found;
  TORCH_CHECK(archive.try_read(kShape, found) && found.isIntList(), "torch::load: expected \"",
              kShape, "\", which torch::save of this type writes, but found none; is the file of ",
              "another module?");
  const auto shape = found.toIntVector();
  TORCH_CHECK(shape.size() == 2 && shape[0] == hidden && shape[1] == layers,
              "torch::load: expected a module for ", layers, " layers of hidden size ", hidden,
              ", but the file's is for ", shape);
}

void remove_children(torch::nn::Module& module, const std::vector<std::string>& names) {
  for (const auto& name : names) module.unregister_module(name);
}

std::vector<std::string> child_names(const torch::nn::Module& module) {
  std::vector<std::string> names;
  for (const auto& child : module.named_children()) names.push_back(child.key());
  return names;
}

bool learns(const torch::nn::Module& module) {
  const auto weights = module.parameters();
  return std::any_of(weights.begin(), weights.end(),
                     [](const at::Tensor& weight) { return weight.requires_grad(); });
}

/// Of a set or fusion with the archive's configuration already, weights are loaded in place, so
/// that plans and optimizers go on with them; of another, its parts are made anew, which train and
/// learn as those before did. `fields` reads or writes the configuration.
template <class Module, class Fields>
void load_configured(Module& module, InputArchive& archive, Fields&& fields) {
  check_shape(archive, module.options.hidden_size(), module.options.num_layers());
  FieldReader reader(archive, kConfig);
  FieldWriter present;
  fields(present);
  if (!(present.values() == reader.values())) {
    const bool learned = learns(module);
    fields(reader);
    remove_children(module, child_names(module));
    module.reset();
    module.train(module.is_training());
    if (!learned)
      for (auto& weight : module.parameters()) weight.requires_grad_(false);
  }
  module.torch::nn::Module::load(archive);
}

}  // namespace

void AdapterSetImpl::save(OutputArchive& archive) const {
  write_shape(archive, options.hidden_size(), options.num_layers());
  FieldWriter writer;
  bottleneck_fields(options.config(), writer);
  writer.to(archive, kConfig);
  Module::save(archive);
}

void AdapterSetImpl::load(InputArchive& archive) {
  load_configured(*this, archive, [&](auto& field) { bottleneck_fields(options.config(), field); });
}

void AdapterFusionImpl::save(OutputArchive& archive) const {
  write_shape(archive, options.hidden_size(), options.num_layers());
  FieldWriter writer;
  fusion_fields(options, writer);
  writer.to(archive, kConfig);
  Module::save(archive);
}

void AdapterFusionImpl::load(InputArchive& archive) {
  load_configured(*this, archive, [&](auto& field) { fusion_fields(options, field); });
}

void AdapterStackImpl::save(OutputArchive& archive) const {
  write_shape(archive, hidden_size(), num_layers());
  FieldWriter names_writer;
  names_writer(names());
  names_writer(fusion_names());
  names_writer.to(archive, kNames);
  // Names of modules are written as numbers: they may hold what an archive's names may not.
  int64_t index = 0;
  const auto write = [&](const torch::nn::Module& module) {
    OutputArchive child(archive.compilation_unit());
    module.save(child);
    archive.write("module" + std::to_string(index++), child);
  };
  for (const auto& item : bank_.adapters) write(*item.second);
  for (const auto& item : bank_.fusions) write(*item.second);
  FieldWriter active;
  active(composition().empty() ? kNothing : to_string(composition()));
  plan_fields(options(), active);
  active.to(archive, kActive);
}

void AdapterStackImpl::load(InputArchive& archive) {
  check_shape(archive, hidden_size(), num_layers());
  TORCH_CHECK(bank_.adapters.empty() && bank_.fusions.empty(),
              "torch::load: expected an AdapterStack without adapters to load into, but it has ",
              names(), " and ", fusion_names());
  std::vector<std::string> sets, fusions;
  FieldReader names_reader(archive, kNames);
  names_reader(sets);
  names_reader(fusions);
  try {
    load_parts(archive, sets, fusions);
  } catch (...) {  // empty again, as it was
    for (const auto& name : fusion_names()) remove_fusion(name);
    for (const auto& name : names()) remove(name);
    throw;
  }
}

void AdapterStackImpl::load_parts(InputArchive& archive, const std::vector<std::string>& sets,
                                  const std::vector<std::string>& fusions) {
  int64_t index = 0;
  const auto read = [&](torch::nn::Module& module) {
    InputArchive child;
    archive.read("module" + std::to_string(index++), child);
    module.load(child);
  };
  for (const auto& name : sets) {
    AdapterSet set(AdapterSetOptions(BottleneckConfig(), hidden_size(), num_layers()));
    read(*set);
    set->train(is_training());
    add(name, set);
  }
  for (const auto& name : fusions) {
    AdapterFusion fusion(AdapterFusionOptions(FusionConfig(), hidden_size(), num_layers()));
    read(*fusion);
    fusion->train(is_training());
    add_fusion(name, fusion);
  }
  FieldReader active(archive, kActive);
  std::string composed;
  active(composed);
  PlanOptions options;
  plan_fields(options, active);
  active_ = plan(composed == kNothing ? Composition() : parse_composition(composed), options);
}

}  // namespace madx
