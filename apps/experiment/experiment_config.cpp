#include "apps/experiment/experiment_config.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/experiment/config_part.h"
#include "apps/experiment/experiment_rows.h"
#include "core/json_text.h"
#include "madx/core/error.h"
#include "madx/core/plain_text.h"
#include "madx/io/mapped_file.h"

namespace madx::apps {
namespace {

using nlohmann::json;

constexpr std::pair<PieceKind, const char*> kKinds[] = {
    {PieceKind::kLmHead, "lm_head"},
    {PieceKind::kLanguageAdapter, "language_adapter"},
    {PieceKind::kAdaptedEncoder, "adapted_encoder"},
    {PieceKind::kTaskAdapter, "task_adapter"},
    {PieceKind::kFineTuning, "fine_tuning"},
    {PieceKind::kScoring, "scoring"}};

/// Flags that name a file or directory: made absolute.
const std::set<std::string> kPathFlags = {"--init-adapter", "--lm-head", "--stay-near-adapter"};
/// Those of them that may name the source language's adapter, by this word.
const std::set<std::string> kSourceFlags = {"--init-adapter", "--stay-near-adapter"};
constexpr auto kSourceWord = "source";
/// Flags that the experiment itself sets.
const std::set<std::string> kOwnFlags = {
    "--encoder",        "--text",           "--eval-text", "--output", "--name",
    "--source",         "--train",          "--dev",       "--test",   "--language",
    "--setup",          "--task-adapter",   "--seed",      "--resume", "--threads",
    "--snapshot-every", "--train-languages"};
/// Flags of several files, which are no part of a piece's name.
const std::set<std::string> kFileFlags = {"--adapter", "--fusion", "--mixed-text",
                                          "--save-batches"};

FlagValue value_of(const ConfigPart& part, const std::string& flag, const json& value) {
  const auto one = [&](const json& item) {
    if (is_text(item)) return item.get<std::string>();
    if (item.is_number()) return item.dump();
    part.refuse(flag,
                "a number, a string that is not empty, a list of them, true for a flag that stands "
                "alone, or false");
  };
  if (value.is_array() && value.empty()) part.refuse(flag, "one value at least, or false");
  const bool path = is_path_flag(flag);
  if (path && (value == true || value.is_array()))
    part.refuse(flag, "one file or directory, or false");
  if (value.is_boolean()) return {value.get<bool>(), {}};
  if (kSourceFlags.count(flag) > 0 && value == kSourceWord) return {true, {}, true};
  std::vector<std::string> values;
  if (!value.is_array()) values.push_back(one(value));
  if (value.is_array())
    for (const auto& item : value) values.push_back(one(item));
  if (path) values[0] = part.existing(flag, values[0]);
  return {true, values};
}

/// A name alone, without a value behind =; some make a program end before its work.
bool is_flag(const std::string& text) {
  return text.size() > 2 && starts_with(text, "--") && text != "--help" && text != "--version" &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

FlagValues flags_in(const ConfigPart& part) {
  part.require_object();
  FlagValues flags;
  for (const auto& [flag, value] : part.value.items()) {
    if (!is_flag(flag))
      input_error(part.file, ": ", part.place, ": expected flags such as \"--steps\", but found \"",
                  flag, "\"");
    if (kOwnFlags.count(flag) > 0)
      input_error(part.file, ": ", part.place, ": expected no ", flag,
                  ", which the experiment itself sets; leave it out");
    if (kFileFlags.count(flag) > 0)
      input_error(part.file, ": ", part.place, ": expected no ", flag,
                  ", whose files an experiment does not follow; leave it out");
    flags[flag] = value_of(part, flag, value);
  }
  return flags;
}

std::map<PieceKind, FlagValues> flags_by_kind(const ConfigPart& part) {
  std::vector<std::string> keys;
  for (const auto& [kind, key] : kKinds) keys.emplace_back(key);
  part.check_keys(keys);
  std::map<PieceKind, FlagValues> flags;
  for (const auto& [kind, key] : kKinds) {
    if (!part.has(key)) continue;
    flags[kind] = flags_in(part.part(key));
    for (const auto& [flag, value] : flags[kind]) {
      if (value.of_source && kind != PieceKind::kLanguageAdapter)
        input_error(part.file, ": ", part.place, ".", key, ".", flag, ": expected \"", kSourceWord,
                    "\" among the flags of language_adapter alone; leave it out");
    }
  }
  return flags;
}

NerFiles ner_files(const ConfigPart& part) {
  part.check_keys({"train", "dev", "test"});
  NerFiles files;
  if (part.has("train")) files.train = part.path("train");
  if (part.has("dev")) files.dev = part.path("dev");
  if (part.has("test")) files.test = part.path("test");
  return files;
}

std::vector<std::string> text_files(const ConfigPart& part, const std::string& language) {
  if (part.value.at(language).is_string()) return {part.path(language)};
  if (!part.value.at(language).is_array()) part.refuse(language, "a string or a list of strings");
  auto files = part.texts(language);
  if (files.empty()) part.refuse(language, "one file at least");
  for (auto& file : files) file = part.existing(language, file);
  return files;
}

void check_rows(const ConfigPart& part, const std::vector<std::string>& rows,
                const std::string& key) {
  const auto& known = experiment_rows();
  for (const auto& row : rows) {
    if (std::find(known.begin(), known.end(), row) == known.end())
      input_error(part.file, ": ", key, ": expected rows of ", joined(known, ", "),
                  ", but found \"", row, "\"");
  }
}

/// Languages are parts of file names.
void check_languages(const ConfigPart& part, const std::string& key,
                     const std::vector<std::string>& languages) {
  constexpr auto kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  for (const auto& language : languages) {
    if (language.empty() || language.find_first_not_of(kPlain) != std::string::npos)
      input_error(part.file, ": ", key,
                  ": expected languages of letters, digits and _, but found \"", language, "\"");
  }
}

/// A language that the configuration names elsewhere, too: one written otherwise would go
/// unnoticed.
void require_known(const ConfigPart& part, const std::string& key, const std::string& language,
                   const std::set<std::string>& known) {
  if (known.count(language) > 0) return;
  const std::vector<std::string> all(known.begin(), known.end());
  input_error(part.file, ": ", key, ": expected languages of ", joined(all, ", "), ", but found \"",
              language, "\"");
}

std::vector<uint64_t> seeds_in(const ConfigPart& part) {
  const auto& list = part.value.at("seeds");
  std::vector<uint64_t> seeds;
  if (!list.is_array() || list.empty()) part.refuse("seeds", "a list of whole numbers");
  for (const auto& seed : list) {
    if (!seed.is_number_unsigned()) part.refuse("seeds", "a list of whole numbers");
    const auto number = seed.get<uint64_t>();
    if (std::find(seeds.begin(), seeds.end(), number) != seeds.end())
      input_error(part.file, ": seeds: expected each once, but found ", number, " twice");
    seeds.push_back(number);
  }
  return seeds;
}

json parse_file(const std::string& path) {
  return parse_json(path, io::MappedFile(path).bytes(), /*comments=*/true);
}

ExperimentConfig parse(const std::string& path, const json& value) {
  const ConfigPart top{path, "", value};
  top.check_keys({"output", "encoder", "lm_head", "mbert", "sources", "languages", "unseen",
                  "multi_sources", "rows", "seeds", "text", "eval_text", "ner", "language_adapters",
                  "flags", "row_flags", "language_flags", "curve", "threads"});
  ExperimentConfig config;
  config.path = path;
  config.output = top.absolute(top.text("output"));
  if (std::filesystem::exists(config.output) && !std::filesystem::is_directory(config.output))
    top.refuse("output", "a directory");
  config.encoder = top.path("encoder");
  if (top.has("lm_head")) config.lm_head = top.path("lm_head");
  if (top.has("mbert")) config.mbert = top.path("mbert");
  config.sources = top.has("sources") ? top.texts("sources") : std::vector<std::string>{"en"};
  config.languages = top.has("languages") ? top.texts("languages") : paper_languages();
  if (config.sources.empty()) top.refuse("sources", "one language at least");
  if (config.languages.empty()) top.refuse("languages", "one language at least");
  if (top.has("unseen")) config.unseen = top.texts("unseen");
  if (top.has("multi_sources")) config.multi_sources = top.texts("multi_sources");
  config.rows = top.has("rows") ? top.texts("rows") : experiment_rows();
  if (config.rows.empty()) top.refuse("rows", "one row at least");
  check_rows(top, config.rows, "rows");
  config.seeds = top.has("seeds") ? seeds_in(top) : std::vector<uint64_t>{1};
  if (top.has("curve")) config.curve = top.count("curve");
  if (top.has("threads")) config.threads = top.count("threads");
  check_languages(top, "sources", config.sources);
  check_languages(top, "languages", config.languages);
  check_languages(top, "multi_sources", config.multi_sources);
  const auto for_each = [&](const char* key, const auto& take) {
    if (!top.has(key)) return;
    const auto part = top.part(key);
    part.require_object();
    for (const auto& [name, unused] : part.value.items()) {
      if (name.empty()) input_error(path, ": ", key, ": expected names, but found \"\"");
      take(part, name);
    }
  };
  for_each("text", [&](const ConfigPart& part, const std::string& language) {
    config.text[language] = text_files(part, language);
  });
  for_each("eval_text", [&](const ConfigPart& part, const std::string& language) {
    config.eval_text[language] = part.path(language);
  });
  for_each("ner", [&](const ConfigPart& part, const std::string& language) {
    config.ner[language] = ner_files(part.part(language));
  });
  for_each("language_adapters", [&](const ConfigPart& part, const std::string& language) {
    config.language_adapters[language] = part.path(language);
  });
  if (top.has("flags")) config.flags = flags_by_kind(top.part("flags"));
  std::set<std::string> named;
  for (const auto* more : {&config.languages, &config.sources, &config.multi_sources})
    named.insert(more->begin(), more->end());
  for (const auto& [language, files] : config.text) named.insert(language);
  for (const auto& [language, files] : config.ner) named.insert(language);
  for (const auto& language : config.unseen) require_known(top, "unseen", language, named);
  for_each("row_flags", [&](const ConfigPart& part, const std::string& row) {
    check_rows(part, {row}, "row_flags");
    const auto of_row = part.part(row);
    of_row.check_keys(kinds_of_row(row));
    config.row_flags[row] = flags_by_kind(of_row);
  });
  for_each("language_flags", [&](const ConfigPart& part, const std::string& language) {
    require_known(top, "language_flags", language, named);
    config.language_flags[language] = flags_in(part.part(language));
  });
  return config;
}

}  // namespace

bool is_path_flag(const std::string& flag) { return kPathFlags.count(flag) > 0; }

const char* key_of(PieceKind kind) {
  for (const auto& [known, key] : kKinds)
    if (known == kind) return key;
  return "";
}

std::string words_of(PieceKind kind) {
  if (kind == PieceKind::kLmHead) return "masked-LM head";
  std::string words = key_of(kind);
  std::replace(words.begin(), words.end(), '_', ' ');
  return kind == PieceKind::kFineTuning ? "fine-tuning" : words;
}

const std::vector<std::string>& experiment_rows() {
  static const std::vector<std::string> rows = {
      "xlm-r",    "mbert", "mlm-src",      "mlm-trg", "madx-lad-inv",
      "madx-inv", "madx",  "keep-source",  "drop-la", "madx-2.0",
      "houlsby",  "tlr",   "multi-source", "fun",     "averaged"};
  return rows;
}

const std::vector<std::string>& paper_languages() {
  static const std::vector<std::string> languages = {"en", "ja",  "zh", "ar",  "jv",  "sw",
                                                     "is", "my",  "qu", "cdo", "ilo", "xmf",
                                                     "mi", "mhr", "tk", "gn"};
  return languages;
}

FlagValues ExperimentConfig::flags_of(PieceKind kind, const std::string& row,
                                      const std::string& language) const {
  FlagValues result;
  const auto add = [&](const FlagValues& more) {
    for (const auto& [flag, values] : more) result.emplace(flag, values);  // what is there stays
  };
  if (kind == PieceKind::kLanguageAdapter && language_flags.count(language) > 0)
    add(language_flags.at(language));
  if (const auto own = row_flags.find(row); own != row_flags.end() && own->second.count(kind) > 0)
    add(own->second.at(kind));
  if (flags.count(kind) > 0) add(flags.at(kind));
  for (auto flag = result.begin(); flag != result.end();)
    flag = flag->second.given ? std::next(flag) : result.erase(flag);
  return result;
}

ExperimentConfig read_experiment_config(const std::string& path) {
  return parse(path, parse_file(path));
}

}  // namespace madx::apps
