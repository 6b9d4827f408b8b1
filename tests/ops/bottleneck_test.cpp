#include "madx/ops/bottleneck.h"

#include <gmock/gmock.h>

#include "../support.h"

namespace madx::ops {
namespace bottleneck_test {
namespace {

TEST(Activation, HasANameThatIsReadAsItself) {
  for (int i = 0; i <= static_cast<int>(Activation::kLinear); ++i) {
    const auto activation = static_cast<Activation>(i);
    EXPECT_EQ(parse_activation(activation_name(activation)), activation) << i;
  }
  EXPECT_STREQ(activation_name(Activation::kGelu), "gelu");
  EXPECT_STREQ(activation_name(Activation::kGeluTanh), "gelu_new");
  EXPECT_STREQ(activation_name(Activation::kSilu), "silu");
  EXPECT_STREQ(activation_name(Activation::kLeakyRelu), "leakyrelu");
}

TEST(Activation, IsReadInAnyCaseAndByItsOtherNames) {
  EXPECT_EQ(parse_activation("ReLU"), Activation::kRelu);
  EXPECT_EQ(parse_activation("gelu_orig"), Activation::kGelu);
  EXPECT_EQ(parse_activation("swish"), Activation::kSilu);
}

TEST(Activation, OfAnUnknownNameIsRefusedWithTheKnownOnes) {
  EXPECT_THAT(
      input_error_of([] { parse_activation("sine"); }),
      testing::HasSubstr("unknown non-linearity \"sine\": expected one of gelu, gelu_orig, "));
  EXPECT_THAT(input_error_of([] { parse_activation("prelu"); }),
              testing::HasSubstr("expected one without weights of its own"));
}

}  // namespace
}  // namespace bottleneck_test
}  // namespace madx::ops
