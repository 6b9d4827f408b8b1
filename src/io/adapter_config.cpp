#include "madx/io/adapter_config.h"

#include "io/adapterhub_files.h"
#include "io/bottleneck_json.h"
#include "io/json_file.h"
#include "madx/core/error.h"
#include "madx/io/mapped_file.h"

namespace madx::io {
namespace {

void check_architecture(const JsonObject& object) {
  if (!object.has("architecture") || object.at("architecture") == "bottleneck") return;
  object.refuse("architecture", "a bottleneck adapter (null or \"bottleneck\")",
                "LoRA, prefix tuning, unions and others are not supported");
}

BottleneckConfig parse_config_object(const JsonObject& object) {
  check_architecture(object);
  for (const char* const required :
       {"mh_adapter", "output_adapter", "reduction_factor", "non_linearity"}) {
    object.at(required);
  }
  BottleneckConfig config;
  config.original_ln_before =
      false;  // AdapterHub's default for a file; its named configurations set it
  set_bottleneck_keys(object, config);
  return config;
}

// The activations that AdapterHub's first versions called otherwise.
std::string renamed_activation(const std::string& name) {
  if (name == "gelu") return "gelu_new";
  if (name == "gelu_orig") return "gelu";
  return name;
}

}  // namespace

AdapterConfigFile read_adapter_config(const std::string& path) {
  return parse_adapter_config(path, MappedFile(path).bytes());
}

AdapterConfigFile parse_adapter_config(const std::string& path, std::string_view text) {
  const JsonObject json(path, parse_json(path, text));
  if (json.has("peft_type")) {
    json.refuse("peft_type", "left out, as AdapterHub has no such key",
                "this is an adapter of Hugging Face's PEFT, which is not supported; give one of "
                "AdapterHub");
  }
  AdapterConfigFile file;
  file.model = read_model_info(json);
  if (json.has("name")) file.name = json.text("name");
  if (json.has("type")) file.type = json.text("type");
  if (json.has("version")) file.version = json.text("version");
  if (json.at("config").is_string()) {
    try {
      file.config = parse_config_string(json.text("config"));
    } catch (const InputError& error) {
      input_error(path, ": ", error.what());
    }
  } else {
    file.config = parse_config_object(json.object("config"));
  }
  if (!json.value().contains("version")) {
    file.config.non_linearity = renamed_activation(file.config.non_linearity);
    file.config.spelling.erase("non_linearity");
  }
  return file;
}

void write_adapter_config(const std::string& path, const AdapterConfigFile& file) {
  write_adapterhub_json(path, file.model, file.name, bottleneck_json(file.config));
}

}  // namespace madx::io
