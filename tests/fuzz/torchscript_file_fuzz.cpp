#include "fuzz_target.h"
#include "io/torchscript_file.h"
#include "read_tensors.h"

MADX_FUZZ_TARGET(torchscript_file) {
  const auto read =
      madx::io::parse_torchscript_file("x.pt", madx::fuzz::file_of(bytes), {"config.json"});
  madx::fuzz::read_tensors(read.tensors);
}
