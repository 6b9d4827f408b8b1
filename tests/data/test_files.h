#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <string_view>

#include "madx/core/error.h"

namespace madx {

/// Path of a new file with these bytes. The name is the running test's, so that tests can run side
/// by side; a second call in one test replaces the first one's file.
inline std::string write_test_file(std::string_view bytes) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string path =
      ::testing::TempDir() + "madx_" + test->test_suite_name() + "_" + test->name();
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

/// The message of the InputError that `act` throws; empty when it throws none.
template <class Act>
std::string input_error_of(Act act) {
  try {
    act();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace madx
