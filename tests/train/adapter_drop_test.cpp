#include "madx/train/adapter_drop.h"

#include <gmock/gmock.h>

#include <set>

namespace madx {
namespace adapter_drop_test {

using testing::ElementsAre;

std::vector<int64_t> skipped(int64_t most, uint64_t seed, int64_t index) {
  AdapterStack adapters(/*hidden_size=*/6, /*num_layers=*/4);
  AdapterDrop drop(adapters, most, seed);
  drop.draw(index);
  return adapters->options().skipped_layers();
}

TEST(AdapterDrop, SkipsUpToSoManyFirstLayersBySeedAndBatch) {
  std::set<std::vector<int64_t>> drawn;
  for (int64_t index = 0; index < 100; ++index) {
    drawn.insert(skipped(3, 42, index));
    EXPECT_EQ(skipped(3, 42, index), skipped(3, 42, index));
  }
  EXPECT_THAT(drawn,
              ElementsAre(ElementsAre(), ElementsAre(0), ElementsAre(0, 1), ElementsAre(0, 1, 2)));
  int64_t different = 0;
  for (int64_t index = 0; index < 100; ++index)
    different += skipped(3, 42, index) != skipped(3, 43, index);
  EXPECT_GT(different, 50);
}

TEST(AdapterDrop, RestoresWhatWasSkippedBefore) {
  AdapterStack adapters(6, 4);
  adapters->skip_layers({2});
  AdapterDrop drop(adapters, 3, 1);
  for (int64_t index = 0; index < 20; ++index) {
    drop.draw(index);
    drop.restore();
    EXPECT_THAT(adapters->options().skipped_layers(), ElementsAre(2));
  }
}

TEST(AdapterDrop, LeavesAllAsItIsWhereNothingIsDropped) {
  AdapterStack adapters(6, 4);
  adapters->skip_layers({1});
  AdapterDrop drop(adapters, 0, 1);
  drop.draw(5);
  EXPECT_THAT(adapters->options().skipped_layers(), ElementsAre(1));
}

}  // namespace adapter_drop_test
}  // namespace madx
