#pragma once

#include <omp.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>

namespace madx::cpu::MADX_CAPABILITY {

/// A thread of a parallel region: its number, and how many there are.
struct Thread {
  int index, count;
};

/// Calls body(thread) on `threads` threads, or on fewer where OpenMP gives no more, and returns
/// when all are done. What a thread throws is thrown here, the first of several: an exception that
/// left an OpenMP construct would end the process. So a body has no OpenMP construct of its own;
/// what has to wait for all threads is a region of its own.
template <class Body>
void parallel(int threads, Body&& body) {
  std::exception_ptr failure;
#pragma omp parallel num_threads(threads)
  {
    try {
      body(Thread{omp_get_thread_num(), omp_get_num_threads()});
    } catch (...) {
#pragma omp critical(madx_failure)
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

/// Work in `count` pieces that threads share out as they go: each takes its own first, every
/// `threads`-th one, then what is left of the others'. So a piece is on the same thread from call
/// to call, where its rows are in cache, but a thread whose core is busy with something else holds
/// nobody up. For pieces whose results do not depend on who computes them.
class SharedPieces {
 public:
  explicit SharedPieces(int64_t count)
      : count_(count), taken_(new std::atomic<bool>[static_cast<size_t>(count)]) {
    for (int64_t piece = 0; piece < count; ++piece) taken_[static_cast<size_t>(piece)] = false;
  }

  /// Calls work(piece) for those that fall to this thread.
  template <class Work>
  void for_each(Thread thread, Work&& work) {
    for (int64_t piece = thread.index; piece < count_; piece += thread.count)
      if (take(piece)) work(piece);
    for (int64_t piece = 0; piece < count_; ++piece)
      if (take(piece)) work(piece);
  }

 private:
  bool take(int64_t piece) {
    auto& taken = taken_[static_cast<size_t>(piece)];
    return !taken.load(std::memory_order_relaxed) && !taken.exchange(true);
  }

  int64_t count_;
  std::unique_ptr<std::atomic<bool>[]> taken_;
};

/// Consecutive numbers of [0, count) for each thread, in blocks of about the same size.
template <class Work>
void for_each_of_block(Thread thread, int64_t count, Work&& work) {
  const auto end = count * (thread.index + 1) / thread.count;
  for (auto i = count * thread.index / thread.count; i < end; ++i) work(i);
}

}  // namespace madx::cpu::MADX_CAPABILITY
