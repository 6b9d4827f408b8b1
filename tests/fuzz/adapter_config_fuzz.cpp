#include "fuzz_target.h"
#include "io/bottleneck_json.h"
#include "io/json_file.h"
#include "madx/io/adapter_config.h"

// What is read is written so that it is read alike.
MADX_FUZZ_TARGET(adapter_config) {
  using namespace madx::io;
  const auto file = parse_adapter_config("adapter_config.json", bytes);
  const auto written = bottleneck_json(file.config);
  madx::BottleneckConfig again;
  set_bottleneck_keys(JsonObject("again", written), again);
  if (bottleneck_json(again) != written) __builtin_trap();
  file.config.bottleneck_size(1024, 0);
}
