// How long OpenMP's threads spin in a program (src/start/spin_count.cpp): libgomp itself says.
#include <gmock/gmock.h>

#include "programs/environment.h"
#include "programs/run_program.h"

namespace madx::apps {
namespace spin_count_test {

using testing::HasSubstr;
using testing::Not;

constexpr auto kOurs = "GOMP_SPINCOUNT = '1000'";

class SpinCount : public testing::Test {
 protected:
  void SetUp() override {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "programs under AddressSanitizer start as they are";
#endif
    if (settings().find("GOMP_SPINCOUNT") == std::string::npos)
      GTEST_SKIP() << "this OpenMP is not GNU's";
  }

  static std::string settings() {
    const WithVariable show("OMP_DISPLAY_ENV", "verbose");
    const auto result = run_binary("train_lang_adapter", {"--help"});
    EXPECT_EQ(result.status, 0) << result;
    return result.err;
  }

  WithoutVariable policy_{"OMP_WAIT_POLICY"}, count_{"GOMP_SPINCOUNT"};
};

TEST_F(SpinCount, IsSetWhereTheUserSetsNone) { EXPECT_THAT(settings(), HasSubstr(kOurs)); }

TEST_F(SpinCount, IsTheUsersWhereTheUserSetsOne) {
  {
    const WithVariable count("GOMP_SPINCOUNT", "77");
    EXPECT_THAT(settings(), HasSubstr("GOMP_SPINCOUNT = '77'"));
  }
  const WithVariable policy("OMP_WAIT_POLICY", "active");
  EXPECT_THAT(settings(), Not(HasSubstr(kOurs)));
}

TEST_F(SpinCount, KeepsNameArgumentsAndStatus) {
  const auto result = run_binary("train_lang_adapter", {"--text", "a file with spaces"});
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_THAT(result.err, HasSubstr("train_lang_adapter: "));
}

}  // namespace spin_count_test
}  // namespace madx::apps
