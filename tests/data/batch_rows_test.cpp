// Which tokens of several sequences a batch reads, masks and draws.
#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <map>
#include <set>

#include "../io/test_files.h"
#include "madx/data/mlm_batches.h"
#include "madx/data/tagging_examples.h"

namespace madx {
namespace batch_rows_test {

using Ids = std::vector<int64_t>;

class BatchRows : public testing::Test {
 protected:
  static Ids to_ids(const at::Tensor& tensor) {
    return {tensor.data_ptr<int64_t>(), tensor.data_ptr<int64_t>() + tensor.numel()};
  }
  TextCorpus corpus(const std::vector<std::string>& texts) const {
    std::vector<std::string> paths;
    for (const auto& text : texts) {
      paths.push_back(folder_ / std::to_string(paths.size()));
      io::write_bytes(paths.back(), text);
    }
    return TextCorpus(paths);
  }

  io::TemporaryFolder folder_;
  std::shared_ptr<const Tokenizer> tokenizer_ = load_tokenizer(MADX_FIXTURES "/tokenizer/xlmr");
};

TEST_F(BatchRows, OfSentencesInSeveralWindowsAreTheFirstSubWordsOfEachWordOnce) {
  std::vector<TaggedSentence> sentences(2);
  for (int i = 0; i < 40; ++i) {
    auto& sentence = sentences[static_cast<size_t>(i % 2)];
    // Short words, which windows share, beside long ones.
    sentence.tokens.push_back(i % 6 < 4 ? "the" : "river" + std::to_string(100 + i));
    sentence.tags.emplace_back("O");
  }
  const TaggingExamples examples(sentences, *tokenizer_, {"O"}, /*max_length=*/16);
  ASSERT_GT(examples.size(), 4u);
  std::vector<size_t> all(examples.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  const auto batch = examples.batch(all);
  const auto ids = to_ids(batch.batch.input_ids), rows = to_ids(batch.batch.read_rows);
  EXPECT_EQ((std::set<std::pair<size_t, size_t>>(batch.words.begin(), batch.words.end())).size(),
            40u);
  ASSERT_EQ(batch.words.size(), 40u);
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto [sentence, word] = batch.words[i];
    const auto& token = sentences[sentence].tokens[word];
    const auto row = static_cast<size_t>(rows[i]);
    const auto expected = tokenizer_->encode(token);
    ASSERT_LE(row + expected.size(), ids.size());
    EXPECT_EQ(
        Ids(ids.begin() + rows[i], ids.begin() + rows[i] + static_cast<int64_t>(expected.size())),
        expected);
  }
}

TEST_F(BatchRows, OfAWordLongerThanAWindowFillIt) {
  std::string word;
  for (int i = 0; i < 40; ++i) word += std::to_string(i % 10) + "x";
  ASSERT_GT(tokenizer_->encode(word).size(), 14u);
  const TaggingExamples examples({{{word}, {"O"}}}, *tokenizer_, {"O"}, /*max_length=*/16);
  EXPECT_EQ(examples.batch({0}).batch.rows(), 16);
}

TEST_F(BatchRows, OfOneThatIsMaskedAreEachAsLikely) {
  const Ids first = tokenizer_->encode_sequence("the river"), second = first;
  std::set<int64_t> rows;
  int64_t changed = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    std::vector<Ids> sequences = {first, second};
    RandomStream random(seed);
    const auto batch = mask_one(sequences, *tokenizer_, random);
    ASSERT_EQ(batch.targets.numel(), 1);
    const auto row = batch.batch.read_rows.item<int64_t>();
    const auto size = static_cast<int64_t>(first.size());
    EXPECT_EQ(batch.targets.item<int64_t>(), first[static_cast<size_t>(row % size)]);
    changed += batch.batch.input_ids[row].item<int64_t>() == tokenizer_->special().mask;
    rows.insert(row);
  }
  EXPECT_EQ(rows.size(), 2 * (first.size() - 2)) << "all but the ends";
  EXPECT_NEAR(static_cast<double>(changed) / 200, 0.8, 0.15);
}

TEST_F(BatchRows, OfHeldOutBatchesAreMaskedEachInItsOwnWay) {
  std::string text;
  for (int i = 0; i < 16; ++i) text += "the river and the boat and the lake\n";
  MlmBatchesOptions options;
  const MlmBatches batches(corpus({text}), tokenizer_, options);
  ASSERT_EQ(batches.eval_size(), 2);
  EXPECT_NE(to_ids(batches.eval(0).batch.read_rows), to_ids(batches.eval(1).batch.read_rows));
}

TEST_F(BatchRows, OfALineThatIsTooLongBeginAtAnyPlaceThatFits) {
  const std::string line = "the river and the boat";
  const auto count = static_cast<int64_t>(tokenizer_->encode(line).size());
  MlmBatchesOptions options;
  options.batch_size = 1;
  options.max_length = count + 1;  // one token less than the line has, and the ends
  MlmBatches batches(corpus({line + "\n"}), tokenizer_, options);
  std::set<Ids> sequences;
  for (int64_t index = 0; index < 50; ++index) {
    const auto batch = batches.train(index);
    sequences.insert(
        to_ids(batch.batch.input_ids.index_copy(0, batch.batch.read_rows, batch.targets)));
  }
  EXPECT_EQ(sequences.size(), 2u);
}

TEST_F(BatchRows, OfHeldOutTokensEndToEndLeaveNoBatchEmpty) {
  const std::string line = "the river and the boat";
  MlmBatchesOptions options;
  options.batch_size = 1;
  options.sequences = Sequences::kFullLength;
  options.max_length = static_cast<int64_t>(tokenizer_->encode(line).size()) + 2;
  const MlmBatches batches(corpus({line + "\n"}), tokenizer_, options);
  EXPECT_EQ(batches.eval_size(), 1) << "the line's own end is the sequence's";
  EXPECT_EQ(batches.eval(0).batch.rows(), options.max_length);
}

TEST_F(BatchRows, OfFilesInEqualSharesComeInOrdersOfTheirOwn) {
  std::vector<std::string> texts(2);
  std::vector<std::map<Ids, int>> numbers(2);
  for (int i = 0; i < 60; ++i) {
    const auto file = static_cast<size_t>(i % 2);
    const auto line = (file == 0 ? "river " : "boat ") + std::to_string(100 + i / 2);
    texts[file] += line + "\n";
    numbers[file][tokenizer_->encode_sequence(line)] = i / 2;
  }
  MlmBatchesOptions options;
  options.batch_size = 60;  // an epoch
  options.mixing = Mixing::kEqualShares;
  MlmBatches batches(corpus(texts), tokenizer_, options);
  const auto batch = batches.train(0);
  const auto ids =
      to_ids(batch.batch.input_ids.index_copy(0, batch.batch.read_rows, batch.targets));
  std::vector<std::vector<int>> orders(2);
  for (size_t s = 0; s + 1 < batch.batch.offsets.size(); ++s) {
    const Ids sequence(ids.begin() + batch.batch.offsets[s],
                       ids.begin() + batch.batch.offsets[s + 1]);
    for (size_t file = 0; file < 2; ++file)
      if (numbers[file].count(sequence) > 0) orders[file].push_back(numbers[file].at(sequence));
  }
  ASSERT_EQ(orders[0].size(), 30u);
  ASSERT_EQ(orders[1].size(), 30u);
  EXPECT_NE(orders[0], orders[1]);
}

TEST_F(BatchRows, OfASequenceAreAtMostSoMany) {
  const std::string text = "the river and the boat";
  const auto whole = tokenizer_->encode_sequence(text);
  const auto size = static_cast<int64_t>(whole.size());
  EXPECT_EQ(tokenizer_->encode_sequence(text, size), whole);
  for (const auto length : {size - 1, size - 2})
    EXPECT_EQ(static_cast<int64_t>(tokenizer_->encode_sequence(text, length).size()), length);
}

TEST_F(BatchRows, OfTextAreNotThoseOfLinesOfOtherWhiteSpace) {
  EXPECT_EQ(corpus({"the river\n\v\n\f \t\nthe boat\n"}).size(), 2u);
}

}  // namespace batch_rows_test
}  // namespace madx
