#include "fuzz_target.h"
#include "io/head_config.h"

MADX_FUZZ_TARGET(head_config) {
  const auto head = madx::io::parse_head_config("head_config.json", bytes);
  madx::io::head_config_json(head);
}
