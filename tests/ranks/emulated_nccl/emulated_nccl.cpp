#include <c10/cuda/CUDAStream.h>
#include <mpi.h>
#include <nccl.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

// A test's process has one communicator.
struct EmulatedCommunicator {
  enum class Work { kNone, kAsked, kUnderWay } work = Work::kNone;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Comm ranks = MPI_COMM_NULL;
  void* values = nullptr;
  std::vector<char> sum;  // a copy, so that MPI writes here alone where the work is let go
  int count = 0;
  MPI_Datatype type = MPI_FLOAT;
  int sums = 0;
};

namespace {

EmulatedCommunicator* living = nullptr;

/// Whether the test plants a fault called `name` in this rank; "name=N" in the environment's
/// MADX_TEST_NCCL_FAULT is of rank N.
bool planted(const std::string& name, int rank) {
  const char* const fault = std::getenv("MADX_TEST_NCCL_FAULT");
  return fault != nullptr && fault == name + "=" + std::to_string(rank);
}

int own_rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

bool is_done(EmulatedCommunicator& communicator) {
  if (communicator.work == EmulatedCommunicator::Work::kNone) return true;
  if (communicator.work == EmulatedCommunicator::Work::kAsked) return false;
  int done = 0;
  MPI_Test(&communicator.request, &done, MPI_STATUS_IGNORE);
  if (done == 0) return false;
  if (!communicator.sum.empty())
    std::memcpy(communicator.values, communicator.sum.data(), communicator.sum.size());
  communicator.work = EmulatedCommunicator::Work::kNone;
  return true;
}

}  // namespace

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  std::memset(id->internal, 0, sizeof id->internal);
  std::strcpy(id->internal, "the id that rank 0 made");
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* communicator, int count, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  *communicator = living = new EmulatedCommunicator;
  int all = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &all);
  if (config->blocking != 0 || count != all || rank != own_rank() ||
      std::strcmp(id.internal, "the id that rank 0 made") != 0)
    return ncclInvalidUsage;
  if (planted("begin", rank)) return ncclInvalidUsage;
  MPI_Comm_idup(MPI_COMM_WORLD, &living->ranks, &living->request);
  living->work = EmulatedCommunicator::Work::kUnderWay;
  return ncclInProgress;
}

ncclResult_t ncclAllReduce(const void* from, void* to, size_t count, ncclDataType_t type,
                           ncclRedOp_t operation, ncclComm_t communicator, cudaStream_t stream) {
  if (from != to || communicator->work != EmulatedCommunicator::Work::kNone)
    return ncclInvalidUsage;  // a call before the last one was waited for
  communicator->values = to;
  communicator->count = static_cast<int>(count);
  communicator->type = type == ncclFloat32   ? MPI_FLOAT
                       : type == ncclFloat64 ? MPI_DOUBLE
                                             : MPI_INT64_T;
  communicator->work = EmulatedCommunicator::Work::kAsked;
  ++communicator->sums;
  return ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t communicator, ncclResult_t* state) {
  *state = ncclSuccess;
  if (communicator->work == EmulatedCommunicator::Work::kAsked) {
    const auto* const values = static_cast<const char*>(communicator->values);
    int bytes = 0;
    MPI_Type_size(communicator->type, &bytes);
    communicator->sum.assign(values, values + size_t(communicator->count) * size_t(bytes));
    MPI_Iallreduce(MPI_IN_PLACE, communicator->sum.data(), communicator->count, communicator->type,
                   MPI_SUM, communicator->ranks, &communicator->request);
    communicator->work = EmulatedCommunicator::Work::kUnderWay;
  } else if (communicator->values == nullptr && !is_done(*communicator)) {
    *state = ncclInProgress;  // the beginning, which takes all ranks
  }
  if (communicator->sums == 2 && planted("second sum", own_rank())) *state = ncclUnhandledCudaError;
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t communicator) {
  std::cerr << "rank " + std::to_string(own_rank()) + " let NCCL go after " +
                   std::to_string(communicator->sums) + " sums\n";  // in one piece
  living = nullptr;
  // MPI may still write to the communicator's sum: it stays until the process ends.
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  return result == ncclInvalidUsage ? "invalid usage" : "unhandled cuda error";
}

const char* ncclGetLastError(ncclComm_t communicator) { return "planted by the test"; }

namespace c10::cuda {

bool CUDAStream::query() const { return living == nullptr || is_done(*living); }

}  // namespace c10::cuda
