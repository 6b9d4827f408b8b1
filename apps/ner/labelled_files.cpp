#include "apps/ner/labelled_files.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "apps/command_line/command_line.h"
#include "madx/core/error.h"
#include "madx/core/plain_text.h"

namespace madx::apps {
namespace {

/// Where the path begins: behind "LANGUAGE=", or at 0.
size_t path_begin(const std::string& value) {
  const auto equals = value.find('=');
  if (equals == std::string::npos || equals == 0) return 0;
  return value.find_first_of("/\\.") < equals ? 0 : equals + 1;
}

size_t place_of(const std::string& language, const std::vector<std::string>& sources) {
  return static_cast<size_t>(std::find(sources.begin(), sources.end(), language) - sources.begin());
}

bool has_entity(const std::vector<TaggedSentence>& sentences) {
  return std::any_of(sentences.begin(), sentences.end(), [](const TaggedSentence& sentence) {
    return std::any_of(sentence.tags.begin(), sentence.tags.end(),
                       [](const std::string& tag) { return tag != "O"; });
  });
}

}  // namespace

std::vector<std::string> parse_sources(const std::string& source,
                                       const std::vector<std::string>& train) {
  const bool named = std::any_of(train.begin(), train.end(),
                                 [](const std::string& value) { return path_begin(value) > 0; });
  if (!named) return {source};
  std::vector<std::string> sources;
  std::istringstream parts(source);
  for (std::string part; std::getline(parts, part, '+');) sources.push_back(part);
  return sources;
}

std::vector<LabelledFile> parse_labelled_files(const std::string& flag,
                                               const std::vector<std::string>& values,
                                               const std::vector<std::string>& sources) {
  std::vector<LabelledFile> files;
  for (const auto& value : values) {
    const auto begin = path_begin(value);
    if (begin == value.size())
      input_error(flag, ": expected FILE or LANGUAGE=FILE, but found \"", value, "\"");
    if (begin == 0 && sources.size() != 1) {
      input_error(flag, ": expected LANGUAGE=FILE beside --source ", joined(sources, "+"),
                  ", but found \"", value, "\"; say which language it is in");
    }
    const auto language = begin == 0 ? sources.front() : value.substr(0, begin - 1);
    check_language(flag, language);
    for (const auto& file : files) {
      if (file.language == language)
        input_error(flag, ": expected each language once, but found ", language, " twice");
    }
    files.push_back({language, value.substr(begin)});
  }
  std::sort(files.begin(), files.end(), [&](const LabelledFile& left, const LabelledFile& right) {
    return std::pair(place_of(left.language, sources), left.language) <
           std::pair(place_of(right.language, sources), right.language);
  });
  return files;
}

void require_sources(const std::vector<std::string>& sources,
                     const std::vector<LabelledFile>& train) {
  for (const auto& source : sources) {
    const bool found = std::any_of(train.begin(), train.end(), [&](const LabelledFile& file) {
      return file.language == source;
    });
    if (!found) {
      input_error("--source: expected languages of --train (", joined_languages(train),
                  "), but found ", source, "; add --train ", source, "=FILE, or name another");
    }
  }
}

std::string joined_languages(const std::vector<LabelledFile>& files) {
  std::vector<std::string> languages;
  for (const auto& file : files) languages.push_back(file.language);
  return joined(languages, "+");
}

LabelledSentences read_labelled_files(const std::vector<LabelledFile>& files,
                                      const ConllFlags& conll) {
  LabelledSentences all;
  for (const auto& [language, path] : files) {
    auto sentences = conll.read(path);
    if (!has_entity(sentences)) all.without_entity.push_back(path);
    for (auto& sentence : sentences) all.sentences.push_back(std::move(sentence));
    all.languages.resize(all.sentences.size(), language);
  }
  return all;
}

}  // namespace madx::apps
