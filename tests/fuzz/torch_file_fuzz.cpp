#include "fuzz_target.h"
#include "io/tensor_files.h"
#include "read_tensors.h"

MADX_FUZZ_TARGET(torch_file) {
  madx::fuzz::read_tensors(madx::io::parse_torch_file("x.bin", madx::fuzz::file_of(bytes)));
}
