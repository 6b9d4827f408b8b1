#include "fuzz_target.h"
#include "madx/models/encoder_config.h"

MADX_FUZZ_TARGET(encoder_config) { madx::parse_encoder_config(std::string(bytes), "config.json"); }
