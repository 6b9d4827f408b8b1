#include "madx/io/adapter_setup.h"

#include <algorithm>
#include <filesystem>

#include "adapters/composition_blocks.h"
#include "io/adapterhub_files.h"
#include "io/json_file.h"
#include "madx/core/error.h"
#include "madx/io/mapped_file.h"
#include "madx/io/write_file.h"

namespace madx::io {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using Kind = Composition::Kind;

constexpr const char* kFileName = "adapter_setup.json";
constexpr const char* kSingle = "single";

// A name becomes a directory's: it must not lead anywhere else.
void check_directory_name(const std::string& path, const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos) {
    input_error(path, ": expected names that a directory can have, but found \"", name,
                "\"; rename the adapter");
  }
}

template <class Number>
std::vector<Number> read_numbers(const JsonObject& object, const char* key) {
  constexpr const char* kExpected =
      std::is_integral_v<Number> ? "a list of whole numbers" : "a list of numbers";
  if (!object.at(key).is_array()) object.refuse(key, kExpected);
  std::vector<Number> numbers;
  for (const auto& item : object.at(key)) {
    const bool fits = std::is_integral_v<Number>
                          ? item.is_number_unsigned() && item.get<uint64_t>() <= INT32_MAX
                          : item.is_number();
    if (!fits) object.refuse(key, kExpected);
    numbers.push_back(item.get<Number>());
  }
  return numbers;
}

void read_settings(const JsonObject& object, Composition& block) {
  if (object.has("batch_sizes")) block.batch_sizes = read_numbers<int64_t>(object, "batch_sizes");
  if (object.has("weights")) block.weights = read_numbers<double>(object, "weights");
  if (object.has("normalize_weights")) block.normalize_weights = object.flag("normalize_weights");
  if (object.has("name")) block.name = object.text("name");
}

Composition read_block(const JsonObject& object) {
  const auto type = object.text("type");
  const auto& children = object.at("children");
  if (!children.is_array() || children.empty()) object.refuse("children", "a list of members");
  if (type == kSingle) {
    if (children.size() != 1 || !children[0].is_string()) {
      object.refuse("children", "a list of one name");
    }
    return Composition(children[0].get<std::string>());
  }
  const auto found = std::find_if(kBlocks.begin(), kBlocks.end(),
                                  [&](const auto& block) { return type == block.name; });
  if (found == kBlocks.end()) {
    object.refuse("type", "Stack, Fuse, Average, BatchSplit, Parallel or single",
                  "other blocks are not supported");
  }
  Composition block(found->kind, {});
  block.adapterhub = block.kind == Kind::kAverage;  // what the setup was trained with
  for (const auto& child : children) {
    block.children.push_back(read_block(JsonObject(object.path() + ": " + type, child)));
  }
  if (object.has("kwargs")) read_settings(object.object("kwargs"), block);
  return block;
}

ordered_json block_json(const std::string& path, const Composition& block) {
  ordered_json object = {{"type", block.kind == Kind::kName ? kSingle : name_of(block.kind)},
                         {"children", ordered_json::array()}};
  auto& children = object["children"];
  if (block.kind == Kind::kName) {
    check_directory_name(path, block.name);
    if (block.name == kLanguage) {
      input_error(path, ": expected names of adapters, but found ", kLanguage,
                  ", which stands for each sequence's language; name the language");
    }
    children.push_back(block.name);
    return object;
  }
  for (const auto& child : block.children) children.push_back(block_json(path, child));
  if (block.kind == Kind::kAverage && !block.adapterhub) {
    input_error(path,
                ": expected an Average as AdapterHub computes it, but found the mean itself (no "
                "adapterhub=true); ",
                "its files have no word for that");
  }
  ordered_json settings = ordered_json::object();
  if (block.kind == Kind::kBatchSplit) settings["batch_sizes"] = block.batch_sizes;
  if (block.kind == Kind::kAverage) settings["weights"] = average_weights(block);
  if (!block.normalize_weights) settings["normalize_weights"] = false;
  if (block.kind == Kind::kFuse && !block.name.empty()) settings["name"] = block.name;
  if (!settings.empty()) object["kwargs"] = settings;
  return object;
}

