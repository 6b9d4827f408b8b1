// What a command line is read with, whatever its flags are, and what a program says of itself.
#include "apps/command_line/command_line.h"

#include <sys/resource.h>
#include <torch/version.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <set>
#include <sstream>

#include "apps/run/shell_text.h"
#include "madx/core/error.h"
#include "madx/core/plain_text.h"
#include "madx/core/version.h"
#include "madx/data/invisible.h"

namespace madx::apps {

std::vector<int64_t> parse_layers(const std::string& flag, const std::string& text) {
  std::vector<int64_t> layers;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    char* end = nullptr;
    const auto layer = std::strtol(part.c_str(), &end, 10);
    if (part.empty() || *end != '\0' || layer < 0) {
      input_error(flag, ": expected layers from 0 on, separated by commas, but found \"", text,
                  "\"");
    }
    layers.push_back(layer);
  }
  return layers;
}

void check_language(const std::string& flag, const std::string& language) {
  constexpr size_t kLongest = 200;  // bytes: a file is named after it
  if (!is_plain_name(language) || language.size() > kLongest) {
    input_error(flag, ": expected a language's name in UTF-8, without control characters, of at ",
                "most ", kLongest, " bytes, but found \"", language, "\"");
  }
}

namespace {

/// Whether a file of this name is read of a directory: of an encoder, adapter, head, fusion or
/// setup.
bool is_read_of_directory(const std::string& name) {
  static const std::set<std::string> names = {"adapter.safetensors",
                                              "adapter_config.json",
                                              "adapter_fusion_config.json",
                                              "adapter_setup.json",
                                              "added_tokens.json",
                                              "config.json",
                                              "head_config.json",
                                              "model.safetensors",
                                              "model_adapter_fusion.safetensors",
                                              "model_head.safetensors",
                                              "pytorch_adapter.bin",
                                              "pytorch_model.bin",
                                              "pytorch_model_adapter_fusion.bin",
                                              "pytorch_model_head.bin",
                                              "sentencepiece.bpe.model",
                                              "tokenizer.json",
                                              "tokenizer_config.json",
                                              "vocab.txt"};
  return names.count(name) > 0;
}

}  // namespace

void check_output_is_no_input(const std::string& output, const std::vector<std::string>& inputs) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto written = fs::canonical(output, error);
  if (error) return;  // nothing stands there
  for (const auto& input : inputs) {
    const auto path = fs::exists(input, error) ? input : input.substr(input.find('=') + 1);
    const bool same = fs::equivalent(written, path, error);
    const bool inside = is_read_of_directory(written.filename()) &&
                        fs::equivalent(written.parent_path(), path, error);
    if (!same && !inside) continue;
    input_error(output, ": expected an output that is no input, but found ",
                same ? "" : "a file of ", path, "; choose another name");
  }
}

namespace {

CLI::Validator expecting(const std::string& expected,
                         const std::function<bool(const std::string&)>& holds) {
  return {[=](const std::string& found) {
            return holds(found) ? "" : "expected " + expected + ", but found " + in_quotes(found);
          },
          /*validator_desc=*/expected};
}

}  // namespace

CLI::Validator one_of(const std::vector<std::string>& words) {
  std::string list;
  for (size_t i = 0; i < words.size(); ++i)
    list += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return expecting(list, [words](const std::string& found) {
    return std::find(words.begin(), words.end(), found) != words.end();
  });
}

CLI::Validator from_to(int64_t least, int64_t most) {
  return expecting("a whole number from " + std::to_string(least) + " to " + std::to_string(most),
                   [=](const std::string& found) {
                     const auto number = parse_number(found);
                     return number && *number == std::floor(*number) &&
                            *number >= static_cast<double>(least) &&
                            *number <= static_cast<double>(most);
                   });
}

CLI::Validator above_zero() {
  return expecting("a number above 0", [](const std::string& found) {
    const auto number = parse_number(found);
    return number && *number > 0 && std::isfinite(*number);
  });
}

