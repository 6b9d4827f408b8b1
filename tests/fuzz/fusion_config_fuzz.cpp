#include "fuzz_target.h"
#include "io/fusion_config.h"

MADX_FUZZ_TARGET(fusion_config) {
  madx::io::fusion_config_json(
      madx::io::parse_fusion_config("adapter_fusion_config.json", bytes).config);
}
