#include "madx/data/masking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace madx {
namespace masking_test {

constexpr double kProbability = 0.15;

class MaskingTest : public ::testing::Test {
 protected:
  /// Ids of every kind, special ones among them.
  std::vector<int64_t> ids(int64_t count) const {
    RandomStream random(1);
    std::vector<int64_t> all(static_cast<size_t>(count));
    for (auto& id : all) id = random.below(tokenizer_->vocab_size());
    return all;
  }
  MaskedTokens mask(std::vector<int64_t>& ids, uint64_t seed = 2) const {
    RandomStream random(seed);
    return mask_tokens(ids, *tokenizer_, kProbability, random);
  }
  int64_t maskable() const { return tokenizer_->vocab_size() - 5; }

  std::shared_ptr<const Tokenizer> tokenizer_ =
      load_tokenizer(std::string(MADX_FIXTURES) + "/tokenizer/xlmr");
};

TEST_F(MaskingTest, ChoosesFifteenPercentAndMasksKeepsOrReplacesThem) {
  auto changed = ids(100000);
  const auto before = changed;
  const auto masked = mask(changed);
  double candidates = 0, mask_ids = 0, kept = 0;
  for (const auto id : before) candidates += !tokenizer_->is_special(id);
  const auto chosen = static_cast<double>(masked.places.size());
  for (const auto place : masked.places) {
    const auto now = changed[static_cast<size_t>(place)];
    mask_ids += now == tokenizer_->special().mask;
    kept += now == before[static_cast<size_t>(place)];
  }
  // Five standard deviations of a share p of n draws are 5 sqrt(p (1 - p) / n).
  EXPECT_NEAR(chosen / candidates, kProbability, 0.006);
  EXPECT_NEAR(mask_ids / chosen, 0.8, 0.017);
  EXPECT_NEAR(kept / chosen, 0.1 + 0.1 / static_cast<double>(maskable()), 0.013);
  EXPECT_NEAR((chosen - mask_ids - kept) / chosen, 0.1, 0.013);
}

TEST_F(MaskingTest, LeavesSpecialTokensAloneAndDrawsNone) {
  auto changed = ids(300000);
  const auto before = changed;
  const auto masked = mask(changed);
  std::map<int64_t, int64_t> drawn;
  for (size_t i = 0; i < changed.size(); ++i) {
    if (tokenizer_->is_special(before[i])) {
      ASSERT_EQ(changed[i], before[i]);
    } else if (changed[i] != before[i] && changed[i] != tokenizer_->special().mask) {
      ASSERT_FALSE(tokenizer_->is_special(changed[i]));
      ++drawn[changed[i]];
    }
  }
  for (const auto target : masked.targets) ASSERT_FALSE(tokenizer_->is_special(target));
  EXPECT_EQ(static_cast<int64_t>(drawn.size()), maskable()) << "every other token is drawn";
  for (const auto& [id, count] : drawn) EXPECT_LT(count, 60) << id << ": about 18 are expected";
}

TEST_F(MaskingTest, SaysWhereAndWhatItMasked) {
  auto changed = ids(5000);
  const auto before = changed;
  const auto masked = mask(changed);
  ASSERT_EQ(masked.places.size(), masked.targets.size());
  EXPECT_TRUE(std::is_sorted(masked.places.begin(), masked.places.end()));
  for (size_t i = 0; i < masked.places.size(); ++i) {
    const auto place = static_cast<size_t>(masked.places[i]);
    EXPECT_EQ(masked.targets[i], before[place]);
    changed[place] = before[place];
  }
  EXPECT_EQ(changed, before) << "nothing else changed";
}

TEST_F(MaskingTest, DependsOnTheSeedAlone) {
  auto first = ids(1000), same = first, other = first;
  const auto masked = mask(first, 5);
  EXPECT_EQ(mask(same, 5).places, masked.places);
  EXPECT_EQ(same, first);
  EXPECT_NE(mask(other, 6).places, masked.places);
}

TEST(RandomStream, DrawsWhatTheStandardPrescribes) {
  RandomStream random(5489);  // the standard gives the 10000th value of mt19937_64 with this seed
  for (int i = 1; i < 10000; ++i) random.uniform();
  EXPECT_EQ(random.uniform(), static_cast<double>(9981545732273789042ULL >> 11) * 0x1.0p-53);
}

TEST(RandomStream, DrawsEvenlyBelowABound) {
  RandomStream random(3);
  std::map<int64_t, int64_t> counts;
  for (int i = 0; i < 70000; ++i) ++counts[random.below(7)];
  ASSERT_EQ(counts.size(), 7u);
  EXPECT_EQ(counts.begin()->first, 0);
  for (const auto& [value, count] : counts) EXPECT_NEAR(count, 10000, 500) << value;
}

TEST(MixSeeds, TellsNumbersAndTheirOrderApart) {
  EXPECT_EQ(mix_seeds({42, 1}), mix_seeds({42, 1}));
  EXPECT_NE(mix_seeds({42, 1}), mix_seeds({1, 42}));
  EXPECT_NE(mix_seeds({42, 1}), mix_seeds({42, 2}));
  EXPECT_NE(mix_seeds({42}), mix_seeds({42, 0}));
}

}  // namespace masking_test
}  // namespace madx
