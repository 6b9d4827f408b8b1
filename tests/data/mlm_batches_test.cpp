#include "madx/data/mlm_batches.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "../io/test_files.h"

namespace madx {
namespace mlm_batches_test {

using testing::HasSubstr;
using Ids = std::vector<int64_t>;

Ids to_ids(const at::Tensor& tensor) {
  return {tensor.data_ptr<int64_t>(), tensor.data_ptr<int64_t>() + tensor.numel()};
}

/// The batch's sequences as they were before masking.
std::vector<Ids> unmasked(const MlmBatch& batch) {
  auto ids = to_ids(batch.batch.input_ids);
  const auto rows = to_ids(batch.batch.read_rows), targets = to_ids(batch.targets);
  EXPECT_EQ(rows.size(), targets.size());
  for (size_t i = 0; i < rows.size(); ++i) ids.at(static_cast<size_t>(rows[i])) = targets[i];
  std::vector<Ids> sequences;
  const auto& offsets = batch.batch.offsets;
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    sequences.emplace_back(ids.begin() + offsets[s], ids.begin() + offsets[s + 1]);
  }
  return sequences;
}

void expect_same(const MlmBatch& a, const MlmBatch& b) {
  EXPECT_EQ(a.batch.offsets, b.batch.offsets);
  EXPECT_EQ(to_ids(a.batch.input_ids), to_ids(b.batch.input_ids));
  EXPECT_EQ(to_ids(a.batch.read_rows), to_ids(b.batch.read_rows));
  EXPECT_EQ(to_ids(a.targets), to_ids(b.targets));
}

class MlmBatchesTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& bytes) {
    io::write_bytes(folder_ / name, bytes);
    return folder_ / name;
  }
  /// Lines that differ from each other and from those of other `word`s.
  std::string write_lines(const std::string& word, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += word + " river " + std::to_string(100 + i) + " boat\n";
    return write(word, text);
  }
  MlmBatches batches(const std::vector<std::string>& paths, MlmBatchesOptions options) const {
    return MlmBatches(TextCorpus(paths), tokenizer_, options);
  }
  static MlmBatchesOptions options(int64_t batch_size, int64_t max_length = 64) {
    MlmBatchesOptions options;
    options.batch_size = batch_size;
    options.max_length = max_length;
    options.mlm_probability = 0.3;
    return options;
  }
  Ids with_ends(Ids ids) const {
    ids.insert(ids.begin(), tokenizer_->special().bos);
    ids.push_back(tokenizer_->special().eos);
    return ids;
  }
  /// The line numbers of the corpus by what a sequence of each looks like.
  std::map<Ids, size_t> lines_by_ids(const std::vector<std::string>& paths) const {
    const TextCorpus corpus(paths);
    std::map<Ids, size_t> lines;
    for (size_t i = 0; i < corpus.size(); ++i)
      lines[with_ends(tokenizer_->encode(corpus.line(i)))] = i;
    EXPECT_EQ(lines.size(), corpus.size());
    return lines;
  }

  io::TemporaryFolder folder_;
  std::shared_ptr<const Tokenizer> tokenizer_ =
      load_tokenizer(std::string(MADX_FIXTURES) + "/tokenizer/xlmr");
};

TEST_F(MlmBatchesTest, ReadsEachLineOnceAnEpochInAnotherOrder) {
  const auto path = write_lines("morning", 24);
  const auto lines = lines_by_ids({path});
  auto all = batches({path}, options(/*batch_size=*/6));
  EXPECT_EQ(all.epoch_size(), 4);
  std::vector<std::vector<size_t>> epochs(3);
  for (int64_t index = 0; index < 12; ++index) {
    for (const auto& sequence : unmasked(all.train(index))) {
      epochs[static_cast<size_t>(index / 4)].push_back(lines.at(sequence));
    }
  }
  for (const auto& epoch : epochs)
    EXPECT_EQ(std::set<size_t>(epoch.begin(), epoch.end()).size(), 24u);
  EXPECT_FALSE(std::is_sorted(epochs[0].begin(), epochs[0].end()));
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_NE(epochs[1], epochs[2]);
}

TEST_F(MlmBatchesTest, GivesTheSameBatchHoweverItIsReached) {
  const auto path = write_lines("market", 10);
  auto forward = batches({path}, options(4)), jumping = batches({path}, options(4));
  std::vector<MlmBatch> inorder;
  for (int64_t index = 0; index < 9; ++index) inorder.push_back(forward.train(index));
  for (const int64_t index : {8, 0, 5, 5, 3}) {
    SCOPED_TRACE(index);
    expect_same(jumping.train(index), inorder[static_cast<size_t>(index)]);
  }
  auto changed = options(4);
  changed.seed = 43;
  EXPECT_NE(unmasked(batches({path}, changed).train(0)), unmasked(inorder[0]));
}

TEST_F(MlmBatchesTest, MasksAnewAtEachVisit) {
  const auto path = write("one", "The river is wide, and the boat is small.\n");
  auto all = batches({path}, options(1));
  std::set<Ids> masks;
  for (int64_t visit = 0; visit < 20; ++visit)
    masks.insert(to_ids(all.train(visit).batch.read_rows));
  EXPECT_GT(masks.size(), 10u);
}

TEST_F(MlmBatchesTest, TakesAsManyLinesOfEachFileInEqualShares) {
  const auto few = write_lines("soko", 3), many = write_lines("school", 31);
  const auto lines = lines_by_ids({few, many});
  auto mixed = options(4);
  mixed.mixing = Mixing::kEqualShares;
  auto all = batches({few, many}, mixed);
  std::map<size_t, int> visits;
  for (int64_t index = 0; index < 31; ++index) {  // two lines of each file a batch
    for (const auto& sequence : unmasked(all.train(index))) ++visits[lines.at(sequence)];
  }
  int few_visits = 0;
  for (const auto& [line, count] : visits) {
    if (line < 3) few_visits += count;
    EXPECT_NEAR(count, line < 3 ? 62 / 3.0 : 2, 1) << line;
  }
  EXPECT_EQ(few_visits, 62);
  EXPECT_EQ(visits.size(), 34u);
}

