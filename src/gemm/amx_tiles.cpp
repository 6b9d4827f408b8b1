#include "gemm/amx_tiles.h"

#include "gemm/amx_instructions.h"
#include "madx/gemm/capability.h"

namespace madx::gemm::MADX_CAPABILITY {

#ifdef MADX_MATRIX_UNITS

namespace {

/// All eight tiles as 16 rows of 64 bytes.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
const TileConfig kTileConfig;

// Not in the constructor and destructor of AmxTiles themselves, where GCC 12 forgets the target.
MADX_AMX_TARGET("amx-tile") void configure_tiles() { _tile_loadconfig(&kTileConfig); }
MADX_AMX_TARGET("amx-tile") void release_tiles() { _tile_release(); }

}  // namespace

AmxTiles::AmxTiles() {
  if (has_matrix_units()) configure_tiles();
}

AmxTiles::~AmxTiles() {
  if (has_matrix_units()) release_tiles();
}

#else

AmxTiles::AmxTiles() = default;
AmxTiles::~AmxTiles() = default;

#endif

}  // namespace madx::gemm::MADX_CAPABILITY
