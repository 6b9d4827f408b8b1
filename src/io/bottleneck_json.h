#pragma once

#include <nlohmann/json.hpp>

#include "io/json_file.h"
#include "madx/adapters/bottleneck_config.h"

namespace madx::io {

/// Sets the fields whose keys `object` has, and leaves the others. Unknown keys are passed over.
/// Throws InputError for a value of another type and for what this library does not compute.
void set_bottleneck_keys(const JsonObject& object, BottleneckConfig& config);

/// All of AdapterHub's bottleneck keys, also those that have one possible value here.
nlohmann::json bottleneck_json(const BottleneckConfig& config);

}  // namespace madx::io
