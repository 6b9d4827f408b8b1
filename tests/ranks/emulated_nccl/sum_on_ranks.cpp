// sum_on_ranks FAILING SUMS: sums by apps/ranks/nccl_sum.cpp over emulated NCCL, as rank FAILING
// would not (it fails before its last sum; -1: none fails). Rank 0 prints what came out.
#include <iostream>

#include "apps/command_line/program.h"
#include "apps/ranks/gpu_sum.h"
#include "apps/ranks/process_group.h"

namespace madx::apps {
namespace {

/// 0, 1, 2, ... times one more than the rank, so that sums are a multiple of it on every rank.
at::Tensor values_of(int rank, at::ScalarType type) {
  return at::arange(100000, at::TensorOptions(type)) * (rank + 1);
}

void sum_all(ProcessGroup& group, int failing, int sums) {
  const auto sum = make_gpu_sum(group);
  const auto times = group.count() * (group.count() + 1) / 2;
  for (int i = 0; i < sums; ++i) {
    const bool is_last = i + 1 == sums;
    if (is_last && group.rank() == failing) machine_error("rank ", failing, " fails");
    for (const auto type : {at::kFloat, at::kDouble, at::kLong}) {
      const auto values = values_of(group.rank(), type);
      (*sum)(values);
      if (!values.equal(values_of(0, type) * times))
        machine_error("rank ", group.rank(), ": the sum of ", type, " is wrong");
    }
  }
  if (group.is_first()) std::cout << sums << " times three sums over " << group.count() << '\n';
}

int run(int failing, int sums) {
  const auto group = join_processes();
  const auto outcome = outcome_of([&] { sum_all(*group, failing, sums); });
  return group->end(outcome.status, [&] { report("sum_on_ranks", outcome); });
}

}  // namespace
}  // namespace madx::apps

int main(int argc, char** argv) {
  return argc == 3 ? madx::apps::run(std::atoi(argv[1]), std::atoi(argv[2])) : 2;
}
