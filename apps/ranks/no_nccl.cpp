// In place of nccl_sum.cpp in a build without CUDA or NCCL.
#include "apps/ranks/gpu_sum.h"

namespace madx::apps {

std::unique_ptr<GpuSum> make_gpu_sum(ProcessGroup& /*group*/) { return nullptr; }

}  // namespace madx::apps
