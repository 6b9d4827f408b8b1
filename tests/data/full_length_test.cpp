// Masked LM on sequences of full length, and masks where hardly any token is drawn.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "../io/test_files.h"
#include "madx/data/mlm_batches.h"

namespace madx {
namespace full_length_test {

using testing::HasSubstr;
using Ids = std::vector<int64_t>;

Ids to_ids(const at::Tensor& tensor) {
  return {tensor.data_ptr<int64_t>(), tensor.data_ptr<int64_t>() + tensor.numel()};
}

/// The batch's sequences as they were before masking, one after the other.
Ids unmasked(const MlmBatch& batch) {
  auto ids = to_ids(batch.batch.input_ids);
  const auto rows = to_ids(batch.batch.read_rows), targets = to_ids(batch.targets);
  for (size_t i = 0; i < rows.size(); ++i) ids.at(static_cast<size_t>(rows[i])) = targets[i];
  return ids;
}

class FullLengthTest : public testing::Test {
 protected:
  /// A file of `count` lines of different lengths that differ from each other.
  std::string write_lines(const std::string& word, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
      for (int repeats = 0; repeats <= i % 5; ++repeats) text += word + " ";
      text += std::to_string(100 + i) + "\n";
    }
    io::write_bytes(folder_ / word, text);
    return folder_ / word;
  }
  MlmBatches batches(const std::vector<std::string>& paths, MlmBatchesOptions options) const {
    return MlmBatches(TextCorpus(paths), tokenizer_, options);
  }
  static MlmBatchesOptions full(int64_t batch_size, int64_t max_length) {
    MlmBatchesOptions options;
    options.batch_size = batch_size;
    options.max_length = max_length;
    options.sequences = Sequences::kFullLength;
    return options;
  }
  /// The tokens inside the ends of every sequence of the training batches [first, last), joined.
  Ids stream(MlmBatches& all, int64_t first, int64_t last, int64_t max_length) const {
    Ids joined;
    for (auto index = first; index < last; ++index) {
      const auto ids = unmasked(all.train(index));
      for (size_t begin = 0; begin < ids.size(); begin += static_cast<size_t>(max_length)) {
        const auto from = ids.begin() + static_cast<int64_t>(begin);
        EXPECT_EQ(*from, tokenizer_->special().bos);
        EXPECT_EQ(*(from + max_length - 1), tokenizer_->special().eos);
        joined.insert(joined.end(), from + 1, from + max_length - 1);
      }
    }
    return joined;
  }
  /// How often each run of tokens between two </s> comes.
  std::map<Ids, int> lines_of(const Ids& stream) const {
    std::map<Ids, int> lines;
    Ids line;
    for (const auto id : stream) {
      if (id != tokenizer_->special().eos) {
        line.push_back(id);
        continue;
      }
      ++lines[line];
      line.clear();
    }
    return lines;
  }
  std::map<Ids, int> lines_of_file(const std::string& path, int times) const {
    const TextCorpus corpus({path});
    std::map<Ids, int> lines;
    for (size_t i = 0; i < corpus.size(); ++i) lines[tokenizer_->encode(corpus.line(i))] += times;
    return lines;
  }

