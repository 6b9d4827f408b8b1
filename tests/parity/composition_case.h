#pragma once

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/encoder_weights.h"
#include "madx/adapters/adapter_stack.h"
#include "madx/io/adapter_files.h"
#include "madx/io/encoder_names.h"
#include "madx/io/safetensors.h"
#include "madx/models/encoder.h"
#include "madx/models/mlm_head.h"
#include "packed_inputs.h"

namespace madx {

/// What Python computes for an expression: its Average blocks divide as AdapterHub does.
inline Composition as_in_python(Composition composition) {
  composition.adapterhub = composition.kind == Composition::Kind::kAverage;
  for (auto& child : composition.children) child = as_in_python(child);
  return composition;
}

/// A case written by tests/fixtures/make_composition_case.py, opened.
struct CompositionCase {
  explicit CompositionCase(const std::string& path)
      : parts(io::open_encoder(path + "/encoder", /*weights_only=*/false)),
        encoder(io::make_encoder(parts.config, parts.weights, parts.where)),
        mlm_head(io::find_head(parts)),
        adapters(parts.config.hidden_size, parts.config.num_hidden_layers),
        inputs(io::read_safetensors(path + "/inputs.safetensors")),
        expected(io::read_safetensors(path + "/expected.safetensors")),
        settings(nlohmann::json::parse(std::ifstream(path + "/case.json"))),
        mask(inputs["attention_mask"].to(at::kBool)),
        batch(pack_attended(inputs["input_ids"], mask)) {
    for (const std::string name : settings["adapters"])
      io::load_adapter(adapters, path + "/adapters/" + name, name);
    const auto weights = io::read_safetensors(path + "/fusions.safetensors");
    for (const auto& [name, config] : settings["fusions"].items())
      add_fusion(name, config, weights);
    for (auto& weight : adapters->parameters()) weight.requires_grad_(true);
    adapters->eval();
    mlm_head->eval();
    for (auto& weight : mlm_head->parameters()) weight.requires_grad_(false);
  }

  /// The attended positions of (channels * batch, length, ...): packed rows have no padding.
  at::Tensor attended(const at::Tensor& x) const {
    return x.index({mask.repeat({x.size(0) / mask.size(0), 1})});
  }

  /// Every parameter of adapters and fusions by AdapterHub's key.
  std::map<std::string, at::Tensor> hub_tensors() const {
    std::map<std::string, at::Tensor> tensors;
    const auto insert = [&](const std::string& group, const std::string& name,
                            const std::string& key, const at::Tensor& tensor) {
      const std::string marker = ".output.";
      const auto at = key.find(marker);
      if (at == std::string::npos) {  // invertible.F.0.weight
        tensors.emplace("roberta.invertible_adapters." + name + key.substr(key.find('.')), tensor);
      } else {
        const auto end = at + marker.size();
        tensors.emplace(
            "roberta." + key.substr(0, end) + group + "." + name + "." + key.substr(end), tensor);
      }
    };
    for (const auto& name : adapters->names())
      for (const auto& [key, tensor] : adapters->get(name)->named_tensors())
        insert("adapters", name, key, tensor);
    for (const auto& name : adapters->fusion_names())
      for (const auto& [key, tensor] : adapters->get_fusion(name)->named_tensors())
        insert("adapter_fusion_layer", name, key, tensor);
    return tensors;
  }

  void zero_grad() const {
    for (auto& [key, tensor] : hub_tensors()) at::Tensor(tensor).mutable_grad() = at::Tensor();
  }

  io::EncoderParts parts;
  Encoder encoder;
  MlmHead mlm_head;
  AdapterStack adapters;
  TensorMap inputs;
  TensorMap expected;
  nlohmann::json settings;
  at::Tensor mask;    ///< (batch, length) bool
  PackedBatch batch;  ///< the attended tokens; every row is read

 private:
  void add_fusion(const std::string& name, const nlohmann::json& json, const TensorMap& weights) {
    FusionConfig config;
    config.query = json["query"];
    config.key = json["key"];
    config.value = json["value"];
    config.query_before_ln = json["query_before_ln"];
    config.residual_before = json["residual_before"];
    config.temperature = json["temperature"];
    config.value_before_softmax = json["value_before_softmax"];
    config.value_initialized = json["value_initialized"];
    config.regularization = json["regularization"];
    auto fuse = Fuse({}).named(name);
    std::istringstream members(name);
    for (std::string member; std::getline(members, member, ',');)
      fuse.children.emplace_back(member);
    adapters->add_fusion(fuse, config);
    const at::NoGradGuard no_grad;
    for (auto& [key, tensor] : hub_tensors()) {
      if (key.find("adapter_fusion_layer." + name + ".") == std::string::npos) continue;
      const auto* theirs = weights.find(key);
      ASSERT_NE(theirs, nullptr) << key;
      at::Tensor(tensor).copy_(*theirs);
    }
  }
};

}  // namespace madx