std::vector<std::string> head_names(const json& heads) {
  if (heads.is_string()) return {heads.get<std::string>()};
  std::vector<std::string> names;
  if (heads.is_array()) {
    for (const auto& head : heads) names.push_back(head.get<std::string>());
  } else if (heads.is_object()) {
    names = adapter_names(read_block(JsonObject("head_setup", heads)));
  }
  return names;
}

void check_heads(const JsonObject& file) {
  if (!file.has("head_setup")) return;
  const auto& heads = file.at("head_setup");
  const bool list_of_names =
      heads.is_array() &&
      std::all_of(heads.begin(), heads.end(), [](const json& head) { return head.is_string(); });
  if (!heads.is_boolean() && !heads.is_string() && !heads.is_object() && !list_of_names) {
    file.refuse("head_setup", "null, true, a name, a list of names or a block");
  }
  for (const auto& name : head_names(heads)) check_directory_name(file.path(), name);
}

std::string setup_json(const std::string& path, const AdapterSetup& setup) {
  check_composition(setup.adapters);
  const auto heads = ordered_json::parse(setup.head_setup);
  for (const auto& fusion : parts_of(setup).fusions)
    check_directory_name(path, fusion_name(fusion));
  for (const auto& name : head_names(json::parse(setup.head_setup)))
    check_directory_name(path, name);
  const bool is_name = setup.adapters.kind == Kind::kName;
  const auto& adapters = is_name ? Composition(Kind::kStack, {setup.adapters}) : setup.adapters;
  return python_ordered_json(path, {{"adapter_setup", block_json(path, adapters)},
                                    {"head_setup", heads},
                                    {"version", kVersion}});
}

}  // namespace

bool has_adapter_setup(const std::string& directory) {
  std::error_code ignored;
  return std::filesystem::exists(directory + "/" + kFileName, ignored);
}

AdapterSetup read_adapter_setup(const std::string& directory) {
  check_holds(directory, kFileName, "a setup");
  const std::string path = directory + "/" + kFileName;
  return parse_adapter_setup(path, MappedFile(path).bytes());
}

AdapterSetup parse_adapter_setup(const std::string& path, std::string_view text) {
  const JsonObject file(path, parse_json(path, text));
  AdapterSetup setup;
  setup.adapters = read_block(file.object("adapter_setup"));
  try {
    check_composition(setup.adapters);
  } catch (const InputError& error) {
    input_error(path, ": ", error.what());
  }
  for (const auto& name : adapter_names(setup.adapters)) check_directory_name(path, name);
  for (const auto& fusion : parts_of(setup).fusions) {
    check_directory_name(path, fusion_name(fusion));
  }
  check_heads(file);
  if (file.has("head_setup")) {
    // Once more, with the keys in their own order.
    setup.head_setup = ordered_json::parse(text).at("head_setup").dump();
  }
  return setup;
}

void check_adapter_setup(const std::string& directory, const AdapterSetup& setup) {
  setup_json(directory + "/" + kFileName, setup);
}

void write_adapter_setup(const std::string& directory, const AdapterSetup& setup) {
  check_directory(directory);
  const std::string path = directory + "/" + kFileName;
  write_file(path, setup_json(path, setup));
}

AdapterSetupParts parts_of(const AdapterSetup& setup) {
  AdapterSetupParts parts;
  parts.adapters = adapter_names(setup.adapters);
  if (setup.adapters.kind == Kind::kFuse) parts.fusions.push_back(setup.adapters);
  for (const auto& child : setup.adapters.children) {
    if (child.kind == Kind::kFuse) parts.fusions.push_back(child);
  }
  for (const auto& name : head_names(json::parse(setup.head_setup))) {
    const auto& adapters = parts.adapters;
    if (std::find(adapters.begin(), adapters.end(), name) == adapters.end()) {
      parts.heads.push_back(name);
    }
  }
  return parts;
}

}  // namespace madx::io
