#pragma once

#include <cstdint>

#include "cpu/gemm.h"
#include "cpu/parallel.h"
#include "cpu/row_tiles.h"

namespace madx::cpu::MADX_CAPABILITY {

/// Runs `body(first row, rows, scratch)` for each tile of `rows`, on threads that have their
/// AmxTiles set up, and a scratch of `make(largest tile)` each. `floats` are those of a row that a
/// tile keeps in cache; tiles are multiples of `granule` rows.
template <class Make, class Body>
void by_tiles(int64_t rows, int64_t floats, int64_t granule, int threads, Make&& make,
              Body&& body) {
  if (rows == 0) return;
  const RowTiles tiles(rows, threads, rows_in_cache(floats), granule);
  SharedPieces pieces(tiles.count());
  parallel(tiles.threads(), [&](Thread thread) {
    const AmxTiles registers;
    auto mine = make(tiles.size());
    pieces.for_each(thread,
                    [&](int64_t tile) { body(tiles.first(tile), tiles.rows_of(tile), mine); });
  });
}

}  // namespace madx::cpu::MADX_CAPABILITY
