#include "fuzz_target.h"
#include "io/tensor_files.h"
#include "read_tensors.h"

MADX_FUZZ_TARGET(safetensors) {
  madx::fuzz::read_tensors(
      madx::io::parse_safetensors("x.safetensors", madx::fuzz::file_of(bytes)));
}
