#include "fuzz_target.h"
#include "madx/io/adapter_setup.h"

MADX_FUZZ_TARGET(adapter_setup) {
  madx::io::parts_of(madx::io::parse_adapter_setup("adapter_setup.json", bytes));
}
