#include "madx/cpu/available.h"

namespace madx::cpu {

bool available() {
#ifdef MADX_LIBXSMM
  return true;
#else
  return false;
#endif
}

}  // namespace madx::cpu
