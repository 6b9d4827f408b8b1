#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "fuzz_target.h"

// What the fuzz targets do under libFuzzer (tools/fuzz), for a few seconds and without it: every
// file of the corpus, every beginning of it, and changes that do not depend on the day.

namespace madx::fuzz {
namespace {

namespace fs = std::filesystem;

const fs::path kCorpus = std::string(MADX_FIXTURES) + "/../fuzz/corpus";

std::vector<std::string> corpus_of(const std::string& target) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(kCorpus / target)) {
    std::ostringstream bytes;
    bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    files.push_back(bytes.str());
  }
  return files;
}

class FuzzCorpus : public ::testing::TestWithParam<Target> {
 protected:
  void expect_input_error_or_success(const std::string& bytes) {
    EXPECT_NO_THROW(run(GetParam(), bytes)) << testing::PrintToString(bytes);
  }
};

TEST_P(FuzzCorpus, HoldsAFileThatIsRead) {
  const auto files = corpus_of(GetParam().name);
  ASSERT_FALSE(files.empty());
  size_t whole = 0;
  for (const auto& bytes : files) {
    try {
      GetParam().read(bytes);
      ++whole;
    } catch (const InputError&) {
      // one that a fuzzer found
    }
  }
  EXPECT_GE(whole, 1u);
}

TEST_P(FuzzCorpus, SurvivesEveryBeginning) {
  for (const auto& bytes : corpus_of(GetParam().name)) {
    const size_t step = bytes.size() / 500 + 1;
    for (size_t size = 0; size < bytes.size(); size += step) {
      expect_input_error_or_success(bytes.substr(0, size));
    }
  }
}

TEST_P(FuzzCorpus, SurvivesChangedBytes) {
  for (const auto& bytes : corpus_of(GetParam().name)) {
    const size_t step = bytes.size() / 500 + 1;
    for (size_t i = 0; i < bytes.size(); i += step) {
      for (const char value : {'\0', '\x7f', '\xff', '[', '"', '9', ' '}) {
        auto changed = bytes;
        changed[i] = value;
        expect_input_error_or_success(changed);
      }
      auto doubled = bytes;
      expect_input_error_or_success(doubled.insert(i, bytes.substr(i, 7)));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, FuzzCorpus, ::testing::ValuesIn(targets()),
                         [](const auto& target) { return target.param.name; });

TEST(FuzzTargets, HaveACorpusEach) {
  std::set<std::string> names, folders;
  for (const auto& target : targets()) names.insert(target.name);
  for (const auto& entry : fs::directory_iterator(kCorpus)) {
    folders.insert(entry.path().filename().string());
  }
  EXPECT_EQ(names, folders);
  EXPECT_GE(names.size(), 12u);
}

}  // namespace
}  // namespace madx::fuzz
