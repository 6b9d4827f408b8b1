#include "fuzz_target.h"
#include "io/bottleneck_json.h"
#include "madx/io/adapter_config.h"

MADX_FUZZ_TARGET(config_string) {
  const auto config = madx::io::parse_config_string(std::string(bytes));
  madx::io::bottleneck_json(config);
  config.bottleneck_size(1024, 0);
}
