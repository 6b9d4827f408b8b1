#include "madx/io/adapter_files.h"

#include <nlohmann/json.hpp>

#include "io/module_tensors.h"
#include "madx/core/error.h"

namespace madx::io {
namespace {

/// Refuses a configuration of other sizes than the tensors, before modules of these sizes are made.
void check_sizes(const AdapterDirectory& file, int64_t hidden, int64_t layers,
                 const std::string& directory) {
  const auto& config = file.config;
  const auto down = std::string(".adapter_down.") + (config.ln_before ? "1" : "0") + ".weight";
  for (int64_t layer = 0; layer < layers; ++layer) {
    if (config.leaves_out(layer)) continue;
    for (const auto site : {Site::kAttentionOutput, Site::kOutput}) {
      if (!(site == Site::kAttentionOutput ? config.mh_adapter : config.output_adapter)) continue;
      find_tensor(file.tensors, detail::site_key(layer, site) + down,
                  {config.bottleneck_size(hidden, layer), hidden}, directory);
    }
  }
  if (!config.has_invertible()) return;
  const auto half = hidden - hidden / 2;
  const auto between = madx::detail::reduced_size(half, config.inv_adapter_reduction_factor);
  find_tensor(file.tensors, "invertible.F.0.weight", {between, half}, directory);
}

/// Dropout of a head that has learned or will learn further.
double dropout_of(const HeadDirectory& file, double default_dropout) {
  const auto found = file.spelling.find("dropout_prob");
  const auto value =
      found == file.spelling.end() ? nlohmann::json() : nlohmann::json::parse(found->second);
  return value.is_number() ? value.get<double>() : default_dropout;
}

/// The usual dropout is written as Python writes it: null, which is the encoder's.
std::map<std::string, std::string> spelling_of(double dropout) {
  if (dropout == EncoderConfig().head_dropout()) return {};
  return {{"dropout_prob", nlohmann::json(dropout).dump()}};
}

ModuleTensors tagging_tensors(const TaggingHead& head) {
  return {{"1.weight", head->classifier->weight}, {"1.bias", head->classifier->bias}};
}

ModuleTensors classification_tensors(const ClassificationHead& head) {
  return {{"1.weight", head->dense->weight},
          {"1.bias", head->dense->bias},
          {"4.weight", head->classifier->weight},
          {"4.bias", head->classifier->bias}};
}

ModuleTensors mlm_tensors(const MlmHead& head) {
  return {{"0.weight", head->dense->weight},
          {"0.bias", head->dense->bias},
          {"2.weight", head->norm->weight},
          {"2.bias", head->norm->bias},
          {"3.bias", head->bias}};
}

}  // namespace

std::string load_adapter(AdapterStack& adapters, const std::string& directory,
                         const std::string& name, const std::vector<int64_t>& leave_out) {
  auto file = read_adapter(directory);
  leave_out_layers(file, leave_out);
  check_hidden_size(directory, "an adapter", file.model.hidden_size, adapters->hidden_size());
  for (const auto layer : file.config.leave_out) {
    if (layer >= adapters->num_layers()) {
      input_error(directory, ": expected leave_out below ", adapters->num_layers(),
                  ", the encoder's number of layers, but found ", layer);
    }
  }
  auto set = [&] {
    try {
      detail::validate_adapter_config(file.config);
      check_sizes(file, adapters->hidden_size(), adapters->num_layers(), directory);
      return AdapterSet(
          AdapterSetOptions(file.config, adapters->hidden_size(), adapters->num_layers()));
    } catch (const InputError& error) {
      const std::string message = error.what();
      if (message.compare(0, directory.size(), directory) == 0) throw;
      input_error(directory, "/adapter_config.json: ", message);
    }
  }();
  copy_tensors(set->named_tensors(), file.tensors, directory);
  const auto as = name.empty() ? file.name : name;
  for (auto& weight : set->parameters()) weight.requires_grad_(false);
  adapters->add(as, set);
  return as;
}

void save_adapter(const AdapterStack& adapters, const std::string& name, const ModelInfo& model,
                  const std::string& directory, TensorFormat format) {
  const auto& set = adapters->get(name);
  write_adapter(directory, {name, set->options.config(), model, to_map(set->named_tensors())},
                format);
}

ModelInfo model_info(const EncoderConfig& config) {
  ModelInfo model;
  model.model_type = config.model_type;
  model.model_class = config.model_type == "bert"      ? "BertAdapterModel"
                      : config.model_type == "roberta" ? "RobertaAdapterModel"
                                                       : "XLMRobertaAdapterModel";
  model.hidden_size = config.hidden_size;
  return model;
}

TaggingHead load_tagging_head(const std::string& directory, double default_dropout) {
  const auto file = read_head(directory);
  if (file.head_type != "tagging") {
    input_error(directory, "/head_config.json: expected a head of type \"tagging\", but found \"",
                file.head_type, "\"");
  }
  find_tensor(file.tensors, "1.weight",
              {static_cast<int64_t>(file.labels.size()), file.model.hidden_size}, directory);
  TaggingHead head(TaggingHeadOptions(file.model.hidden_size, file.labels)
                       .dropout(dropout_of(file, default_dropout)));
  copy_tensors(tagging_tensors(head), file.tensors, directory);
  return head;
}

void save_tagging_head(const TaggingHead& head, const std::string& name, const ModelInfo& model,
                       const std::string& directory, TensorFormat format) {
  write_head(directory,
             {name, "tagging", head->options.labels(), 0, model, to_map(tagging_tensors(head)),
              spelling_of(head->options.dropout())},
             format);
}

ClassificationHead load_classification_head(const std::string& directory, double default_dropout) {
  const auto file = read_head(directory);
  if (file.head_type != "classification") {
    input_error(directory,
                "/head_config.json: expected a head of type \"classification\", but found \"",
                file.head_type, "\"");
  }
  const auto hidden = file.model.hidden_size;
  find_tensor(file.tensors, "1.weight", {hidden, hidden}, directory);
  find_tensor(file.tensors, "4.weight", {static_cast<int64_t>(file.labels.size()), hidden},
              directory);
  ClassificationHead head(
      ClassificationHeadOptions(hidden, file.labels).dropout(dropout_of(file, default_dropout)));
  copy_tensors(classification_tensors(head), file.tensors, directory);
  return head;
}

void save_classification_head(const ClassificationHead& head, const std::string& name,
                              const ModelInfo& model, const std::string& directory,
                              TensorFormat format) {
  write_head(directory,
             {name, "classification", head->options.labels(), 0, model,
              to_map(classification_tensors(head)), spelling_of(head->options.dropout())},
             format);
}

MlmHead load_mlm_head(const std::string& directory, const EncoderConfig& config) {
  const auto file = read_head(directory);
  if (file.head_type != "masked_lm") {
    input_error(directory, "/head_config.json: expected a head of type \"masked_lm\", but found \"",
                file.head_type, "\"");
  }
  check_hidden_size(directory, "a masked-LM head", file.model.hidden_size, config.hidden_size);
  MlmHead head(
      MlmHeadOptions(config.hidden_size, config.vocab_size).layer_norm_eps(config.layer_norm_eps));
  copy_tensors(mlm_tensors(head), file.tensors, directory);
  return head;
}

void save_mlm_head(const MlmHead& head, const std::string& name, const ModelInfo& model,
                   const std::string& directory, TensorFormat format) {
  write_head(
      directory,
      {name, "masked_lm", {}, head->options.vocab_size(), model, to_map(mlm_tensors(head)), {}},
      format);
}

}  // namespace madx::io
