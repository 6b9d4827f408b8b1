// The group of ranks by MPI; sums on GPUs, by NCCL, begin over it. Every call is a non-blocking one
// that is polled: so a wait can sleep, and it ends where another rank has failed and will never
// come.
#include <ATen/Parallel.h>
#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <set>
#include <thread>
#include <vector>

#include "apps/ranks/gpu_sum.h"
#include "apps/ranks/process_group.h"

namespace madx::apps {
namespace {

using Clock = std::chrono::steady_clock;

/// Elements of one message: MPI counts in int.
constexpr int64_t kMost = int64_t{1} << 28;
/// The status in `end` of a rank that only heard of another's failure.
constexpr int kHeard = -1;

MPI_Datatype datatype(const at::Tensor& values) {
  switch (values.scalar_type()) {
    case at::kFloat:
      return MPI_FLOAT;
    case at::kDouble:
      return MPI_DOUBLE;
    case at::kLong:
      return MPI_INT64_T;
    default:
      TORCH_CHECK(false, "RankGroup: expected float32, float64 or int64 to sum, but got ",
                  values.scalar_type());
  }
}

void check_values(const at::Tensor& values) {
  TORCH_CHECK(values.is_cpu() && values.is_contiguous(),
              "RankGroup: expected dense values on the CPU, but got ", values.device());
}

/// The processors that this process may use.
cpu_set_t own_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  return set;
}

/// How many threads a rank gets, of the ranks on its host: each processor counts by how many of
/// them may use it.
int fair_threads(const cpu_set_t& own, const std::vector<cpu_set_t>& all) {
  double share = 0;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &own)) continue;
    const auto users = std::count_if(
        all.begin(), all.end(), [&](const cpu_set_t& set) { return CPU_ISSET(processor, &set); });
    share += 1.0 / static_cast<double>(std::max<int64_t>(1, users));
  }
  return std::max(1, static_cast<int>(share + 1e-6));
}

void finalize() {
  int done = 0;
  MPI_Finalized(&done);
  if (done == 0) MPI_Finalize();
}

