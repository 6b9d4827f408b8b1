// Copies of heads.
#include <gtest/gtest.h>
#include <torch/utils.h>

#include "madx/models/classification_head.h"
#include "madx/models/mlm_head.h"
#include "madx/models/tagging_head.h"

namespace madx {
namespace heads_test {

/// That a clone of `head` has its weights, of its own, and learns where it learns.
template <class Head>
void expect_clones(Head head) {
  auto weights = head->parameters();
  weights.front().requires_grad_(false);
  head->eval();
  const auto clone = std::dynamic_pointer_cast<typename Head::ContainedType>(head->clone());
  EXPECT_FALSE(clone->is_training());
  const auto copies = clone->parameters();
  ASSERT_EQ(copies.size(), weights.size());
  for (size_t i = 0; i < copies.size(); ++i) {
    EXPECT_TRUE(at::equal(copies[i], weights[i]));
    EXPECT_FALSE(copies[i].is_alias_of(weights[i]));
    EXPECT_EQ(copies[i].requires_grad(), i > 0) << "as the head's own";
  }
}

TEST(Heads, CloneToEqualButSeparateWeightsThatLearnAsTheirs) {
  torch::manual_seed(4);
  expect_clones(MlmHead(MlmHeadOptions(6, 20)));
  expect_clones(TaggingHead(TaggingHeadOptions(6, {"O", "B-PER"})));
  expect_clones(ClassificationHead(ClassificationHeadOptions(6, {"no", "yes"})));
}

}  // namespace heads_test
}  // namespace madx