TEST_F(MlmBatchesTest, CutsAWindowOutOfALineThatIsTooLong) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "river" + std::to_string(i * 37) + " ";
  const auto path = write("long", text + "\n");
  const auto whole = tokenizer_->encode(text);
  auto all = batches({path}, options(1, /*max_length=*/9));
  std::set<int64_t> begins;
  for (int64_t visit = 0; visit < 60; ++visit) {
    const auto sequence = unmasked(all.train(visit)).at(0);
    ASSERT_EQ(sequence.size(), 9u);
    EXPECT_EQ(sequence.front(), tokenizer_->special().bos);
    EXPECT_EQ(sequence.back(), tokenizer_->special().eos);
    const auto found =
        std::search(whole.begin(), whole.end(), sequence.begin() + 1, sequence.end() - 1);
    ASSERT_NE(found, whole.end());
    begins.insert(found - whole.begin());
  }
  EXPECT_GT(begins.size(), 20u) << "drawn anew at each visit";
  EXPECT_EQ(
      unmasked(batches({path}, options(1, static_cast<int64_t>(whole.size()) + 2)).train(0)).at(0),
      with_ends(whole));
}

TEST_F(MlmBatchesTest, JoinsLinesToFullLengthAndLosesNone) {
  const auto path = write_lines("market", 12);
  const TextCorpus corpus({path});
  auto by_length = options(/*batch_size=*/12, /*max_length=*/20);
  by_length.sequences = Sequences::kFullLength;
  Ids expected;
  for (size_t i = 0; i < corpus.size(); ++i) {
    if (i > 0) expected.push_back(tokenizer_->special().eos);
    const auto tokens = tokenizer_->encode(corpus.line(i));
    expected.insert(expected.end(), tokens.begin(), tokens.end());
  }
  auto all = batches({path}, by_length);
  Ids joined;
  const auto sequences = unmasked(all.eval(0));
  for (const auto& sequence : sequences) {
    EXPECT_EQ(sequence.size(), &sequence == &sequences.back() ? sequence.size() : 20u);
    EXPECT_EQ(sequence.front(), tokenizer_->special().bos);
    EXPECT_EQ(sequence.back(), tokenizer_->special().eos);
    joined.insert(joined.end(), sequence.begin() + 1, sequence.end() - 1);
  }
  EXPECT_EQ(joined, expected);
  expect_same(all.train(3), batches({path}, by_length).train(3));
}

TEST_F(MlmBatchesTest, PassesOverLinesWithoutAToken) {
  const std::string odd = "\xe3\x80\x80\xc2\xa0\n";  // an ideographic and a no-break space
  std::string text;
  for (int i = 0; i < 12; ++i) text += i == 5 ? "The river is wide.\n" : odd;
  const auto path = write("odd", text);
  auto all = batches({path}, options(2));
  for (int64_t index = 0; index < 6; ++index) {
    const auto batch = all.train(index);
    EXPECT_EQ(batch.batch.sequences(), 1);
    EXPECT_GT(batch.targets.numel(), 0);
    EXPECT_EQ(unmasked(batch).at(0), with_ends(tokenizer_->encode("The river is wide.")));
  }
  int64_t tokens = 0;
  for (int64_t index = 0; index < all.eval_size(); ++index) tokens += all.eval(index).batch.rows();
  EXPECT_EQ(tokens, all.train(0).batch.rows());
}

TEST_F(MlmBatchesTest, RefusesACorpusWithoutAToken) {
  const auto path = write("odd", "\xe3\x80\x80\n\xc2\xa0\n");
  EXPECT_THAT(io::input_error_of([&] { batches({path}, options(2)); }),
              HasSubstr("the text has no line with a token; expected sentences or paragraphs"));
}

TEST_F(MlmBatchesTest, EvaluatesLinesInOrderWithTheSameMasksForEverySeed) {
  const auto path = write_lines("evening", 7);
  const auto lines = lines_by_ids({path});
  const auto all = batches({path}, options(3));
  auto other_seed = options(3);
  other_seed.seed = 1;
  const auto other = batches({path}, other_seed);
  EXPECT_EQ(all.eval_size(), 3);
  size_t line = 0;
  for (int64_t index = 0; index < 3; ++index) {
    expect_same(all.eval(index), all.eval(index));
    expect_same(all.eval(index), other.eval(index));
    for (const auto& sequence : unmasked(all.eval(index))) EXPECT_EQ(lines.at(sequence), line++);
  }
  EXPECT_EQ(line, 7u);
}

TEST_F(MlmBatchesTest, RefusesOptionsThatNoBatchCanHave) {
  const auto path = write("text", "Mwalimu anatembea\n");
  const auto tokenizer = load_tokenizer(MADX_FIXTURES "/tokenizer/xlmr");
  const auto refused = [&](auto change) {
    MlmBatchesOptions options;
    change(options);
    EXPECT_THROW(MlmBatches(TextCorpus({path}), tokenizer, options), c10::Error);
  };
  refused([](auto& options) { options.batch_size = 0; });
  refused([](auto& options) { options.max_length = 2; });
  refused([](auto& options) { options.mlm_probability = 0; });
  refused([](auto& options) { options.mlm_probability = 1; });
}

}  // namespace mlm_batches_test
}  // namespace madx
