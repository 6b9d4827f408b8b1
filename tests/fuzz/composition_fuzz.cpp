#include "fuzz_target.h"
#include "madx/adapters/composition.h"

// What is read is printed so that it is read alike.
MADX_FUZZ_TARGET(composition) {
  const auto composition = madx::parse_composition(std::string(bytes));
  if (madx::parse_composition(madx::to_string(composition)) != composition) __builtin_trap();
  madx::adapter_names(composition);
}
