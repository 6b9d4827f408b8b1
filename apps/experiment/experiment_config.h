#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace madx::apps {

/// A flag's values: none for one that stands alone. One that is not given hides that of a more
/// general place. One `of_source` names the source language's adapter of the row, without values.
struct FlagValue {
  bool given = true;
  std::vector<std::string> values;
  bool of_source = false;
};
using FlagValues = std::map<std::string, FlagValue>;

/// Whether a flag of FlagValues names a file or directory.
bool is_path_flag(const std::string& flag);

/// What a program is run for, as the configuration's "flags" name it.
enum class PieceKind {
  kLmHead,
  kLanguageAdapter,
  kAdaptedEncoder,
  kTaskAdapter,
  kFineTuning,
  kScoring
};
/// "language_adapter", ...
const char* key_of(PieceKind kind);
/// "language adapter", ...: for people.
std::string words_of(PieceKind kind);

/// Labelled data of a language; empty paths where there is none.
struct NerFiles {
  std::string train, dev, test;
};

/// An experiment as its configuration file describes it (docs/experiments.md). Paths are absolute.
struct ExperimentConfig {
  std::string path;    ///< of the configuration file
  std::string output;  ///< directory
  std::string encoder;
  std::string lm_head;  ///< empty: the encoder's
  std::string mbert;    ///< a BERT encoder; empty: the row mbert is absent
  std::vector<std::string> sources, languages, unseen, multi_sources, rows;
  std::vector<uint64_t> seeds;
  std::map<std::string, std::vector<std::string>> text;  ///< by language
  std::map<std::string, std::string> eval_text;
  std::map<std::string, NerFiles> ner;
  std::map<std::string, std::string> language_adapters;  ///< ready ones, instead of training
  std::map<PieceKind, FlagValues> flags;
  std::map<std::string, std::map<PieceKind, FlagValues>> row_flags;
  std::map<std::string, FlagValues> language_flags;  ///< of language adapters
  int64_t curve = 0;    ///< language adapters are scored every so many steps; 0: at their end alone
  int64_t threads = 0;  ///< of each program; 0: the processor's cores shared out

  /// The flags of a piece: those of its kind, of its row, and of its language, the latter first.
  FlagValues flags_of(PieceKind kind, const std::string& row,
                      const std::string& language = "") const;
};

/// All rows there are, in the order of the table.
const std::vector<std::string>& experiment_rows();
/// The paper's sixteen languages.
const std::vector<std::string>& paper_languages();

/// Reads a configuration file. Throws InputError, naming file and key, for JSON that is none, keys
/// and rows that are unknown, values of another type, flags that the experiment itself sets, and
/// files that are not there.
ExperimentConfig read_experiment_config(const std::string& path);

}  // namespace madx::apps
