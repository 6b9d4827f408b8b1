// Programs on processors that libxsmm makes other products for, or none.
#include <gmock/gmock.h>

#include "../support.h"
#include "madx/io/adapterhub.h"
#include "programs/environment.h"
#include "programs/tiny_files.h"

namespace madx::apps {
namespace libxsmm_targets_test {

using testing::HasSubstr;

/// libxsmm's names, of processors that this one can do the work of.
std::vector<std::string> targets() {
  std::vector<std::string> names = {"generic"};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx")) names.push_back("snb");
  if (__builtin_cpu_supports("avx2")) names.push_back("hsw");
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
    names.push_back("skx");
#endif
  return names;
}

void run(const std::string& program, const std::string& command) {
  const auto result = run_command(tiny_files(), program, command);
  ASSERT_EQ(result.status, 0) << program << ": " << result;
}

TEST(LibxsmmTargets, GiveTheSameHiddenStates) {
  const WithVariable products("MADX_FLOAT32_PRODUCTS", "vector");
  const auto states = [](const std::string& name) {
    const std::string file = "@/states_" + name + ".safetensors";
    run("hidden_states",
        "--encoder @/encoder --adapter @/adapters/en --text @/en.txt --output " + file);
    return io::read_safetensors(tiny_files().expand(file));
  };
  const auto usual = states("usual");
  for (const auto& name : targets()) {
    SCOPED_TRACE(name);
    const WithVariable target("LIBXSMM_TARGET", name);
    const auto here = states(name);
    for (const auto& item : usual) {
      ASSERT_NE(here.find(item.key()), nullptr) << item.key();
      expect_close(here[item.key()], item.value(), 1e-4, 1e-4);
    }
  }
}

TEST(LibxsmmTargets, GiveTheSameTraining) {
  const WithVariable products("MADX_FLOAT32_PRODUCTS", "vector");
  const auto adapter = [](const std::string& name) {
    run("train_lang_adapter",
        "--encoder @/encoder --lm-head @/lm_head --text @/en.txt --steps 3 --lr 1e-3 "
        "--no-encoder-dropout --output @/target_" +
            name);
    return io::read_adapter(tiny_files() / ("target_" + name)).tensors;
  };
  const auto usual = adapter("usual");
  for (const auto& name : targets()) {
    SCOPED_TRACE(name);
    const WithVariable target("LIBXSMM_TARGET", name);
    const auto here = adapter(name);
    for (const auto& item : usual) expect_close(here[item.key()], item.value(), 5e-4);
  }
}

TEST(LibxsmmTargets, ThatHaveNoProductsAreNoted) {
  const WithVariable products("MADX_FLOAT32_PRODUCTS", "vector");
  const WithVariable target("LIBXSMM_TARGET", "generic");
  const auto result =
      run_command(tiny_files(), "hidden_states",
                  "--encoder @/encoder --text @/en.txt --output @/noted.safetensors");
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_THAT(result.err, HasSubstr("note: "));
  EXPECT_THAT(result.err, HasSubstr("libxsmm"));
  EXPECT_THAT(result.err, HasSubstr("so LibTorch's own operations run, which are slower\n"));
}

}  // namespace libxsmm_targets_test
}  // namespace madx::apps
