#include "io/adapterhub_files.h"

#include <algorithm>
#include <filesystem>

#include "madx/core/error.h"
#include "madx/data/invisible.h"
#include "madx/io/floating.h"
#include "madx/io/safetensors.h"
#include "madx/io/torch_file.h"
#include "madx/io/write_file.h"

namespace madx::io {
namespace {

namespace fs = std::filesystem;

// Attributes of torch.nn.ModuleDict, in which Python keeps adapters and heads by name: it refuses
// these names. The long ones, which nobody gives to an adapter (load_state_dict, ...), are left
// out.
constexpr const char* kTakenNames[] = {
    "apply", "bfloat16", "buffers", "children", "clear",   "compile", "cpu",
    "cuda",  "double",   "eval",    "float",    "forward", "half",    "ipu",
    "items", "keys",     "modules", "mtia",     "pop",     "to",      "parameters",
    "train", "training", "type",    "update",   "values",  "xpu"};

bool is_peft(const std::string& config) {
  try {
    return JsonObject::read(config).has("peft_type");
  } catch (const InputError&) {
    return false;
  }
}

}  // namespace

std::string name_problem(const std::string& name) {
  if (name.empty() || name.find('.') != std::string::npos) {
    return std::string("expected a name without dots, as Python's adapters takes no other, ") +
           "but found " + (name.empty() ? "an empty one" : "a dot");
  }
  if (!is_plain_name(name)) {
    return "expected a name in UTF-8 without control characters, as it is written into JSON, but "
           "found other bytes";
  }
  const auto is_name = [&](const char* taken) { return name == taken; };
  if (std::any_of(std::begin(kTakenNames), std::end(kTakenNames), is_name)) {
    return "expected a name that Python's adapters can give to an adapter, but found one that "
           "PyTorch keeps for itself";
  }
  return "";
}

void check_name(const std::string& name) {
  const auto problem = name_problem(name);
  if (!problem.empty()) input_error("name \"", name, "\": ", problem, "; choose another name");
}

ModelInfo read_model_info(const JsonObject& file) {
  ModelInfo model;
  model.model_type = file.text("model_type");
  model.model_class = file.has("model_class") ? file.text("model_class") : "";
  model.model_name = file.has("model_name") ? file.text("model_name") : "";
  model.hidden_size = file.integer("hidden_size");
  if (model.hidden_size <= 0) file.refuse("hidden_size", "above 0");
  return model;
}

void write_adapterhub_json(const std::string& path, const ModelInfo& model, const std::string& name,
                           const nlohmann::json& config, const nlohmann::json& more) {
  nlohmann::json file = {{"config", config},
                         {"hidden_size", model.hidden_size},
                         {"model_class", model.model_class},
                         {"model_name", model.model_name},
                         {"model_type", model.model_type},
                         {"name", name},
                         {"version", kVersion}};
  file.update(more);
  write_file(path, python_json(path, file));
}

void check_directory(const std::string& directory) {
  std::error_code ignored;
  if (!fs::is_directory(directory, ignored)) {
    input_error(directory, ": expected a directory of AdapterHub, but found ",
                fs::exists(directory, ignored) ? "a file" : "nothing", "; check the path");
  }
}

std::string describe_directory(const std::string& directory) {
  const auto has = [&](const char* name) {
    std::error_code ignored;
    return fs::exists(fs::path(directory) / name, ignored);
  };
  if (has("adapter_setup.json")) return "a setup of AdapterHub (adapter_setup.json)";
  if (has("adapter_config.json")) {
    return is_peft(directory + "/adapter_config.json")
               ? "an adapter of Hugging Face's PEFT (adapter_config.json with \"peft_type\")"
               : "an adapter of AdapterHub (adapter_config.json)";
  }
  if (has("adapter_fusion_config.json")) return "an AdapterFusion (adapter_fusion_config.json)";
  if (has("head_config.json")) return "a head of AdapterHub (head_config.json)";
  if (has("config.json")) return "a whole model (config.json)";
  return "";
}

void check_holds(const std::string& directory, const char* config, const char* what) {
  check_directory(directory);
  const auto path = fs::path(directory) / config;
  std::error_code error;
  if (fs::exists(path, error)) return;
  if (error) {  // whether it is there cannot be known
    input_error(path.string(), ": expected a file that can be read, but found: ", error.message(),
                "; check the path");
  }
  const auto found = describe_directory(directory);
  input_error(directory, "/", config, ": expected a file that describes ", what,
              ", but found none; the directory holds ",
              found.empty() ? "nothing of AdapterHub" : found, "; give that of ", what);
}

TensorMap read_weights(const std::string& directory, const WeightsName& name) {
  const fs::path folder(directory);
  std::error_code ignored;
  const bool is_bin = fs::exists(folder / name.bin, ignored);
  if (!is_bin && !fs::exists(folder / name.safetensors, ignored)) {
    input_error(directory, ": expected ", name.bin, " or ", name.safetensors,
                ", but found neither; copy the directory again");
  }
  const std::string file = folder / (is_bin ? name.bin : name.safetensors);
  const auto tensors = is_bin ? read_torch_file(file) : read_safetensors(file);
  for (const auto& item : tensors) check_floating(file + ": " + item.key(), item.value());
  return tensors;
}

void write_weights(const std::string& directory, const WeightsName& name, const TensorMap& tensors,
                   TensorFormat format) {
  if (format == TensorFormat::kTorch) {
    write_torch_file(directory + "/" + name.bin, tensors);
  } else {
    write_safetensors(directory + "/" + name.safetensors, tensors);
  }
}

std::string model_prefix(const ModelInfo& model) {
  if (model.model_type == "xlm-roberta" || model.model_type == "roberta") return "roberta.";
  if (model.model_type == "bert") return "bert.";
  input_error("encoder: expected the type xlm-roberta, roberta or bert, but found \"",
              model.model_type, "\"; use one of these");
}

}  // namespace madx::io
