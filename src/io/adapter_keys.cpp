#include "io/adapter_keys.h"

#include <array>
#include <string_view>

namespace madx::io {
namespace {

using Site = AdapterKey::Site;

// In the order in which PyTorch lists a module's parameters.
constexpr std::array<std::string_view, 13> kSiteParameters = {
    "scaling",
    "adapter_norm_before.weight",
    "adapter_norm_before.bias",
    "adapter_down.0.weight",  // the LayerNorm's, once more, where the adapter has one before `down`
    "adapter_down.0.bias",
    "adapter_down.1.weight",  // `down` itself behind such a LayerNorm
    "adapter_down.1.bias",
    "adapter_up.weight",
    "adapter_up.bias",
    "adapter_norm_after.weight",
    "adapter_norm_after.bias",
    "gate.weight",
    "gate.bias"};
constexpr std::array<std::string_view, 8> kInvertibleParameters = {
    "F.0.weight", "F.0.bias", "F.2.weight", "F.2.bias",
    "G.0.weight", "G.0.bias", "G.2.weight", "G.2.bias"};

constexpr std::array<std::string_view, 7> kFusionParameters = {
    "dense.weight", "dense.bias", "query.weight", "query.bias",
    "key.weight",   "key.bias",   "value.weight"};
constexpr std::string_view kFusionGroup = "adapter_fusion_layer.";

constexpr std::string_view kSiteGroups[] = {"adapters", "attention_text_task_adapters",
                                            "attention_text_lang_adapters",
                                            "layer_text_task_adapters", "layer_text_lang_adapters"};
constexpr std::string_view kInvertibleGroups[] = {"invertible_adapters",
                                                  "invertible_lang_adapters"};

bool consume(std::string_view& text, std::string_view start) {
  if (text.substr(0, start.size()) != start) return false;
  text.remove_prefix(start.size());
  return true;
}

void consume_prefix(std::string_view& text) {
  if (!consume(text, "roberta.")) consume(text, "bert.");
}

template <class Groups>
bool consume_group(std::string_view& text, const Groups& groups) {
  for (const std::string_view group : groups) {
    if (consume(text, std::string(group) + ".")) return true;
  }
  return false;
}

// "encoder.layer.3.output." or "encoder.layer.3.attention.output.".
bool consume_site(std::string_view& text, AdapterKey& key) {
  if (!consume(text, "encoder.layer.")) return false;
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  constexpr size_t kMostDigits = 4;
  if (digits == 0 || digits > kMostDigits || (digits > 1 && text[0] == '0')) return false;
  key.layer = std::stoll(std::string(text.substr(0, digits)));
  text.remove_prefix(digits);
  if (consume(text, ".attention.output.")) {
    key.site = Site::kAttention;
    return true;
  }
  key.site = Site::kOutput;
  return consume(text, ".output.");
}

template <class Parameters>
std::optional<size_t> find_parameter(std::string_view text, const Parameters& parameters) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (text == parameters[i]) return i;
  }
  return std::nullopt;
}

// "NAME.parameter": the name may have dots, so the parameter is looked for from the end.
template <class Parameters>
std::optional<NamedAdapterKey> split_name(std::string_view text, AdapterKey key,
                                          const Parameters& parameters) {
  for (size_t dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.', dot + 1)) {
    const auto parameter = find_parameter(text.substr(dot + 1), parameters);
    if (parameter && dot > 0) {
      key.parameter = *parameter;
      return NamedAdapterKey{key, std::string(text.substr(0, dot))};
    }
  }
  return std::nullopt;
}

std::string site_start(const AdapterKey& key) {
  return "encoder.layer." + std::to_string(key.layer) +
         (key.site == Site::kAttention ? ".attention.output." : ".output.");
}

std::string parameter_name(const AdapterKey& key) {
  return std::string(key.site == Site::kInvertible ? kInvertibleParameters[key.parameter]
                                                   : kSiteParameters[key.parameter]);
}

}  // namespace

std::optional<NamedAdapterKey> parse_file_key(const std::string& text) {
  std::string_view rest = text;
  consume_prefix(rest);
  AdapterKey key;
  if (consume_group(rest, kInvertibleGroups)) {
    key.site = Site::kInvertible;
    return split_name(rest, key, kInvertibleParameters);
  }
  if (!consume_site(rest, key) || !consume_group(rest, kSiteGroups)) return std::nullopt;
  return split_name(rest, key, kSiteParameters);
}

std::string file_key(const AdapterKey& key, const std::string& prefix, const std::string& name) {
  const auto group =
      key.site == Site::kInvertible ? "invertible_adapters." : site_start(key) + "adapters.";
  return prefix + group + name + "." + parameter_name(key);
}

std::optional<AdapterKey> parse_adapter_key(const std::string& text) {
  std::string_view rest = text;
  AdapterKey key;
  std::optional<size_t> parameter;
  if (consume(rest, "invertible.")) {
    key.site = Site::kInvertible;
    parameter = find_parameter(rest, kInvertibleParameters);
  } else if (consume_site(rest, key)) {
    parameter = find_parameter(rest, kSiteParameters);
  }
  if (!parameter) return std::nullopt;
  key.parameter = *parameter;
  return key;
}

std::string adapter_key(const AdapterKey& key) {
  return (key.site == Site::kInvertible ? "invertible." : site_start(key)) + parameter_name(key);
}

std::optional<NamedAdapterKey> parse_fusion_file_key(const std::string& text) {
  std::string_view rest = text;
  consume_prefix(rest);
  AdapterKey key;
  if (!consume_site(rest, key) || !consume(rest, kFusionGroup)) return std::nullopt;
  return split_name(rest, key, kFusionParameters);
}

std::string fusion_file_key(const AdapterKey& key, const std::string& prefix,
                            const std::string& name) {
  return prefix + site_start(key) + std::string(kFusionGroup) + name + "." +
         std::string(kFusionParameters[key.parameter]);
}

std::optional<AdapterKey> parse_fusion_key(const std::string& text) {
  std::string_view rest = text;
  AdapterKey key;
  if (!consume_site(rest, key)) return std::nullopt;
  const auto parameter = find_parameter(rest, kFusionParameters);
  if (!parameter) return std::nullopt;
  key.parameter = *parameter;
  return key;
}

std::string fusion_key(const AdapterKey& key) {
  return site_start(key) + std::string(kFusionParameters[key.parameter]);
}

}  // namespace madx::io
