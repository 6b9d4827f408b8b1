#include "emulation/memory.h"

#include <map>

#include "emulation/block.h"

namespace emulation {
namespace {

struct Piece {
  const char* name;
  int64_t bytes;
  bool read_only;
  Shadow shadow;
};

std::map<uintptr_t, Piece>& pieces() {
  static std::map<uintptr_t, Piece> pieces;
  return pieces;
}

}  // namespace

DeclaredMemory::DeclaredMemory(const char* name, void* data, int64_t bytes, bool read_only)
    : data_(data) {
  pieces().emplace(reinterpret_cast<uintptr_t>(data),
                   Piece{name, bytes, read_only, Shadow(name, bytes)});
}
DeclaredMemory::~DeclaredMemory() { pieces().erase(reinterpret_cast<uintptr_t>(data_)); }

void see_global(const void* at, int64_t bytes, Global access) {
  const auto address = reinterpret_cast<uintptr_t>(at);
  const auto& now = moment();
  const char* const act = access == Global::kWrite ? " writes " : " reads ";
  if (address % static_cast<uintptr_t>(bytes) != 0)
    fail("thread ", now.thread, " of block ", now.block, act, bytes,
         " bytes of global memory at an address that is no multiple");
  if (pieces().empty()) return;
  auto found = pieces().upper_bound(address);
  if (found == pieces().begin())
    fail("thread ", now.thread, " of block ", now.block, act, "memory before all buffers");
  --found;
  auto& piece = found->second;
  const auto byte = static_cast<int64_t>(address - found->first);
  if (byte + bytes > piece.bytes)
    fail("thread ", now.thread, " of block ", now.block, act, bytes, " bytes at byte ", byte,
         " from the start of ", piece.name, ", which has ", piece.bytes);
  if (access == Global::kWrite) {
    if (piece.read_only)
      fail("thread ", now.thread, " of block ", now.block, " writes ", piece.name,
           ", which is an input");
    piece.shadow.write(byte, bytes, now);
    return;
  }
  if (access == Global::kReadOnlyCache && !piece.read_only)
    fail("thread ", now.thread, " of block ", now.block, " reads ", piece.name,
         ", an output, through the read-only cache");
  piece.shadow.read(byte, bytes, now);
}

}  // namespace emulation
