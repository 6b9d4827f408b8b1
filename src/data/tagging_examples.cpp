#include "madx/data/tagging_examples.h"

#include <algorithm>
#include <set>

#include "madx/data/windows.h"

namespace madx {

TaggingExamples::TaggingExamples(const std::vector<TaggedSentence>& sentences,
                                 const Tokenizer& tokenizer, const std::vector<std::string>& labels,
                                 int64_t max_length) {
  const auto limit = max_length - 2;
  const auto& special = tokenizer.special();
  for (size_t sentence = 0; sentence < sentences.size(); ++sentence) {
    const auto tags = to_iob2(sentences[sentence].tags);
    auto subwords = tokenizer.encode_words(sentences[sentence].tokens);
    std::vector<int64_t> counts;
    for (const auto& word : subwords) counts.push_back(static_cast<int64_t>(word.size()));
    for (const auto& window : make_windows(counts, limit)) {
      Sequence sequence;
      sequence.sentence = sentence;
      sequence.ids.push_back(special.bos);
      for (auto word = window.begin; word < window.end; ++word) {
        if (word >= window.keep_begin && word < window.keep_end) {
          const auto label = std::find(labels.begin(), labels.end(), tags[word]);
          const auto id = label == labels.end() ? -1 : label - labels.begin();
          sequence.words.push_back({static_cast<int64_t>(sequence.ids.size()), id, sentence, word});
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

}  // namespace madx
