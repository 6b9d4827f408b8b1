#pragma once

namespace madx::gemm::MADX_CAPABILITY {

/// The calling thread's matrix tiles, set up while this lives, where has_matrix_units(). Of one
/// parallel region: nothing else that uses tiles (LibTorch's own products) may run on the thread
/// meanwhile.
class AmxTiles {
 public:
  AmxTiles();
  ~AmxTiles();
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;
};

}  // namespace madx::gemm::MADX_CAPABILITY
