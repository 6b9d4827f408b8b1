#include "madx/ops/packed_attention.h"

#include <gmock/gmock.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/utils.h>

#include "../support.h"
#include "ops/packed_attention.h"

namespace madx::ops {
namespace packed_attention_test {

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
  at::Tensor kv() const { return packed.narrow(1, kHidden, 2 * kHidden); }
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
    const auto y = packed_attention(x.packed, offsets, heads, /*dropout=*/0);
    expect_close(y, reference(x.q(), x.k(), x.v(), offsets, offsets, heads), 1e-12);
  }
}

TEST_F(PackedAttentionTest, InTheFormOfCudaEqualsTheOther) {
  const int64_t count = 3, heads = 2;
  const auto q = at::randn({count * 4, kHidden}, at::kDouble).requires_grad_();
  const auto k = at::randn({count * 7, kHidden}, at::kDouble).requires_grad_();
  const auto v = at::randn({count * 7, kHidden}, at::kDouble).requires_grad_();
  const auto split = [&](const at::Tensor& x) {
    return x.reshape({count, -1, heads, kHidden / heads}).transpose(1, 2);
  };
  const auto weights = at::randn({count * 4, kHidden}, at::kDouble);
  const auto run = [&](const at::Tensor& y) {
    std::vector<at::Tensor> results = {y.detach()};
    for (auto& gradient : torch::autograd::grad({(y * weights).sum()}, {q, k, v}))
      results.push_back(gradient);
    return results;
  };
  const auto ours = run(detail::attend_by_sdpa(split(q), split(k), split(v), /*dropout=*/0));
  const auto plain = run(detail::attend_equal(q, k, v, count, heads, /*dropout=*/0));
  for (size_t i = 0; i < plain.size(); ++i) expect_close(ours[i], plain[i], 1e-12);
}

TEST_F(PackedAttentionTest, TakesQueriesOfSomeRowsAndOfSomeSequences) {
  const auto keys = offsets_of({4, 4, 4, 2, 6}), queries = offsets_of({2, 2, 0, 1, 0});
  const Rows x(keys.back());
  const auto q = at::randn({5, kHidden}, at::kDouble);
  const auto y = packed_attention(q, x.kv(), queries, keys, 3, /*dropout=*/0);
  expect_close(y, reference(q, x.k(), x.v(), queries, keys, 3), 1e-12);
}

TEST_F(PackedAttentionTest, GivesNoRowsWhereNoneIsAsked) {
  const auto keys = offsets_of({4, 2});
  const Rows x(keys.back());
  const auto none = x.q().narrow(0, 0, 0);
  const auto y = packed_attention(none, x.kv(), offsets_of({0, 0}), keys, 3, /*dropout=*/0);
  EXPECT_EQ(y.sizes(), (std::vector<int64_t>{0, kHidden}));
}

TEST_F(PackedAttentionTest, AgreesWithFiniteDifferences) {
  const auto keys = offsets_of({3, 3, 2}), queries = offsets_of({1, 1, 2});
  const Rows x(keys.back());
  const auto q = at::randn({4, kHidden}, at::kDouble).requires_grad_();
  const auto direction = at::randn({4, kHidden}, at::kDouble);
  expect_gradients_of_differences(
      [&] {
        return (packed_attention(q, x.kv(), queries, keys, 3, /*dropout=*/0) * direction).sum();
      },
      {q, x.packed});
}

TEST_F(PackedAttentionTest, DropoutKeepsTheExpectation) {
  constexpr int64_t kCopies = 4000, kLength = 3;
  const Rows one(kLength);
  const auto offsets = offsets_of(std::vector<int64_t>(kCopies, kLength));
  for (const auto type : {at::kDouble, at::kFloat}) {  // in plain form, by the CPU kernel
    const auto copies = one.packed.detach().to(type).repeat({kCopies, 1});
    const auto run = [&](double dropout) { return packed_attention(copies, offsets, 3, dropout); };
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
}

TEST_F(PackedAttentionTest, InFloatHasAtMostTwiceTheErrorOfThePlainForm) {
  const auto keys = offsets_of({37, 1, 16, 16, 70}), queries = offsets_of({5, 0, 16, 1, 9});
  const Rows x(keys.back());
  const auto q = at::randn({31, kHidden}, at::kDouble);
  const auto direction = at::randn({31, kHidden}, at::kDouble);
  const auto run = [&](at::ScalarType type, bool plain) {
    const auto leaf = [&](const at::Tensor& values) {
      return values.detach().clone().to(type).requires_grad_();
    };
    const auto q_in = leaf(q), kv = leaf(x.kv());
    const auto y = plain ? packed_attention_composite(q_in, kv.narrow(1, 0, kHidden),
                                                      kv.narrow(1, kHidden, kHidden), queries, keys,
                                                      3, /*dropout=*/0)
                         : packed_attention(q_in, kv, queries, keys, 3, /*dropout=*/0);
    (y * direction.to(type)).sum().backward();
    return std::vector<at::Tensor>{y, q_in.grad(), kv.grad()};
  };
  const auto exact = run(at::kDouble, true), plain = run(at::kFloat, true),
             ours = run(at::kFloat, false);
  for (size_t i = 0; i < exact.size(); ++i) {
    const auto error = [&](const at::Tensor& y) {
      return (y.to(at::kDouble) - exact[i]).abs().max().item<double>();
    };
    EXPECT_GT(ours[i].abs().sum().item<double>(), 0);
    EXPECT_LE(error(ours[i]), 2 * error(plain[i]) + 1e-6);
  }
}

TEST_F(PackedAttentionTest, RefusesOffsetsOfOtherRows) {
  const Rows x(6);
  const auto error_of = [&](const RowOffsets& queries, const RowOffsets& keys) {
    return torch_error_of(
        [&] { packed_attention(x.q(), x.kv(), queries, keys, 3, /*dropout=*/0); });
  };
  EXPECT_THAT(error_of({0, 6}, {0, 3, 6}),
              HasSubstr("expected as many query as key sequences, but got 2 and 3 offsets"));
  EXPECT_THAT(error_of({0, 5}, {0, 6}),
              HasSubstr("expected offsets that end at 6 and 6 rows, but they end at 5 and 6"));
}

}  // namespace packed_attention_test
}  // namespace madx::ops
