#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/encoder_weights.h"
#include "madx/adapters/adapter_stack.h"
#include "madx/io/adapter_files.h"
#include "madx/io/encoder_names.h"
#include "madx/io/safetensors.h"
#include "madx/models/tagging_head.h"
#include "packed_inputs.h"

namespace madx {

/// A case written by tests/fixtures/make_case.py, opened: the models, its inputs, and what Python
/// computed from them.
struct ParityCase {
  explicit ParityCase(const std::string& path_)
      : path(path_),
        parts(io::open_encoder(path + "/encoder", /*weights_only=*/false)),
        encoder(io::make_encoder(parts.config, parts.weights, parts.where)),
        mlm_head(io::find_head(parts)),
        adapters(parts.config.hidden_size, parts.config.num_hidden_layers),
        inputs(io::read_safetensors(path + "/inputs.safetensors")),
        expected(io::read_safetensors(path + "/expected.safetensors")),
        settings(nlohmann::json::parse(std::ifstream(path + "/case.json"))) {
    for (const auto& name : stack()) io::load_adapter(adapters, path + "/adapters/" + name);
    tagging_head = io::load_tagging_head(path + "/head/" + settings["head"].get<std::string>());
    for (auto& weight : adapters->parameters()) weight.requires_grad_(true);
    tagging_head->eval();
    adapters->eval();
    mask = inputs["attention_mask"].to(at::kBool);
    batch = pack_attended(inputs["input_ids"], mask);
  }

  std::vector<std::string> stack() const {
    return settings["stack"].get<std::vector<std::string>>();
  }
  std::string language() const { return settings["language"]; }
  std::string task() const { return settings["task"]; }

  /// The attended positions of a (batch, length, ...) tensor: packed rows have no padding.
  at::Tensor attended(const at::Tensor& x) const { return x.index({mask}); }

  /// The packed batch that reads the rows whose label is not -100, and those labels.
  std::pair<PackedBatch, at::Tensor> labelled(const std::string& labels) const {
    const auto all = attended(inputs[labels]);  // (rows)
    auto read = batch;
    read.read_rows = (all != -100).nonzero().squeeze(1);
    return {read, all.index_select(0, read.read_rows)};
  }

  at::Tensor mlm_logits() {
    adapters->activate({language()});
    const auto [read, targets] = labelled("mlm_labels");
    return mlm_head->logits(encoder->forward(read, *adapters), encoder->word_embeddings(),
                            adapters->invertible());
  }
  at::Tensor mlm_loss() {
    adapters->activate({language()});
    const auto [read, targets] = labelled("mlm_labels");
    return mlm_head->loss(encoder->forward(read, *adapters), encoder->word_embeddings(), targets,
                          adapters->invertible());
  }
  at::Tensor tag_loss() {
    adapters->activate(stack());
    const auto [read, targets] = labelled("tag_labels");
    return tagging_head->loss(encoder->forward(read, *adapters), targets);
  }

  std::string path;
  io::EncoderParts parts;
  Encoder encoder;
  MlmHead mlm_head;
  AdapterStack adapters;
  TaggingHead tagging_head{nullptr};
  TensorMap inputs;
  TensorMap expected;
  nlohmann::json settings;
  PackedBatch batch;  ///< the attended tokens; every row is read
  at::Tensor mask;    ///< (batch, length) bool
};

}  // namespace madx
