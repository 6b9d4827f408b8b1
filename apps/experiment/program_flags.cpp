#include "apps/experiment/program_flags.h"

#include <sys/mman.h>

#include <future>
#include <regex>

#include "apps/experiment/child_process.h"
#include "core/descriptor.h"
#include "madx/core/error.h"
#include "madx/core/read_bytes.h"

namespace madx::apps {
namespace {

/// Flags of a program, and whether a value follows.
using KnownFlags = std::map<std::string, bool>;

const char* program_of(PieceKind kind) {
  switch (kind) {
    case PieceKind::kLmHead:
      return "train_lm_head";
    case PieceKind::kLanguageAdapter:
      return "train_lang_adapter";
    case PieceKind::kAdaptedEncoder:
      return "adapt_encoder";
    default:
      return "zero_shot_ner";
  }
}

/// What a program prints of itself.
std::string help_of(const std::string& program) {
  const Descriptor file(memfd_create("help", MFD_CLOEXEC));
  if (file.number < 0)
    machine_error(program, ": expected memory for what --help prints, but found none");
  const auto path = "/proc/self/fd/" + std::to_string(file.number);
  const auto ended = run_child({program, "--help"}, path, [] { return true; });
  auto text = read_bytes(path, "what --help printed");
  if (ended.status != 0)
    machine_error(program, ": expected --help to say its flags, but found status ", ended.status,
                  ": ", text);
  return text;
}

KnownFlags flags_in_help(const std::string& help) {
  static const std::regex line(R"((?:^|\n)  (?:-h,)?(--[a-z0-9-]+)( [A-Z])?)");
  KnownFlags flags;
  for (std::sregex_iterator match(help.begin(), help.end(), line), end; match != end; ++match)
    flags[(*match)[1]] = (*match)[2].matched;
  return flags;
}

/// Flags of the configuration at one of its keys.
struct FlagsAtKey {
  std::string key, program;
  const FlagValues& flags;
};

std::vector<FlagsAtKey> all_flags(const ExperimentConfig& config) {
  std::vector<FlagsAtKey> all;
  const auto add = [&](const std::string& key, PieceKind kind, const FlagValues& flags) {
    if (!flags.empty()) all.push_back({key, program_of(kind), flags});
  };
  for (const auto& [kind, flags] : config.flags)
    add(std::string("flags.") + key_of(kind), kind, flags);
  for (const auto& [row, kinds] : config.row_flags)
    for (const auto& [kind, flags] : kinds)
      add("row_flags." + row + "." + key_of(kind), kind, flags);
  for (const auto& [language, flags] : config.language_flags)
    add("language_flags." + language, PieceKind::kLanguageAdapter, flags);
  return all;
}

void check(const std::string& file, const FlagsAtKey& at, const KnownFlags& known) {
  for (const auto& [flag, value] : at.flags) {
    const auto found = known.find(flag);
    if (found == known.end())
      input_error(file, ": ", at.key, ": expected flags of ", at.program, ", but found \"", flag,
                  "\"; see ", at.program, " --help");
    const bool takes_value = found->second;
    if (value.given && takes_value != (value.of_source || !value.values.empty()))
      input_error(file, ": ", at.key, ".", flag, ": expected ",
                  takes_value ? "a value, but found true" : "true or false, but found a value");
  }
}

}  // namespace

void check_program_flags(const ExperimentConfig& config, const std::string& programs) {
  const auto all = all_flags(config);
  std::map<std::string, std::future<std::string>> helps;  // asked for at once
  for (const auto& at : all)
    if (helps.count(at.program) == 0)
      helps[at.program] = std::async(std::launch::async, help_of, programs + "/" + at.program);
  std::map<std::string, KnownFlags> known;
  for (auto& [program, help] : helps) known[program] = flags_in_help(help.get());
  for (const auto& at : all) check(config.path, at, known[at.program]);
}

}  // namespace madx::apps