std::vector<std::pair<std::string, std::string>> parse_pairs(
    const std::string& flag, const std::vector<std::string>& values) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& value : values) {
    const auto equals = value.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == value.size()) {
      input_error(flag, ": expected LANGUAGE=PATH, but found \"", value, "\"");
    }
    const auto language = value.substr(0, equals);
    if (language.find_first_of("/\\.") != std::string::npos) {
      input_error(flag,
                  ": expected a language's name without dots and slashes before =, but found \"",
                  language, "\"");
    }
    check_language(flag, language);
    for (const auto& pair : pairs) {
      if (pair.first == language)
        input_error(flag, ": expected each language once, but found ", language, " twice");
    }
    pairs.emplace_back(language, value.substr(equals + 1));
  }
  return pairs;
}

namespace {

/// Whether all of `text` is a whole number of this type, in decimal digits and within its range.
template <class Number>
bool is_whole_number(const std::string& text) {
  const auto digits = text.substr(starts_with(text, "-") ? 1 : 0);
  if (digits.size() > 1 && digits[0] == '0') return false;  // CLI11 takes 010 for 8
  Number value;
  const auto* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc() && result.ptr == end;
}

void check_value(const CLI::App& app, const CLI::Option& option, const std::string& type,
                 const std::string& text) {
  const auto require = [&](bool holds, const char* expected) {
    if (!holds)
      input_error(option.get_name(), ": expected ", expected, ", but found \"", text, "\"");
  };
  require(!text.empty(), option.get_required() ? "a value" : "a value, or the flag left out");
  if (starts_with(text, "--") && app.get_option_no_throw(text) != nullptr)
    input_error(option.get_name(), ": expected a value, but found the flag ", text);
  if (type == "INT") require(is_whole_number<int64_t>(text), "a whole number of at most 63 bits");
  if (type == "UINT")
    require(is_whole_number<uint64_t>(text), "a whole number of at least 0 and at most 64 bits");
  if (type == "FLOAT") require(parse_number(text).has_value(), "a number");
}

/// What CLI11 passes over, or says in few words: an empty value, which counts as none, the next
/// flag in the place of a value, and numbers that are too large, which become the largest there is.
void check_values(const CLI::App& app) {
  for (const auto* option : app.get_options()) {
    const auto& values = option->results();
    const auto most = static_cast<size_t>(option->get_items_expected_max());
    if (most == 0) continue;  // a flag alone
    if (values.size() > most) {
      input_error(option->get_name(), ": expected at most ", most, most == 1 ? " value" : " values",
                  ", but found ", values.size(), "; give the flag once");
    }
    const auto type = option->get_type_name();
    for (const auto& value : values)
      check_value(app, *option,
                  type.substr(0, type.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ")), value);
  }
  for (const auto* chosen : app.get_subcommands()) check_values(*chosen);
}

/// Refuses a flag that is none of the program's, also where one that is required is missing, which
/// it may be in the place of; then words that no flag takes.
void check_known(const CLI::App& app) {
  const auto unknown = app.remaining(/*recurse=*/true);
  for (const auto& word : unknown) {
    if (!starts_with(word, "-")) continue;
    input_error(word.substr(0, word.find('=')),
                ": expected a flag of this program, but found none so called (see --help)");
  }
  if (!unknown.empty())
    input_error("\"", unknown[0], "\": expected a flag before it, but found none (see --help)");
}

std::string version_text(const std::string& program) {
  return program.substr(program.rfind('/') + 1) + " (madx) " + madx::kVersion +
         "\nBuilt with LibTorch " + TORCH_VERSION;
}

}  // namespace

void parse_command_line(CLI::App& app, int argc, char** argv) {
  app.set_version_flag("--version", version_text(argv[0]), "Print version and exit");
  try {
    app.parse(argc, argv);
    check_values(app);
  } catch (const CLI::Success& asked) {  // --help or --version
    std::exit(app.exit(asked));
  } catch (const CLI::ParseError& error) {
    check_values(app);
    check_known(app);
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
      const std::string what = error.what();  // "--encoder: 1 required TEXT missing"
      if (const auto colon = what.find(": "); colon != std::string::npos)
        input_error(what.substr(0, colon), ": expected a value, but found none (see --help)");
    }
    auto message = std::string(error.what());
    std::replace(message.begin(), message.end(), '\n', ' ');
    input_error(message, " (see --help)");
  }
}

int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

std::string peak_memory() {
  return fixed_text(static_cast<double>(peak_memory_bytes()) / 1e9, 2) + " GB";
}

std::string command_line(int argc, char** argv) { return shell_text({argv, argv + argc}); }

}  // namespace madx::apps
