#pragma once

#include <string>
#include <vector>

#include "apps/command_line/text_files.h"
#include "madx/data/conll.h"

namespace madx::apps {

/// A CoNLL file of one language, to learn from or held out.
struct LabelledFile {
  std::string language;
  std::string path;
};

/// Sentences of several languages, end to end, and the language of each.
struct LabelledSentences {
  std::vector<TaggedSentence> sentences;
  std::vector<std::string> languages;
  std::vector<std::string> without_entity;  ///< files of which all tags are O
};

/// The languages that --source names: where a value of --train has the form LANGUAGE=FILE, those
/// between "+" ("en+de"), else one.
std::vector<std::string> parse_sources(const std::string& source,
                                       const std::vector<std::string>& train);

/// Values of --train or --dev: LANGUAGE=FILE, or FILE, which is in the one language of `sources`
/// (and so is a value with a dot or slash before "="). Those of `sources` come first, in their
/// order, others by name, so that nothing depends on the order of flags. Throws InputError, naming
/// `flag`, for a language that comes twice, a value without path, and FILE beside several sources.
std::vector<LabelledFile> parse_labelled_files(const std::string& flag,
                                               const std::vector<std::string>& values,
                                               const std::vector<std::string>& sources);

/// Throws InputError where a language of `sources` has no file among `train`.
void require_sources(const std::vector<std::string>& sources,
                     const std::vector<LabelledFile>& train);

/// Their languages as results name them: "en+de".
std::string joined_languages(const std::vector<LabelledFile>& files);

/// Every file, in order.
LabelledSentences read_labelled_files(const std::vector<LabelledFile>& files,
                                      const ConllFlags& conll);

}  // namespace madx::apps
