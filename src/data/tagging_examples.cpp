#include "madx/data/tagging_examples.h"

#include <algorithm>
#include <set>

#include "madx/core/error.h"
#include "madx/data/invisible.h"
#include "madx/data/windows.h"

namespace madx {
namespace {

std::string listed(const std::vector<std::string>& labels) {
  constexpr size_t kShown = 10;
  std::string text;
  for (size_t i = 0; i < labels.size() && i < kShown; ++i)
    text += (i == 0 ? "" : ", ") + in_quotes(labels[i]);
  return text + (labels.size() > kShown ? ", ..." : "");
}

/// The sentence's tags (of spans: in IOB2) as indices of `labels`; -1 for one that is not there.
std::vector<int64_t> label_ids(const TaggedSentence& sentence, size_t number,
                               const std::vector<std::string>& labels, UnknownTags unknown,
                               TagScheme scheme) {
  const auto where = "sentence " + std::to_string(number + 1);
  const auto tags = [&] {
    try {
      return scheme == TagScheme::kPlain ? sentence.tags : to_iob2(sentence.tags);
    } catch (const InputError& error) {
      input_error(where, ", ", error.what());
    }
  }();
  std::vector<int64_t> ids;
  for (size_t token = 0; token < tags.size(); ++token) {
    const auto label = std::find(labels.begin(), labels.end(), tags[token]);
    if (label == labels.end() && unknown == UnknownTags::kRefused) {
      input_error(where, ", token ", token + 1, ": expected a tag among the labels of the head (",
                  listed(labels), "), but found ", in_quotes(tags[token]),
                  "; give the head this label, or tag the token otherwise");
    }
    ids.push_back(label == labels.end() ? -1 : label - labels.begin());
  }
  return ids;
}

}  // namespace

TaggingExamples::TaggingExamples(const std::vector<TaggedSentence>& sentences,
                                 const Tokenizer& tokenizer, const std::vector<std::string>& labels,
                                 int64_t max_length, UnknownTags unknown, TagScheme scheme) {
  const auto limit = max_length - 2;
  const auto& special = tokenizer.special();
  for (size_t sentence = 0; sentence < sentences.size(); ++sentence) {
    const auto targets = label_ids(sentences[sentence], sentence, labels, unknown, scheme);
    auto subwords = tokenizer.encode_words(sentences[sentence].tokens);
    std::vector<int64_t> counts;
    for (const auto& word : subwords) counts.push_back(static_cast<int64_t>(word.size()));
    for (const auto& window : make_windows(counts, limit)) {
      Sequence sequence;
      sequence.sentence = sentence;
      sequence.ids.push_back(special.bos);
      for (auto word = window.begin; word < window.end; ++word) {
        if (word >= window.keep_begin && word < window.keep_end) {
          const auto place = static_cast<int64_t>(sequence.ids.size());
          sequence.words.push_back({place, targets[word], sentence, word});
        }
        const auto& ids = subwords[word];
        const auto room = static_cast<size_t>(limit + 1) - sequence.ids.size();
        sequence.ids.insert(sequence.ids.end(), ids.begin(),
                            ids.begin() + static_cast<int64_t>(std::min(room, ids.size())));
      }
      sequence.ids.push_back(special.eos);
      sequences_.push_back(std::move(sequence));
    }
  }
}

TaggingBatch TaggingExamples::batch(const std::vector<size_t>& sequences) const {
  std::vector<std::vector<int64_t>> ids;
  std::vector<int64_t> read, targets;
  TaggingBatch batch;
  int64_t row = 0;
  for (const auto index : sequences) {
    const auto& sequence = sequences_.at(index);
    ids.push_back(sequence.ids);
    batch.sentences.push_back(sequence.sentence);
    for (const auto& word : sequence.words) {
      read.push_back(row + word.place);
      targets.push_back(word.label);
      batch.words.emplace_back(word.sentence, word.word);
    }
    row += static_cast<int64_t>(sequence.ids.size());
  }
  batch.batch = pack(ids);
  batch.batch.read_rows = at::tensor(read, at::kLong);
  batch.targets = at::tensor(targets, at::kLong);
  return batch;
}

std::vector<std::string> iob2_labels(const std::vector<TaggedSentence>& sentences) {
  std::set<std::string> types;
  for (const auto& sentence : sentences) {
    for (const auto& span : spans_of(sentence.tags)) types.insert(span.type);
  }
  std::vector<std::string> labels = {"O"};
  for (const auto& type : types) {
    labels.push_back("B-" + type);
    labels.push_back("I-" + type);
  }
  return labels;
}

std::vector<std::string> plain_labels(const std::vector<TaggedSentence>& sentences) {
  std::set<std::string> labels;
  for (const auto& sentence : sentences) labels.insert(sentence.tags.begin(), sentence.tags.end());
  return {labels.begin(), labels.end()};
}

}  // namespace madx
