#pragma once

// What apps/ranks/nccl_sum.cpp uses of NCCL, in the memory of CPUs: the sums are MPI's. Calls only
// begin, as NCCL's do that need not block; the work of one starts when its state is asked for, so
// that who does not wait for it has the values from before. Faults that a test plants
// (emulated_nccl.cpp) come as NCCL reports them.

#include <cstddef>

#define NCCL_VERSION_CODE 22809
#define NCCL_CONFIG_INITIALIZER \
  {}

using cudaStream_t = void*;
using ncclComm_t = struct EmulatedCommunicator*;

enum ncclResult_t {
  ncclSuccess = 0,
  ncclUnhandledCudaError = 1,
  ncclInvalidUsage = 5,
  ncclInProgress = 7
};
enum ncclDataType_t { ncclInt64 = 4, ncclFloat32 = 7, ncclFloat64 = 8 };
enum ncclRedOp_t { ncclSum = 0 };

struct ncclUniqueId {
  char internal[128];
};

struct ncclConfig_t {
  int blocking = 1;
};

ncclResult_t ncclGetUniqueId(ncclUniqueId* id);
ncclResult_t ncclCommInitRankConfig(ncclComm_t* communicator, int count, ncclUniqueId id, int rank,
                                    ncclConfig_t* config);
ncclResult_t ncclAllReduce(const void* from, void* to, size_t count, ncclDataType_t type,
                           ncclRedOp_t operation, ncclComm_t communicator, cudaStream_t stream);
ncclResult_t ncclCommGetAsyncError(ncclComm_t communicator, ncclResult_t* state);
ncclResult_t ncclCommAbort(ncclComm_t communicator);
const char* ncclGetErrorString(ncclResult_t result);
const char* ncclGetLastError(ncclComm_t communicator);
