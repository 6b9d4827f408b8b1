// What a command line is read with, whatever its flags are, and what a program says of itself.
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "apps/command_line/flags.h"
#include "apps/run/shell_text.h"
#include "madx/core/error.h"
#include "madx/core/plain_text.h"

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
    for (const auto& pair : pairs) {
      if (pair.first == language)
        input_error(flag, ": expected each language once, but found ", language, " twice");
    }
    pairs.emplace_back(language, value.substr(equals + 1));
  }
  return pairs;
}

void parse_command_line(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    std::exit(app.exit(help));
  } catch (const CLI::ParseError& error) {
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
