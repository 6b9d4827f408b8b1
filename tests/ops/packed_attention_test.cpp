#include "madx/ops/packed_attention.h"

#include <gmock/gmock.h>
#include <torch/utils.h>

#include "../support.h"

namespace madx::ops {
namespace {

using testing::HasSubstr;

constexpr int64_t kHidden = 12;

/// Rows of queries, keys and values as the encoder has them: views of one packed projection.
struct Rows {
  explicit Rows(int64_t count) : packed(at::randn({count, 3 * kHidden}, at::kDouble)) {
    packed.requires_grad_();
  }
  at::Tensor q() const { return packed.narrow(1, 0, kHidden); }
  at::Tensor k() const { return packed.narrow(1, kHidden, kHidden); }
  at::Tensor v() const { return packed.narrow(1, 2 * kHidden, kHidden); }
  at::Tensor packed;
};

RowOffsets offsets_of(const std::vector<int64_t>& lengths) {
  RowOffsets offsets = {0};
  for (const auto length : lengths) offsets.push_back(offsets.back() + length);
  return offsets;
}

/// Sequence by sequence, through LibTorch's own attention.
at::Tensor reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const RowOffsets& q_offsets, const RowOffsets& k_offsets, int64_t heads) {
  std::vector<at::Tensor> parts;
  for (size_t s = 0; s + 1 < q_offsets.size(); ++s) {
    const auto part = [&](const at::Tensor& x, const RowOffsets& offsets) {
      const auto rows = x.narrow(0, offsets[s], offsets[s + 1] - offsets[s]);
      return rows.reshape({1, -1, heads, kHidden / heads}).transpose(1, 2);
    };
    if (q_offsets[s] == q_offsets[s + 1]) continue;
    const auto y = at::scaled_dot_product_attention(part(q, q_offsets), part(k, k_offsets),
                                                    part(v, k_offsets));
    parts.push_back(y.transpose(1, 2).reshape({-1, kHidden}));
  }
  return at::cat(parts);
}

class PackedAttentionTest : public testing::Test {
 protected:
  void SetUp() override { torch::manual_seed(2); }
};

TEST_F(PackedAttentionTest, EqualsAttentionWithinEachSequence) {
  const auto offsets = offsets_of({3, 1, 5, 5, 2, 2, 2, 3});
  const Rows x(offsets.back());
  for (const int64_t heads : {int64_t{1}, int64_t{3}, kHidden}) {
    const auto y = packed_attention(x.q(), x.k(), x.v(), offsets, offsets, heads, /*dropout=*/0);
    expect_close(y, reference(x.q(), x.k(), x.v(), offsets, offsets, heads), 1e-12);
  }
}

TEST_F(PackedAttentionTest, TakesQueriesOfSomeRowsAndOfSomeSequences) {
  const auto keys = offsets_of({4, 4, 4, 2, 6}), queries = offsets_of({2, 2, 0, 1, 0});
  const Rows x(keys.back());
  const auto q = at::randn({5, kHidden}, at::kDouble);
  const auto y = packed_attention(q, x.k(), x.v(), queries, keys, 3, /*dropout=*/0);
  expect_close(y, reference(q, x.k(), x.v(), queries, keys, 3), 1e-12);
}

TEST_F(PackedAttentionTest, GivesNoRowsWhereNoneIsAsked) {
  const auto keys = offsets_of({4, 2});
  const Rows x(keys.back());
  const auto none = x.q().narrow(0, 0, 0);
  const auto y = packed_attention(none, x.k(), x.v(), offsets_of({0, 0}), keys, 3, /*dropout=*/0);
  EXPECT_EQ(y.sizes(), (std::vector<int64_t>{0, kHidden}));
}

TEST_F(PackedAttentionTest, AgreesWithFiniteDifferences) {
  const auto keys = offsets_of({3, 3, 2}), queries = offsets_of({1, 1, 2});
  const Rows x(keys.back());
  const auto q = at::randn({4, kHidden}, at::kDouble).requires_grad_();
  const auto direction = at::randn({4, kHidden}, at::kDouble);
  expect_gradients_of_differences(
      [&] {
        return (packed_attention(q, x.k(), x.v(), queries, keys, 3, /*dropout=*/0) * direction)
            .sum();
      },
      {q, x.packed});
}

TEST_F(PackedAttentionTest, DropoutKeepsTheExpectation) {
  constexpr int64_t kCopies = 4000, kLength = 3;
  const Rows one(kLength);
  const auto copies = one.packed.detach().repeat({kCopies, 1});
  const auto offsets = offsets_of(std::vector<int64_t>(kCopies, kLength));
  const auto column = [&](int64_t i) { return copies.narrow(1, i * kHidden, kHidden); };
  const auto run = [&](double dropout) {
    return packed_attention(column(0), column(1), column(2), offsets, offsets, 3, dropout);
  };
  const auto exact = run(0), dropped = run(0.3);
  EXPECT_TRUE(at::equal(exact, run(0)));
  EXPECT_GT((dropped - exact).abs().max().item<double>(), 0.1);
  EXPECT_FALSE(at::equal(dropped, run(0.3)));
  const auto mean = dropped.view({kCopies, kLength, kHidden}).mean(0);
  const auto error = (mean - exact.narrow(0, 0, kLength)).abs();
  // A kept or dropped weight varies by 0.65 of itself; the mean of 4000 by a hundredth of that.
  EXPECT_LT(error.max().item<double>(), 0.1);
  EXPECT_LT(error.mean().item<double>(), 0.02);
}

TEST_F(PackedAttentionTest, RefusesOffsetsOfOtherRows) {
  const Rows x(6);
  const auto error_of = [&](const RowOffsets& queries, const RowOffsets& keys) {
    return torch_error_of(
        [&] { packed_attention(x.q(), x.k(), x.v(), queries, keys, 3, /*dropout=*/0); });
  };
  EXPECT_THAT(error_of({0, 6}, {0, 3, 6}),
              HasSubstr("expected as many query as key sequences, but got 2 and 3 offsets"));
  EXPECT_THAT(error_of({0, 5}, {0, 6}),
              HasSubstr("expected offsets that end at 6 and 6 rows, but they end at 5 and 6"));
}

}  // namespace
}  // namespace madx::ops
