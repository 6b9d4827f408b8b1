#include "madx/cpu/embedding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "cpu/bfloat16_round.h"
#include "gemm/tested.h"

namespace madx::cpu {
namespace {

class Embedding : public testing::Test {
 protected:
  static constexpr int64_t kHidden = 37, kWords = 50, kPositions = 20, kRows = 33;

  Embedding() {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    const auto fill = [&](std::vector<float>& values, int64_t size) {
      values.resize(static_cast<size_t>(size));
      for (auto& value : values) value = to_float(to_bfloat16(normal(random)));
    };
    fill(words_, kWords * kHidden);
    fill(positions_, kPositions * kHidden);
    fill(type_, kHidden);
    fill(weight_, kHidden);
    fill(bias_, kHidden);
    for (int64_t row = 0; row < kRows; ++row) {
      ids_.push_back((row * 7) % kWords);
      places_.push_back((row * 3) % kPositions);
    }
    rounded_.resize(words_.size());
    to_bfloat16(words_.data(), kWords * kHidden, rounded_.data());
  }

  EmbeddingInput input(double dropout = 0) const {
    return {ids_.data(),
            places_.data(),
            kRows,
            kHidden,
            {words_.data(), nullptr, nullptr, nullptr},
            positions_.data(),
            type_.data(),
            weight_.data(),
            bias_.data(),
            /*norm_eps=*/1e-5,
            dropout,
            /*seed=*/3};
  }

  std::vector<float> run(const EmbeddingInput& input, int threads = 2) const {
    std::vector<float> out(static_cast<size_t>(kRows * kHidden + 1), 12345);
    embed(input, threads, out.data());
    EXPECT_EQ(out.back(), 12345);
    out.pop_back();
    return out;
  }

  std::vector<float> words_, positions_, type_, weight_, bias_;
  std::vector<Bfloat16> rounded_;
  std::vector<int64_t> ids_, places_;
};

TEST_F(Embedding, IsTheLayerNormOfTheSum) {
  const auto out = run(input());
  for (int64_t row = 0; row < kRows; ++row) {
    std::vector<double> sum;
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < kHidden; ++i) {
      sum.push_back(double{words_[ids_[row] * kHidden + i]} +
                    positions_[places_[row] * kHidden + i] + type_[i]);
      mean += sum.back() / kHidden;
    }
    for (const auto value : sum) variance += (value - mean) * (value - mean) / kHidden;
    for (int64_t i = 0; i < kHidden; ++i) {
      const auto expected = (sum[i] - mean) / std::sqrt(variance + 1e-5) * weight_[i] + bias_[i];
      ASSERT_NEAR(out[row * kHidden + i], expected, 1e-5) << row << ", " << i;
    }
  }
}

TEST_F(Embedding, ReadsWordsInBfloat16) {
  auto rounded = input();
  rounded.words = {nullptr, rounded_.data(), nullptr, nullptr};
  EXPECT_EQ(run(rounded), run(input()));  // the words of the fixture are round
}

TEST_F(Embedding, DropsAShareAndScalesTheRest) {
  const auto whole = run(input()), dropped = run(input(/*dropout=*/0.25));
  int64_t gone = 0;
  for (size_t i = 0; i < whole.size(); ++i) {
    if (dropped[i] == 0) {
      ++gone;
    } else {
      EXPECT_FLOAT_EQ(dropped[i], whole[i] / 0.75f);
    }
  }
  EXPECT_NEAR(static_cast<double>(gone) / static_cast<double>(whole.size()), 0.25, 0.05);
  EXPECT_EQ(run(input(0.25), /*threads=*/5), dropped);
}

}  // namespace
}  // namespace madx::cpu
