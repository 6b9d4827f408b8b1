#pragma once

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "apps/run/metrics_log.h"
#include "programs/environment.h"
#include "programs/tiny_files.h"

namespace madx::apps {

/// What mpirun needs on one machine with few cores and, in a container, of root.
class MpiEnvironment {
  WithVariable root_{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, sure_{"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"};
  WithVariable crowd_{"OMPI_MCA_rmaps_base_oversubscribe", "1"},
      idle_{"OMP_WAIT_POLICY", "passive"};
};

/// Or what stands in its place (tests/ranks/namespaces).
inline std::string mpirun() {
  const char* const other = std::getenv("MADX_TEST_MPIRUN");
  return other == nullptr ? MADX_MPIRUN : other;
}

/// The words of `command`, "@" being the folder of the tiny files.
inline std::vector<std::string> words_of(const std::string& command) {
  std::vector<std::string> words;
  std::istringstream stream(tiny_files().expand(command));
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// "bin/PROGRAM FLAGS": one of this project's, with one thread.
inline std::string program(const std::string& command) {
  return std::string(MADX_PROGRAMS) + "/" + command + " --threads 1";
}

/// `command` ("PROGRAM FLAGS") on so many ranks; 1: without mpirun.
inline ProgramResult run_ranks(int ranks, const std::string& command,
                               const ProgramOptions& options = {}) {
  const MpiEnvironment environment;
  auto words = words_of(program(command));
  if (ranks > 1) {
    const auto start = words_of("-q -n " + std::to_string(ranks));
    words.insert(words.begin(), start.begin(), start.end());
    return run_file(mpirun(), words, options);
  }
  const auto path = words.front();
  words.erase(words.begin());
  return run_file(path, words, options);
}

/// The same of a shell's script, in which $mpirun stands for mpirun.
inline ProgramResult run_script(const std::string& script) {
  const MpiEnvironment environment;
  const WithVariable variable("mpirun", mpirun());
  return run_file("/bin/bash", {"-c", tiny_files().expand(script)});
}

inline std::vector<MetricsRow> metrics(const std::string& output) {
  return read_metrics(tiny_files() / output + "/metrics.jsonl");
}

/// The same losses to 1e-5, of the same tokens.
inline void expect_same_run(const std::string& one, const std::string& other) {
  const auto a = metrics(one), b = metrics(other);
  ASSERT_EQ(a.size(), b.size());
  ASSERT_FALSE(a.empty());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].step, b[i].step);
    EXPECT_NEAR(a[i].loss, b[i].loss, 1e-5) << "step " << a[i].step;
    EXPECT_EQ(a[i].extra.at("tokens_seen"), b[i].extra.at("tokens_seen"));
    ASSERT_EQ(a[i].eval_loss.has_value(), b[i].eval_loss.has_value());
    if (a[i].eval_loss) {
      EXPECT_NEAR(*a[i].eval_loss, *b[i].eval_loss, 1e-5);
    }
  }
}

}  // namespace madx::apps
