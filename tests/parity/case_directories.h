#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace madx {

/// The cases of `folder` among the fixtures, and those named in MADX_PARITY_CASES, colon separated:
/// of make_composition_case.py, which has fusions.safetensors, or of make_case.py, which has not.
inline std::vector<std::string> case_directories(const std::string& folder, bool compositions) {
  std::vector<std::string> cases;
  for (const auto& entry : std::filesystem::directory_iterator(MADX_FIXTURES "/" + folder)) {
    if (entry.is_directory()) cases.push_back(entry.path());
  }
  std::sort(cases.begin(), cases.end());
  const char* more = std::getenv("MADX_PARITY_CASES");
  std::istringstream paths(more == nullptr ? "" : more);
  for (std::string path; std::getline(paths, path, ':');) {
    if (!path.empty() && std::filesystem::exists(path + "/fusions.safetensors") == compositions)
      cases.push_back(path);
  }
  return cases;
}

inline std::string case_name(const testing::TestParamInfo<std::string>& info) {
  auto name = std::filesystem::path(info.param).filename().string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); },
      '_');
  return std::to_string(info.index) + "_" + name;
}

/// |ours - theirs| <= absolute + relative |theirs|, everywhere.
inline void expect_parity(const at::Tensor& ours, const at::Tensor& theirs, const std::string& what,
                          double relative = 1e-4, double absolute = 1e-5) {
  ASSERT_EQ(ours.sizes(), theirs.sizes()) << what;
  ASSERT_GT(theirs.abs().max().item<double>(), 0)
      << what << ": an expectation of zeros shows nothing";
  const auto excess = (ours - theirs).abs() - (absolute + relative * theirs.abs());
  EXPECT_LE(excess.max().item<double>(), 0)
      << what << ": largest difference " << (ours - theirs).abs().max().item<double>()
      << " among values up to " << theirs.abs().max().item<double>();
}

}  // namespace madx
