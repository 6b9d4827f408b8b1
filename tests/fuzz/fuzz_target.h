#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "madx/core/error.h"

// A fuzz target: one reader on any bytes. It must return or throw InputError, and nothing else.
//
//   MADX_FUZZ_TARGET(conll) { parse_conll("x.conll", bytes); }
//
// Built for libFuzzer (MADX_LIBFUZZER), each target is a program of its own; in the test suite all
// of them are listed, and corpus_test.cpp runs them on the corpus and on small changes of it.

namespace madx::fuzz {

struct Target {
  std::string name;  ///< of its folder in corpus/
  void (*read)(std::string_view bytes);
};

/// All targets of a program.
inline std::vector<Target>& targets() {
  static std::vector<Target> list;
  return list;
}

inline void run(const Target& target, std::string_view bytes) {
  try {
    target.read(bytes);
  } catch (const InputError&) {
    // What a damaged file must end in.
  }
}

}  // namespace madx::fuzz

#ifdef MADX_LIBFUZZER
#define MADX_FUZZ_ENTRY(NAME)                                                   \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {     \
    madx::fuzz::run({NAME, read}, {reinterpret_cast<const char*>(data), size}); \
    return 0;                                                                   \
  }
#else
#define MADX_FUZZ_ENTRY(NAME) \
  static const int registered = (madx::fuzz::targets().push_back({NAME, read}), 0);
#endif

#define MADX_FUZZ_TARGET(NAME)              \
  static void read(std::string_view bytes); \
  MADX_FUZZ_ENTRY(#NAME)                    \
  static void read([[maybe_unused]] std::string_view bytes)
