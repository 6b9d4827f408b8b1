#include "apps/ner/ner_scoring.h"

#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <set>
#include <sstream>

#include "apps/report/highlight.h"
#include "apps/report/ner_results.h"
#include "apps/report/terminal.h"
#include "apps/run/notes.h"
#include "madx/data/invisible.h"
#include "madx/io/write_file.h"
#include "madx/train/predict_tags.h"

namespace madx::apps {
namespace {

using Tags = std::vector<std::vector<std::string>>;

/// Says which types of entity a test set has that the tagger has no label for: it finds none.
void say_unknown_types(const std::string& language, const std::vector<TaggedSentence>& gold,
                       const std::vector<std::string>& labels) {
  const auto type_of = [](const std::string& tag) { return tag.substr(tag.find('-') + 1); };
  std::set<std::string> known, unknown;
  for (const auto& label : labels) known.insert(type_of(label));
  for (const auto& sentence : gold) {
    for (const auto& tag : sentence.tags)
      if (tag != "O" && known.count(type_of(tag)) == 0) unknown.insert(type_of(tag));
  }
  if (unknown.empty()) return;
  std::string types;
  for (const auto& type : unknown) types += (types.empty() ? "" : ", ") + in_quotes(type);
  note("--test " + language + ": entities of " + types +
       " count as missed, as the tagger was not trained on any");
}

/// predictions/<language>.conll: token, gold, predicted. Adds the scores to the report.
void score_tests(NerModel& model, const NerInputs& inputs, NerReport& report,
                 const std::string& output) {
  const auto predictions = output + "/predictions";
  std::filesystem::create_directory(predictions);
  for (const auto& [language, gold] : inputs.tests) {
    say_unknown_types(language, gold, model.head->options.labels());
    auto predicted = model.tag(language, gold);
    std::ostringstream columns;
    for (size_t i = 0; i < gold.size(); ++i)
      write_columns(columns, {gold[i].tokens, gold[i].tags, predicted[i]});
    io::write_file(predictions + "/" + language + ".conll", columns.str());
    report.results.runs.push_back({report.results.setup, language, score_tags(gold, predicted)});
    report.predictions.push_back({language, gold, std::move(predicted)});
  }
}

void show(const TaggedSentence& sentence, const std::vector<std::string>& tags) {
  if (is_terminal(STDOUT_FILENO))
    std::cout << highlight(sentence.tokens, tags, wants_colour(STDOUT_FILENO)) << "\n";
}

/// tagged/<language>.conll: token, tag; tagged/mixed.conll: each sentence headed by its language.
void tag_texts(NerModel& model, const NerInputs& inputs, const std::string& output) {
  const auto tagged = output + "/tagged";
  std::filesystem::create_directory(tagged);
  for (const auto& [language, sentences] : inputs.texts) {
    const auto predicted = model.tag(language, sentences);
    std::ostringstream columns;
    for (size_t i = 0; i < sentences.size(); ++i) {
      write_columns(columns, {sentences[i].tokens, predicted[i]});
      show(sentences[i], predicted[i]);
    }
    io::write_file(tagged + "/" + language + ".conll", columns.str());
  }
  if (!inputs.mixed.sentences.empty()) {
    const auto& mixed = inputs.mixed;
    const auto predicted = model.tag_mixed(mixed.languages, mixed.sentences);
    std::ostringstream columns;
    for (size_t i = 0; i < mixed.sentences.size(); ++i) {
      columns << "# language: " << mixed.languages[i] << "\n";
      write_columns(columns, {mixed.sentences[i].tokens, predicted[i]});
    }
    io::write_file(tagged + "/mixed.conll", columns.str());
  }
}

}  // namespace

void score(NerModel& model, const NerInputs& inputs, NerReport report, const std::string& output) {
  if (!inputs.tests.empty()) score_tests(model, inputs, report, output);
  if (!inputs.texts.empty() || !inputs.mixed.sentences.empty()) tag_texts(model, inputs, output);
  if (inputs.tests.empty()) return;
  write_ner_report(output + "/report.html", report);
  write_results_json(output + "/results.json", report.results);
  std::cout << ner_table(report.results);
}

}  // namespace madx::apps
