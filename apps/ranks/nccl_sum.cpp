// Sums on GPUs by NCCL. Its calls do not block: each is begun and then waited for with the group,
// so that a wait ends where another rank has failed and will never come.
#include <c10/core/DeviceGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <nccl.h>

#include <cstring>

#include "apps/ranks/gpu_sum.h"
#include "apps/ranks/process_group.h"

static_assert(NCCL_VERSION_CODE >= 21400, "NCCL 2.14 or newer, whose calls need not block");

namespace madx::apps {
namespace {

ncclDataType_t nccl_type(const at::Tensor& values) {
  switch (values.scalar_type()) {
    case at::kFloat:
      return ncclFloat32;
    case at::kDouble:
      return ncclFloat64;
    case at::kLong:
      return ncclInt64;
    default:
      TORCH_CHECK(false, "RankGroup: expected float32, float64 or int64 to sum, but got ",
                  values.scalar_type());
  }
}

class NcclSum : public GpuSum {
 public:
  explicit NcclSum(ProcessGroup& group) : group_(group) {}
  ~NcclSum() override { abort(); }
  NcclSum(const NcclSum&) = delete;
  NcclSum& operator=(const NcclSum&) = delete;

  void operator()(const at::Tensor& values) override {
    TORCH_CHECK(values.is_contiguous(), "RankGroup: expected dense values");
    const auto type = nccl_type(values);
    const c10::DeviceGuard guard(values.device());
    try {
      if (communicator_ == nullptr) begin();
      const auto stream = c10::cuda::getCurrentCUDAStream();
      settle(ncclAllReduce(values.data_ptr(), values.data_ptr(),
                           static_cast<size_t>(values.numel()), type, ncclSum, communicator_,
                           stream.stream()));
      group_.wait_until([&] {
        const auto now = state();  // of the network, too
        if (now != ncclInProgress) check(now);
        return stream.query();
      });
    } catch (...) {
      abort();  // what waits on the device for a rank that will not come ends
      throw;
    }
  }

 private:
  void begin() {
    ncclUniqueId id = {};
    const auto bytes = at::zeros({static_cast<int64_t>(sizeof id)}, at::kByte);
    if (group_.is_first()) {
      check(ncclGetUniqueId(&id));
      std::memcpy(bytes.data_ptr(), &id, sizeof id);
    }
    group_.broadcast(bytes);
    std::memcpy(&id, bytes.data_ptr(), sizeof id);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    settle(ncclCommInitRankConfig(&communicator_, group_.count(), id, group_.rank(), &config));
  }

  /// Waits for a call to be through on the host, where it only began.
  void settle(ncclResult_t result) {
    if (result == ncclInProgress) {
      group_.wait_until([&] {
        result = state();
        return result != ncclInProgress;
      });
    }
    check(result);
  }

  /// How the communicator's calls stand.
  ncclResult_t state() const {
    ncclResult_t state = ncclSuccess;
    check(ncclCommGetAsyncError(communicator_, &state));
    return state;
  }

  void check(ncclResult_t result) const {
    if (result == ncclSuccess) return;
    machine_error(
        "NCCL on rank ", group_.rank(),
        ": expected sums over the ranks' GPUs, each of them one rank's, but found ",
        ncclGetErrorString(result), " (", ncclGetLastError(communicator_),
        "); NCCL_DEBUG=INFO in the environment tells more, and --device cpu does without");
  }

  void abort() {
    if (communicator_ != nullptr) ncclCommAbort(communicator_);
    communicator_ = nullptr;
  }

  ProcessGroup& group_;
  ncclComm_t communicator_ = nullptr;
};

}  // namespace

std::unique_ptr<GpuSum> make_gpu_sum(ProcessGroup& group) {
  return std::make_unique<NcclSum>(group);
}

}  // namespace madx::apps
