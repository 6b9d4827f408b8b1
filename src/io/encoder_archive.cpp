#include "io/encoder_archive.h"

#include <algorithm>

#include "madx/core/error.h"
#include "madx/io/floating.h"

namespace madx::io {
namespace {

/// The largest difference, relative to values above 1, that rounding explains.
double tolerance(at::ScalarType type) {
  switch (type) {
    case at::kHalf:
      return 2e-2;
    case at::kBFloat16:
      return 1.5e-1;
    default:
      return 1e-4;
  }
}

enum class Role { kIds, kMask, kTokenTypes, kPositions, kOther };

struct Argument {
  std::string name;
  Role role;
  bool may_be_none;
  bool may_stay_out;  ///< it has a default value
};

/// What an argument of forward is: by its name, or else by its place, where that is one of the two
/// that every archive begins with.
Role role_of(const std::string& name, size_t place) {
  const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
  if (has("embeds") || has("head_mask") || has("encoder_") || has("label")) return Role::kOther;
  if (has("pos")) return Role::kPositions;
  if (has("type") || has("segment")) return Role::kTokenTypes;
  if (has("mask")) return Role::kMask;
  return place == 0 ? Role::kIds : place == 1 ? Role::kMask : Role::kOther;
}

std::vector<Argument> arguments_of(const torch::jit::Module& archive, const std::string& where) {
  const auto forward = archive.find_method("forward");
  if (!forward) {
    input_error(where,
                ": expected an archive with a forward(input_ids, attention_mask), but found "
                "none; export it again with tools/export_xlmr.py");
  }
  std::vector<Argument> arguments;
  const auto& all = forward->function().getSchema().arguments();
  for (size_t i = 1; i < all.size(); ++i) {  // behind the module itself
    const bool optional = all[i].type()->kind() == c10::TypeKind::OptionalType;
    arguments.push_back({all[i].name(), role_of(all[i].name(), i - 1), optional,
                         all[i].default_value().has_value()});
  }
  return arguments;
}

std::string shown(const std::vector<Argument>& arguments) {
  std::string text = "forward(";
  for (const auto& argument : arguments) {
    text += (text.back() == '(' ? "" : ", ") + argument.name;
  }
  return text + ")";
}

bool has_role(const std::vector<Argument>& arguments, Role role) {
  return std::any_of(arguments.begin(), arguments.end(),
                     [&](const auto& argument) { return argument.role == role; });
}

/// Two sequences, (2, length) each: of different lengths, so that padding and positions take part,
/// where the archive can be told what is padding.
struct Probe {
  at::Tensor input_ids, attention_mask, position_ids;
  PackedBatch packed;
};

Probe make_probe(const EncoderConfig& config, bool padded) {
  const auto length = std::min<int64_t>(9, config.max_length());
  const auto second = padded ? (length + 1) / 2 : length;
  std::vector<std::vector<int64_t>> sequences(2);
  for (int64_t i = 0; i < length + second; ++i) {
    const auto lowest = std::min<int64_t>(3, config.vocab_size - 1);  // behind special tokens
    const auto id = lowest + (i * 7919) % (config.vocab_size - lowest);
    sequences[i < length ? 0 : 1].push_back(id == config.pad_token_id && id > 0 ? id - 1 : id);
  }
  Probe probe;
  probe.packed = pack(sequences);
  probe.input_ids = at::full({2, length}, config.pad_token_id, at::kLong);
  probe.attention_mask = at::zeros({2, length}, at::kLong);
  // RoBERTa's padding stands at the padding id's position, before the first token's.
  probe.position_ids =
      at::full({2, length}, std::max<int64_t>(0, config.first_position() - 1), at::kLong);
  for (int64_t row = 0; row < 2; ++row) {
    const auto size = static_cast<int64_t>(sequences[row].size());
    probe.input_ids[row].narrow(0, 0, size).copy_(at::tensor(sequences[row], at::kLong));
    probe.attention_mask[row].narrow(0, 0, size).fill_(1);
    probe.position_ids[row]
        .narrow(0, 0, size)
        .copy_(at::arange(config.first_position(), config.first_position() + size, at::kLong));
  }
  return probe;
}

/// The first tensor of three dimensions in what an archive's forward returned: a tensor, a tuple,
/// a list or a dict.
at::Tensor find_output(const c10::IValue& value) {
  if (value.isTensor()) return value.toTensor().dim() == 3 ? value.toTensor() : at::Tensor();
  if (value.isTuple()) {
    for (const auto& element : value.toTupleRef().elements()) {
      if (const auto found = find_output(element); found.defined()) return found;
    }
  }
  if (value.isList()) {
    for (const auto& element : value.toListRef()) {
      if (const auto found = find_output(element); found.defined()) return found;
    }
  }
  if (value.isGenericDict()) {
    for (const auto& item : value.toGenericDict()) {
      if (const auto found = find_output(item.value()); found.defined()) return found;
    }
  }
  return {};
}

c10::IValue value_of(Role role, const Probe& probe) {
  switch (role) {
    case Role::kIds:
      return probe.input_ids;
    case Role::kMask:
      return probe.attention_mask;
    case Role::kPositions:
      return probe.position_ids;
    default:
      return at::zeros_like(probe.input_ids);
  }
}

/// Runs the archive's own forward. Arguments of an unknown role are left out where they may be,
/// or else get None or zeros.
at::Tensor run_archive(torch::jit::Module& archive, const std::vector<Argument>& arguments,
                       const Probe& probe, at::ScalarType type, const std::string& where) {
  archive.eval();
  torch::jit::Kwargs inputs;
  for (const auto& argument : arguments) {
    if (argument.role == Role::kOther && argument.may_stay_out) continue;
    const bool none = argument.role == Role::kOther && argument.may_be_none;
    inputs[argument.name] = none ? c10::IValue() : value_of(argument.role, probe);
  }
  at::Tensor output;
  try {
    output = find_output(archive.get_method("forward")({}, inputs));
  } catch (const std::exception& error) {
    const std::string text = error.what();
    input_error(where, ": the archive's own ", shown(arguments), " failed on ids of shape ",
                probe.input_ids.sizes(), " (", text.substr(0, text.find('\n')), "), computing in ",
                type_name(type), "; export it again with tools/export_xlmr.py");
  }
  if (!output.defined() || output.sizes().slice(0, 2) != probe.input_ids.sizes()) {
    input_error(
        where,
        ": expected the archive's forward to return hidden states or logits (batch, length, "
        "size), but it returned no such tensor; export it again with tools/export_xlmr.py");
  }
  return output;
}

/// The coarsest type among the archive's weights.
at::ScalarType type_of(const torch::jit::Module& archive) {
  auto type = at::kFloat;
  for (const auto& weight : archive.parameters()) {
    const auto found = weight.scalar_type();
    if (found == at::kHalf || found == at::kBFloat16) {
      if (tolerance(found) > tolerance(type)) type = found;
    }
  }
  return type;
}

/// What to look at where both differ.
std::string advice(const std::vector<Argument>& arguments) {
  std::string others;
  for (const auto& argument : arguments) {
    if (argument.role == Role::kOther) others += (others.empty() ? "" : ", ") + argument.name;
  }
  if (!others.empty()) {
    return "it was given nothing but zeros for " + others +
           ": export it again with input_ids and attention_mask alone";
  }
  return "config.json does not fit these weights, or forward does more than the encoder";
}

/// Refuses values that say nothing of a difference.
void check_finite(const at::Tensor& ours, const at::Tensor& theirs, const std::string& where) {
  if (!ours.isfinite().all().item<bool>()) {
    input_error(where,
                ": expected finite numbers of the encoder on a small batch, but found NaN or "
                "infinite ones: the weights are not finite, or far too large; export them again");
  }
  if (!theirs.isfinite().all().item<bool>()) {
    input_error(where,
                ": expected finite numbers of the archive's own forward on a small batch, but "
                "found NaN or infinite ones, where the encoder that config.json describes has "
                "none; export it again in float32");
  }
}

}  // namespace

ArchiveComparison compare_with_archive(torch::jit::Module& archive, const LoadedEncoder& loaded,
                                       const std::string& where) {
  torch::NoGradGuard no_grad;
  const auto& config = loaded.encoder->config();
  const auto arguments = arguments_of(archive, where);
  const auto probe = make_probe(config, has_role(arguments, Role::kMask));
  auto type = type_of(archive);
  const auto output = run_archive(archive, arguments, probe, type, where);
  if (tolerance(output.scalar_type()) > tolerance(type)) type = output.scalar_type();
  auto theirs = output.index({probe.attention_mask.to(at::kBool)}).to(at::kFloat);  // (rows, size)
  auto ours = loaded.encoder->forward(probe.packed).to(at::kFloat);  // (rows, hidden)
  if (theirs.size(-1) != config.hidden_size) {
    if (loaded.head.is_empty() || theirs.size(-1) != config.vocab_size) {
      input_error(where, ": expected the archive's forward to return hidden states of size ",
                  config.hidden_size, " or masked-LM logits of size ", config.vocab_size,
                  ", but it returned size ", theirs.size(-1));
    }
    auto head = loaded.head;
    ours = head->logits(ours, loaded.encoder->output_embeddings(), nullptr);
  }
  check_finite(ours, theirs, where);
  const auto difference = ((ours - theirs).abs() / theirs.abs().clamp_min(1)).max().item<double>();
  if (!(difference <= tolerance(type))) {
    input_error(where,
                ": the archive's own forward and the encoder that config.json describes differ by ",
                difference, " on a small batch (at most ", tolerance(type), " is accepted",
                type == at::kFloat ? "" : " of an archive that computes in " + type_name(type),
                "), as ", shown(arguments), " gives it; ", advice(arguments));
  }
  return {difference, type};
}

}  // namespace madx::io