class MpiGroup : public ProcessGroup {
 public:
  MpiGroup() {
    int level = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &level);
    std::atexit(finalize);  // of a process that exits by itself (--help)
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &count_);
    MPI_Comm_dup(MPI_COMM_WORLD, &calls_);
    MPI_Comm_dup(MPI_COMM_WORLD, &failures_);
    share_processors();
    gpu_sum_ = make_gpu_sum(*this);
  }

  int rank() const override { return rank_; }
  int count() const override { return count_; }
  int place_on_host() const override { return place_on_host_; }
  bool sums_on_gpus() const override { return gpu_sum_ != nullptr; }
  std::string summary() const override {
    return std::to_string(count_) + " ranks on " + std::to_string(hosts_) +
           (hosts_ == 1 ? " host" : " hosts");
  }

  void sum(const at::Tensor& values) override {
    if (gpu_sum_ && values.is_cuda()) return (*gpu_sum_)(values);
    check_values(values);
    const auto type = datatype(values);
    in_use_ = values;
    in_parts(values, [&](void* data, int count, MPI_Request* request) {
      MPI_Iallreduce(MPI_IN_PLACE, data, count, type, MPI_SUM, calls_, request);
    });
    in_use_ = at::Tensor();
  }

  void broadcast(const at::Tensor& values) override {
    check_values(values);
    const auto bytes = values.numel() * static_cast<int64_t>(values.element_size());
    auto* const data = static_cast<char*>(values.data_ptr());
    in_use_ = values;
    for (int64_t first = 0; first < bytes; first += kMost) {
      MPI_Request request;
      MPI_Ibcast(data + first, static_cast<int>(std::min(kMost, bytes - first)), MPI_BYTE,
                 /*root=*/0, calls_, &request);
      wait(request);
    }
    in_use_ = at::Tensor();
  }

  int64_t largest(int64_t value) override {
    largest_ = value;
    MPI_Request request;
    MPI_Iallreduce(MPI_IN_PLACE, &largest_, 1, MPI_INT64_T, MPI_MAX, calls_, &request);
    wait(request);
    return largest_;
  }

  void wait_until(const std::function<bool()>& done) override {
    poll([&] {
      if (done()) return true;
      heed_failures();
      return false;
    });
  }

  int end(int status, const std::function<void()>& say) override {
    if (heard_) status = kHeard;
    std::vector<MPI_Request> notices;
    if (status > 0) {
      for (int other = 0; other < count_; ++other) {
        if (other == rank_) continue;
        MPI_Isend(nullptr, 0, MPI_BYTE, other, /*tag=*/0, failures_, &notices.emplace_back());
      }
    }
    std::vector<int> all(static_cast<size_t>(count_));
    MPI_Request request;
    MPI_Iallgather(&status, 1, MPI_INT, all.data(), 1, MPI_INT, failures_, &request);
    poll([&] { return is_done(request); });  // whoever has failed
    // Notices that nobody waited for are taken in, so that nothing is under way at the end.
    for (int other = 0; other < count_; ++other) {
      if (other != rank_ && all[static_cast<size_t>(other)] > 0)
        MPI_Recv(nullptr, 0, MPI_BYTE, other, 0, failures_, MPI_STATUS_IGNORE);
    }
    MPI_Waitall(static_cast<int>(notices.size()), notices.data(), MPI_STATUSES_IGNORE);
    const auto failed = std::find_if(all.begin(), all.end(), [](int other) { return other > 0; });
    if (failed != all.end() && failed - all.begin() == rank_) say();
    MPI_Ibarrier(failures_, &request);
    poll([&] { return is_done(request); });  // whoever has failed
    finalize();
    return failed == all.end() ? 0 : *failed;
  }

 private:
  template <class Begin>
  void in_parts(const at::Tensor& values, Begin&& begin) {
    auto* const data = static_cast<char*>(values.data_ptr());
    for (int64_t first = 0; first < values.numel(); first += kMost) {
      MPI_Request request;
      begin(data + first * static_cast<int64_t>(values.element_size()),
            static_cast<int>(std::min(kMost, values.numel() - first)), &request);
      wait(request);
    }
  }

  void wait(MPI_Request& request) {
    wait_until([&] { return is_done(request); });
  }

  static bool is_done(MPI_Request& request) {
    int done = 0;
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    return done != 0;
  }

  /// Polls, and sleeps for a twentieth of the time that it has waited, at most a millisecond: what
  /// is nearly there is had at once, and a long wait leaves the processor to others.
  void poll(const std::function<bool()>& done) {
    const auto started = Clock::now();
    while (!done()) {
      const auto waited = Clock::now() - started;
      if (waited > std::chrono::microseconds(200)) {
        std::this_thread::sleep_for(
            std::min<Clock::duration>(waited / 20, std::chrono::milliseconds(1)));
      } else {
        sched_yield();
      }
    }
  }

  void heed_failures() {
    int found = 0;
    MPI_Iprobe(MPI_ANY_SOURCE, /*tag=*/0, failures_, &found, MPI_STATUS_IGNORE);
    if (found == 0) return;
    heard_ = true;
    throw RankFailed();
  }

  /// LibTorch's threads, and over how many hosts the ranks are.
  void share_processors() {
    MPI_Comm host;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &host);
    int on_host = 1;
    MPI_Comm_size(host, &on_host);
    MPI_Comm_rank(host, &place_on_host_);
    const auto own = own_processors();
    std::vector<cpu_set_t> all(static_cast<size_t>(on_host));
    MPI_Allgather(&own, sizeof own, MPI_BYTE, all.data(), sizeof own, MPI_BYTE, host);
    at::set_num_threads(fair_threads(own, all));
    const int begins_host = place_on_host_ == 0 ? 1 : 0;
    MPI_Allreduce(&begins_host, &hosts_, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    MPI_Comm_free(&host);
  }

  int rank_ = 0, count_ = 1, hosts_ = 1, place_on_host_ = 0;
  MPI_Comm calls_ = MPI_COMM_NULL, failures_ = MPI_COMM_NULL;
  bool heard_ = false;  // of another rank's failure
  // What a call works on that a failure leaves under way: MPI writes there until the end.
  at::Tensor in_use_;
  int64_t largest_ = 0;
  std::unique_ptr<GpuSum> gpu_sum_;  // none in a build without NCCL
};

}  // namespace

std::unique_ptr<ProcessGroup> join_processes() { return std::make_unique<MpiGroup>(); }

}  // namespace madx::apps
