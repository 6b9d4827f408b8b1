// Adapters whose layers are left out as they are loaded.
#include <gmock/gmock.h>

#include "madx/io/adapter_files.h"
#include "madx/io/adapterhub.h"
#include "test_files.h"

namespace madx::io {
namespace left_out_test {

using testing::ElementsAre;

TEST(LeftOut, LayersHaveNoTensorsButTheInvertibleAdapterStays) {
  auto adapter = read_adapter(fixture("adapters/sw"));
  ASSERT_TRUE(adapter.tensors.contains("invertible.F.0.weight"));
  leave_out_layers(adapter, {1, 0});
  EXPECT_THAT(adapter.config.leave_out, ElementsAre(0, 1)) << "sorted";
  EXPECT_TRUE(adapter.tensors.contains("invertible.F.0.weight"));
  for (const auto& item : adapter.tensors) {
    EXPECT_EQ(item.key().find("encoder.layer.0."), std::string::npos) << item.key();
    EXPECT_EQ(item.key().find("encoder.layer.1."), std::string::npos) << item.key();
  }
}

TEST(LeftOut, LayersOrNotALoadedAdapterIsFrozen) {
  const auto hidden = read_adapter(fixture("adapters/sw")).model.hidden_size;
  AdapterStack adapters(hidden, /*num_layers=*/2);
  load_adapter(adapters, fixture("adapters/sw"), "sw");
  for (const auto& weight : adapters->parameters()) EXPECT_FALSE(weight.requires_grad());
}

}  // namespace left_out_test
}  // namespace madx::io
