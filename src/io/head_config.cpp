#include "io/head_config.h"

#include "io/adapterhub_files.h"
#include "io/json_file.h"
#include "madx/core/error.h"

namespace madx::io {
namespace {

using nlohmann::json;

// {"O": 0, "B-PER": 1, ...} as labels by id.
std::vector<std::string> parse_labels(const JsonObject& object) {
  const JsonObject ids = object.object("label2id");
  std::vector<std::string> labels(ids.value().size());
  std::vector<bool> seen(labels.size(), false);
  for (const auto& [label, value] : ids.value().items()) {
    const int64_t id = ids.integer(label);
    if (id < 0 || id >= static_cast<int64_t>(labels.size()) || seen[static_cast<size_t>(id)]) {
      object.refuse("label2id", "labels with the ids 0, 1, 2, ... once each");
    }
    labels[static_cast<size_t>(id)] = label;
    seen[static_cast<size_t>(id)] = true;
  }
  if (labels.empty()) object.refuse("label2id", "at least one label");
  if (object.has("num_labels") &&
      object.integer("num_labels") != static_cast<int64_t>(labels.size())) {
    object.refuse("num_labels",
                  "the number of labels in label2id, " + std::to_string(labels.size()));
  }
  return labels;
}

void require(const JsonObject& config, const char* key, const json& expected) {
  if (config.has(key) && config.at(key) != expected) {
    config.refuse(key, expected.dump(), "other heads are not supported");
  }
}

void keep_spelling(const JsonObject& config, std::initializer_list<const char*> keys,
                   HeadDirectory& head) {
  for (const char* const key : keys) {
    if (config.value().contains(key)) head.spelling[key] = config.value().at(key).dump();
  }
  if (!config.has("dropout_prob")) return;
  const double dropout = config.number("dropout_prob");
  if (!(dropout >= 0 && dropout <= 1))
    config.refuse("dropout_prob", "null or a probability from 0 to 1");
}

void read_flexible_config(const JsonObject& config, HeadDirectory& head) {
  head.head_type = config.text("head_type");
  if (head.head_type == kTagging) {
    require(config, "layers", 1);
    head.labels = parse_labels(config);
    keep_spelling(config, {"activation_function", "dropout_prob"}, head);
  } else if (head.head_type == kMaskedLm) {
    require(config, "layers", 2);
    require(config, "activation_function", "gelu");
    require(config, "layer_norm", true);
    require(config, "bias", true);
    require(config, "shift_labels", false);
    require(config, "embedding_size", head.model.hidden_size);
    head.vocab_size = config.integer("vocab_size");
  } else if (head.head_type == kClassification) {
    require(config, "layers", 2);
    require(config, "activation_function", "tanh");
    require(config, "bias", true);
    require(config, "use_pooler", false);
    head.labels = parse_labels(config);
    keep_spelling(config, {"dropout_prob"}, head);
  } else {
    config.refuse("head_type", "\"tagging\", \"classification\" or \"masked_lm\"",
                  "other heads are not supported");
  }
}

// A static head has no configuration of its own: the model's class says what it is.
void read_static_config(const JsonObject& file, HeadDirectory& head) {
  const auto ends_with = [&](const std::string& end) {
    const auto& text = head.model.model_class;
    return text.size() >= end.size() &&
           text.compare(text.size() - end.size(), end.size(), end) == 0;
  };
  if (ends_with("ForTokenClassification")) {
    head.head_type = kTagging;
    head.labels = parse_labels(file);
  } else if (ends_with("ForMaskedLM")) {
    head.head_type = kMaskedLm;
  } else {
    file.refuse("model_class", "a class for token classification or masked LM",
                "other heads are not supported");
  }
}

json label_json(const HeadDirectory& head) {
  json ids = json::object();
  for (size_t id = 0; id < head.labels.size(); ++id) ids[head.labels[id]] = id;
  return ids;
}

json classification_json(const HeadDirectory& head) {
  json config = {{"activation_function", "tanh"},    {"bias", true},
                 {"dropout_prob", nullptr},          {"head_type", kClassification},
                 {"label2id", label_json(head)},     {"layers", 2},
                 {"num_labels", head.labels.size()}, {"use_pooler", false}};
  for (const auto& [key, text] : head.spelling) config[key] = json::parse(text);
  return config;
}

json tagging_json(const HeadDirectory& head) {
  json config = {{"activation_function", "tanh"},
                 {"dropout_prob", nullptr},
                 {"head_type", kTagging},
                 {"label2id", label_json(head)},
                 {"layers", 1},
                 {"num_labels", head.labels.size()}};
  for (const auto& [key, text] : head.spelling) config[key] = json::parse(text);
  return config;
}

json masked_lm_json(const HeadDirectory& head) {
  return {{"activation_function", "gelu"},
          {"bias", true},
          {"embedding_size", head.model.hidden_size},
          {"head_type", kMaskedLm},
          {"label2id", nullptr},
          {"layer_norm", true},
          {"layers", 2},
          {"shift_labels", false},
          {"vocab_size", head.vocab_size}};
}

}  // namespace

HeadDirectory parse_head_config(const std::string& path, std::string_view text) {
  const JsonObject file(path, parse_json(path, text));
  HeadDirectory head;
  head.model = read_model_info(file);
  if (file.has("name")) head.name = file.text("name");
  if (file.has("config")) {
    read_flexible_config(file.object("config"), head);
  } else {
    read_static_config(file, head);
  }
  return head;
}

json head_config_json(const HeadDirectory& head) {
  if (head.head_type == kClassification) return classification_json(head);
  return head.head_type == kTagging ? tagging_json(head) : masked_lm_json(head);
}

}  // namespace madx::io
