#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "apps/run/recipe.h"
#include "madx/data/conll.h"

namespace madx::apps {

/// How a program reads its CoNLL files: `--columns`, which holds for all of them.
class ConllFlags {
 public:
  void add_to(CLI::App& app);

  /// The file's sentences. Where token and tag are not in the first and the last column, says on
  /// standard output in which they are, once a file.
  std::vector<TaggedSentence> read(const std::string& path) const;
  /// Adds what decides a run's results.
  void describe(Recipe& recipe) const;

 private:
  ConllColumns columns_;
  mutable std::set<std::string> said_;
};

/// "token=2,tag=3", or one of the two, as columns. InputError, naming --columns, for anything else.
ConllColumns parse_conll_columns(const std::string& text);

/// Raw text, a sentence a line, as sentences to tag; all tags are "O". Says on standard output
/// which lines are passed over because they have no word.
std::vector<TaggedSentence> read_text_to_tag(const std::string& path);

/// Says on standard output which lines of a text have no word: sentences are numbered without them.
void say_passed_over(const std::string& path, const std::vector<std::size_t>& lines);

}  // namespace madx::apps
