// Two ranks that reach each other by the network alone: tests/ranks/namespaces gives them one.
#include <gmock/gmock.h>

#include <cstdlib>

#include "ranks/mpirun.h"

namespace madx::apps {
namespace across_hosts_test {

using testing::HasSubstr;

const std::string kTraining =
    "train_lang_adapter --encoder @/encoder --lm-head @/lm_head --text @/en.txt --lr 1e-2 "
    "--batch-size 6 --log-every 1 --steps 12 ";

class AcrossHosts : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("MADX_TEST_HOSTS") == nullptr)
      GTEST_SKIP() << "on one host; tests/ranks/namespaces runs it on two";
  }
};

TEST_F(AcrossHosts, ARunHasTheLossesOfOneProcess) {
  ASSERT_EQ(run_ranks(1, kTraining + "--output @/hosts/one").status, 0);
  const auto two = run_ranks(2, kTraining + "--output @/hosts/two");
  ASSERT_EQ(two.status, 0) << two;
  EXPECT_THAT(two.out, HasSubstr("2 ranks on 2 hosts"));
  expect_same_run("hosts/one", "hosts/two");
}

TEST_F(AcrossHosts, BadInputOfOneHostEndsBoth) {
  const auto result =
      run_script("$mpirun -q -n 1 " + program(kTraining + "--output @/hosts/bad") + " : -n 1 " +
                 program(kTraining + "--text @/missing.txt --output @/hosts/bad"));
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_THAT(result.err, HasSubstr("missing.txt"));
  EXPECT_FALSE(std::filesystem::exists(tiny_files() / "hosts/bad"));
}

}  // namespace across_hosts_test
}  // namespace madx::apps
