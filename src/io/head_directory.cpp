#include <algorithm>
#include <filesystem>
#include <optional>

#include "io/adapterhub_files.h"
#include "io/head_config.h"
#include "madx/core/error.h"
#include "madx/io/adapterhub.h"
#include "madx/io/mapped_file.h"

namespace madx::io {
namespace {

constexpr const char* kHeadConfigName = "head_config.json";
constexpr WeightsName kHeadWeights{"pytorch_model_head.bin", "model_head.safetensors"};
constexpr const char* kTiedKey = "3.weight";

// In the order in which PyTorch lists a head's parameters.
const std::vector<std::string>& keys_of(const std::string& head_type) {
  static const std::vector<std::string> tagging = {"1.weight", "1.bias"};
  static const std::vector<std::string> masked_lm = {"0.weight", "0.bias", "2.weight", "2.bias",
                                                     "3.bias"};
  static const std::vector<std::string> classification = {"1.weight", "1.bias", "4.weight",
                                                          "4.bias"};
  return head_type == kTagging          ? tagging
         : head_type == kClassification ? classification
                                        : masked_lm;
}

// Keys of Hugging Face's static heads. The output bias of masked LM may come under two keys, which
// share one tensor.
struct StaticKey {
  const char* key;
  const char* head_key;
};
constexpr StaticKey kStaticKeys[] = {
    {"classifier.weight", "1.weight"},
    {"classifier.bias", "1.bias"},
    {"lm_head.dense.weight", "0.weight"},
    {"lm_head.dense.bias", "0.bias"},
    {"lm_head.layer_norm.weight", "2.weight"},
    {"lm_head.layer_norm.bias", "2.bias"},
    {"lm_head.decoder.weight", kTiedKey},
    {"lm_head.decoder.bias", "3.bias"},
    {"lm_head.bias", "3.bias"},
    {"cls.predictions.transform.dense.weight", "0.weight"},
    {"cls.predictions.transform.dense.bias", "0.bias"},
    {"cls.predictions.transform.LayerNorm.weight", "2.weight"},
    {"cls.predictions.transform.LayerNorm.bias", "2.bias"},
    {"cls.predictions.decoder.weight", kTiedKey},
    {"cls.predictions.decoder.bias", "3.bias"},
    {"cls.predictions.bias", "3.bias"},
};

struct HeadKey {
  std::string key;
  std::string name;  // of the head; empty in a static one
};

// "heads.NAME.1.weight", or a static head's key; nothing for a key that a head of this type does
// not have.
std::optional<HeadKey> parse_head_key(const std::string& text, const std::string& head_type) {
  auto keys = keys_of(head_type);
  if (head_type == kMaskedLm) keys.push_back(kTiedKey);
  for (const auto& entry : kStaticKeys) {
    const bool belongs = std::find(keys.begin(), keys.end(), entry.head_key) != keys.end();
    if (text == entry.key && belongs) return HeadKey{entry.head_key, ""};
  }
  const std::string start = "heads.";
  for (const auto& key : keys) {
    const std::string end = "." + key;
    if (text.size() > start.size() + end.size() && text.compare(0, start.size(), start) == 0 &&
        text.compare(text.size() - end.size(), end.size(), end) == 0) {
      return HeadKey{key, text.substr(start.size(), text.size() - start.size() - end.size())};
    }
  }
  return std::nullopt;
}

void read_tensors(const std::string& directory, HeadDirectory& head) {
  std::optional<std::string> name;  // as the keys have it: it decides
  for (const auto& item : read_weights(directory, kHeadWeights)) {
    const auto found = parse_head_key(item.key(), head.head_type);
    if (!found) {
      input_error(directory, ": expected tensors of a ", head.head_type, " head, but found ",
                  item.key(), "; save the head alone");
    }
    if (name && *name != found->name) {
      input_error(directory, ": expected tensors of one head, but found those of \"", *name,
                  "\" and \"", found->name, "\"; save one head a directory");
    }
    name = found->name;
    if (found->key != kTiedKey && !head.tensors.contains(found->key)) {
      head.tensors.insert(found->key, item.value());
    }
  }
  if (name && !name->empty()) head.name = *name;
  for (const auto& key : keys_of(head.head_type)) {
    if (!head.tensors.contains(key)) {
      input_error(directory, ": expected a ", head.head_type, " head with the tensor ", key,
                  ", but found none; save the head again");
    }
  }
}

}  // namespace

bool has_head(const std::string& directory) {
  std::error_code ignored;
  return std::filesystem::exists(directory + "/" + kHeadConfigName, ignored);
}

HeadDirectory read_head(const std::string& directory) {
  check_holds(directory, kHeadConfigName, "a head");
  const std::string config = directory + "/" + kHeadConfigName;
  HeadDirectory head = parse_head_config(config, MappedFile(config).bytes());
  read_tensors(directory, head);
  if (head.head_type == kMaskedLm) {
    const int64_t found = head.tensors["3.bias"].numel();
    if (head.vocab_size == 0) head.vocab_size = found;
    if (found != head.vocab_size) {
      input_error(directory, ": expected an output bias for vocab_size ", head.vocab_size,
                  ", but found ", found, " values; take both files from one head");
    }
  }
  return head;
}

void write_head(const std::string& directory, const HeadDirectory& head, TensorFormat format) {
  check_directory(directory);
  check_name(head.name);
  if (head.head_type != kTagging && head.head_type != kMaskedLm &&
      head.head_type != kClassification) {
    input_error(directory,
                ": expected a head of type tagging, classification or masked_lm, but found \"",
                head.head_type, "\"; other heads are not supported");
  }
  const auto& keys = keys_of(head.head_type);
  TensorMap tensors;
  for (const auto& key : keys) {
    if (!head.tensors.contains(key)) {
      input_error(directory, ": expected a ", head.head_type, " head with the tensor ", key,
                  ", but found none; give all of ", keys.size());
    }
    tensors.insert("heads." + head.name + "." + key, head.tensors[key]);
  }
  // The configuration first: it refuses what it cannot hold before anything is written.
  write_adapterhub_json(directory + "/" + kHeadConfigName, head.model, head.name,
                        head_config_json(head));
  write_weights(directory, kHeadWeights, tensors, format);
}

}  // namespace madx::io