  io::TemporaryFolder folder_;
  std::shared_ptr<const Tokenizer> tokenizer_ =
      load_tokenizer(std::string(MADX_FIXTURES) + "/tokenizer/xlmr");
};

TEST_F(FullLengthTest, HasBatchSizeSequencesOfMaxLengthInEveryBatch) {
  auto all = batches({write_lines("river", 200)}, full(/*batch_size=*/8, /*max_length=*/32));
  EXPECT_EQ(all.batch_tokens(), 8 * 32);
  for (int64_t index = 0; index < 3 * all.epoch_size(); ++index) {
    const auto offsets = all.train(index).batch.offsets;
    ASSERT_EQ(offsets.size(), 9u);
    for (size_t s = 0; s + 1 < offsets.size(); ++s) ASSERT_EQ(offsets[s + 1] - offsets[s], 32);
  }
}

TEST_F(FullLengthTest, ReadsEveryLineWholeAndOnceAnEpochInAnotherOrder) {
  const auto path = write_lines("market", 150);
  const auto options = full(/*batch_size=*/3, /*max_length=*/17);
  auto all = batches({path}, options);
  int64_t epoch = 0;  // tokens and separators
  for (const auto& [line, times] : lines_of_file(path, 1))
    epoch += times * (static_cast<int64_t>(line.size()) + 1);
  const auto per_batch = 3 * (17 - 2);
  EXPECT_EQ(all.epoch_size(), (epoch + per_batch - 1) / per_batch);
  EXPECT_DOUBLE_EQ(all.passes(10), 10.0 * per_batch / static_cast<double>(epoch));

  auto joined = stream(all, 0, 3 * all.epoch_size(), options.max_length);
  ASSERT_GE(static_cast<int64_t>(joined.size()), 3 * epoch);
  joined.resize(static_cast<size_t>(3 * epoch));
  const auto part = [&](int64_t n) {
    return Ids(joined.begin() + n * epoch, joined.begin() + (n + 1) * epoch);
  };
  for (int64_t n = 0; n < 3; ++n) EXPECT_EQ(lines_of(part(n)), lines_of_file(path, 1)) << n;
  EXPECT_NE(part(0), part(1));
  EXPECT_NE(part(1), part(2));
}

TEST_F(FullLengthTest, GivesTheSameBatchHoweverItIsReached) {
  const auto path = write_lines("boat", 90);
  auto forward = batches({path}, full(4, 16)), jumping = batches({path}, full(4, 16));
  std::vector<MlmBatch> inorder;
  for (int64_t index = 0; index < 40; ++index) inorder.push_back(forward.train(index));
  for (const int64_t index : {39, 0, 17, 17, 5, 38}) {
    const auto batch = jumping.train(index);
    const auto& expected = inorder[static_cast<size_t>(index)];
    EXPECT_EQ(to_ids(batch.batch.input_ids), to_ids(expected.batch.input_ids)) << index;
    EXPECT_EQ(to_ids(batch.targets), to_ids(expected.targets)) << index;
  }
  EXPECT_GT(batches({path}, full(4, 16)).train(int64_t{1} << 40).targets.numel(), 0);
}

TEST_F(FullLengthTest, GoesOverTheEndsOfEpochsOfATextShorterThanABatch) {
  const auto path = write_lines("small", 3);
  auto all = batches({path}, full(8, 32));
  EXPECT_EQ(all.epoch_size(), 1);
  EXPECT_GT(all.passes(1), 5);
  EXPECT_EQ(all.train(2).batch.rows(), 8 * 32);
}

TEST_F(FullLengthTest, TakesAsManySequencesOfEachFileInEqualShares) {
  const auto few = write_lines("few", 7), many = write_lines("many", 90), odd = folder_ / "odd";
  io::write_bytes(odd, "\u3000\n");  // without a token: no share
  auto options = full(/*batch_size=*/5, /*max_length=*/12);
  options.mixing = Mixing::kEqualShares;
  auto all = batches({few, odd, many}, options);
  const auto word_of = [&](const std::string& word) { return tokenizer_->encode(word); };
  int64_t sequences[2] = {0, 0};
  for (int64_t index = 0; index < 20; ++index) {
    const auto ids = unmasked(all.train(index));
    ASSERT_EQ(ids.size(), 60u);
    for (size_t s = 0; s < 5; ++s) {
      const auto begin = ids.begin() + static_cast<int64_t>(12 * s), end = begin + 12;
      const auto has = [&](const Ids& word) {
        return std::search(begin, end, word.begin(), word.end()) != end;
      };
      const bool first = has(word_of("few")), second = has(word_of("many"));
      EXPECT_NE(first, second);
      ++sequences[second ? 1 : 0];
    }
  }
  EXPECT_EQ(sequences[0], 50);
  EXPECT_EQ(sequences[1], 50);
}

TEST_F(FullLengthTest, EvaluatesAllTokensOfAllLinesInOrder) {
  const auto path = write_lines("evening", 70);
  const auto all = batches({path}, full(/*batch_size=*/4, /*max_length=*/20));
  Ids joined, expected;
  int64_t sequences = 0;
  for (int64_t index = 0; index < all.eval_size(); ++index) {
    const auto batch = all.eval(index);
    const auto ids = unmasked(batch);
    const bool last = index + 1 == all.eval_size();
    EXPECT_TRUE(last ? batch.batch.sequences() <= 4 : batch.batch.sequences() == 4);
    sequences += batch.batch.sequences();
    const auto& offsets = batch.batch.offsets;
    for (size_t s = 0; s + 1 < offsets.size(); ++s)
      joined.insert(joined.end(), ids.begin() + offsets[s] + 1, ids.begin() + offsets[s + 1] - 1);
  }
  const TextCorpus corpus({path});
  for (size_t i = 0; i < corpus.size(); ++i) {
    if (i > 0) expected.push_back(tokenizer_->special().eos);
    const auto tokens = tokenizer_->encode(corpus.line(i));
    expected.insert(expected.end(), tokens.begin(), tokens.end());
  }
  EXPECT_EQ(joined, expected);
  EXPECT_EQ(sequences, (static_cast<int64_t>(expected.size()) + 17) / 18);
}

TEST_F(FullLengthTest, CountsTokensAStepOnlyWhereAllStepsHaveAsMany) {
  auto lines = full(8, 32);
  lines.sequences = Sequences::kLines;
  const auto path = write_lines("morning", 40);
  const auto all = batches({path}, lines);
  EXPECT_EQ(all.batch_tokens(), std::nullopt);
  EXPECT_DOUBLE_EQ(all.passes(10), 2.0);
}

TEST_F(FullLengthTest, MasksATokenABatchWhateverTheProbability) {
  const auto path = write_lines("river", 50);
  for (const auto sequences : {Sequences::kLines, Sequences::kFullLength}) {
    auto options = full(/*batch_size=*/2, /*max_length=*/16);
    options.sequences = sequences;
    options.mlm_probability = 1e-300;
    auto all = batches({path}, options);
    std::map<int64_t, int> places;
    for (int64_t index = 0; index < 60; ++index) {
      const auto batch = all.train(index);
      ASSERT_EQ(batch.targets.numel(), 1);
      EXPECT_FALSE(tokenizer_->is_special(batch.targets.item<int64_t>()));
      ++places[batch.batch.read_rows.item<int64_t>()];
    }
    EXPECT_GT(places.size(), 5u);
  }
}

TEST_F(FullLengthTest, RefusesATextOfUnknownTokensAlone) {
  const auto bert = load_tokenizer(std::string(MADX_FIXTURES) + "/tokenizer/bert_cased");
  const std::string path = folder_ / "unknown";
  io::write_bytes(path, "\U00012000 \U00012001\n\U00012002\n");
  ASSERT_EQ(bert->encode("\U00012000"), Ids{bert->special().unk});
  for (const auto sequences : {Sequences::kLines, Sequences::kFullLength}) {
    auto options = full(2, 16);
    options.sequences = sequences;
    EXPECT_THAT(io::input_error_of([&] { MlmBatches(TextCorpus({path}), bert, options); }),
                HasSubstr("the text has no line with a token; expected sentences or paragraphs, a "
                          "line each, in a script that the vocabulary knows"));
  }
}

TEST_F(FullLengthTest, PassesOverBatchesOfUnknownTokensAlone) {
  const auto bert = load_tokenizer(std::string(MADX_FIXTURES) + "/tokenizer/bert_cased");
  const std::string path = folder_ / "mostly_unknown";
  std::string text = "The river\n";
  for (int i = 0; i < 40; ++i) text += "\U00012000 \U00012001 \U00012002\n";
  io::write_bytes(path, text);
  MlmBatches all(TextCorpus({path}), bert, full(/*batch_size=*/1, /*max_length=*/8));
  for (int64_t index = 0; index < all.epoch_size(); ++index)
    EXPECT_GT(all.train(index).targets.numel(), 0);
}

}  // namespace full_length_test
}  // namespace madx
