#include "madx/data/sub_word_set.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include <set>
#include <stdexcept>

#include "../io/test_files.h"
#include "madx/data/mlm_batches.h"

namespace madx {
namespace sub_word_set_test {

using testing::ElementsAre;
using testing::IsSupersetOf;
using Ids = std::vector<int64_t>;

class SubWordSetTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) const {
    io::write_bytes(folder_ / name, text);
    return folder_ / name;
  }
  Ids special() const {
    const auto& special = tokenizer_->special();
    std::set<int64_t> ids = {special.bos, special.eos, special.pad, special.unk, special.mask};
    return {ids.begin(), ids.end()};
  }
  /// What the set of these lines must be, a line at a time.
  Ids expected(const std::vector<std::string>& lines) const {
    const auto first = special();
    std::set<int64_t> ids(first.begin(), first.end());
    for (const auto& line : lines)
      for (const auto id : tokenizer_->encode(line)) ids.insert(id);
    return {ids.begin(), ids.end()};
  }

  io::TemporaryFolder folder_;
  std::shared_ptr<const Tokenizer> tokenizer_ =
      load_tokenizer(std::string(MADX_FIXTURES) + "/tokenizer/xlmr");
};

TEST_F(SubWordSetTest, BeginsWithTheSpecialOnes) {
  EXPECT_EQ(SubWordSet(*tokenizer_).ids(), special());
  EXPECT_THAT(special(), ElementsAre(0, 1, 2, 3, 251)) << "XLM-R's";
}

TEST_F(SubWordSetTest, HasWhatWasAddedAscendingAndOnce) {
  SubWordSet set(*tokenizer_);
  set.add({200, 7, 7, 3});
  set.add({});
  set.add({7, 9});
  EXPECT_THAT(set.ids(), ElementsAre(0, 1, 2, 3, 7, 9, 200, 251));
}

TEST_F(SubWordSetTest, RefusesIdsBeyondTheVocabulary) {
  SubWordSet set(*tokenizer_);
  EXPECT_THROW(set.add({252}), std::out_of_range);
  EXPECT_THROW(set.add({-1}), std::out_of_range);
}

TEST_F(SubWordSetTest, OfATextIsTheSameWithAnyNumberOfThreads) {
  std::vector<std::string> lines;
  std::string text;
  for (int i = 0; i < 300; ++i) {                // more than a thread takes at once
    lines.push_back(i % 7 == 0 ? "\xE2\x80\x8B"  // a line without a token
                    : i == 299 ? "Mwalimu anatembea."
                               : "The river " + std::to_string(i % 50));
    text += lines.back() + "\n";
  }
  const TextCorpus corpus({write("text", text)});
  const int threads = at::get_num_threads();
  for (const int count : {1, 2, 5}) {
    at::set_num_threads(count);
    SubWordSet set(*tokenizer_);
    set.add_text(corpus, *tokenizer_);
    EXPECT_EQ(set.ids(), expected(lines)) << count;
  }
  at::set_num_threads(threads);
}

TEST_F(SubWordSetTest, IsGatheredByBatchesWhateverTheirSequencesAre) {
  const std::vector<std::string> lines = {"The river is near the school.", "Maria 12345 New York"};
  const auto path = write("text", lines[0] + "\n\n" + lines[1] + "\n");
  for (const auto sequences : {Sequences::kLines, Sequences::kFullLength}) {
    MlmBatchesOptions options;
    options.max_length = 6;  // of a line, a window: the set has the whole of it
    options.batch_size = 2;
    options.mlm_probability = 0.9;
    options.sequences = sequences;
    SubWordSet set(*tokenizer_);
    MlmBatches batches(TextCorpus({path}), tokenizer_, options, &set);
    const auto ids = set.ids();
    EXPECT_EQ(ids, expected(lines));

    MlmBatches alone(TextCorpus({path}), tokenizer_, options);
    for (int64_t index = 0; index < 20; ++index) {
      const auto batch = batches.train(index), other = alone.train(index);
      EXPECT_TRUE(at::equal(batch.batch.input_ids, other.batch.input_ids));
      EXPECT_TRUE(at::equal(batch.targets, other.targets));
      const auto* targets = batch.targets.data_ptr<int64_t>();
      EXPECT_THAT(ids, IsSupersetOf(std::set<int64_t>(targets, targets + batch.targets.numel())));
    }
  }
}

}  // namespace sub_word_set_test
}  // namespace madx
