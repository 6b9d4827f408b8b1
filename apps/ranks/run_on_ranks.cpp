#include "apps/ranks/run_on_ranks.h"

#include <ATen/Parallel.h>

#include <iostream>
#include <optional>

#include "apps/command_line/program.h"
#include "apps/ranks/process_group.h"
#include "apps/run/interrupt.h"
#include "apps/run/launch.h"
#include "apps/run/lost_file.h"
#include "madx/core/plain_text.h"

namespace madx::apps {
namespace {

constexpr int kBadInput = 2;

/// While it lives, nothing is heard of this process.
class Silence {
 public:
  Silence() : out_(std::cout.rdbuf(nullptr)), err_(std::cerr.rdbuf(nullptr)) {}
  ~Silence() {
    std::cout.rdbuf(out_);
    std::cerr.rdbuf(err_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  std::streambuf *out_, *err_;
};

int refuse(const std::string& name, const Launch& launch, const std::string& way_out) {
  if (launch.rank > 0) return kBadInput;  // the first one says it
  return report(name, {kBadInput, "expected " + std::to_string(launch.processes) +
                                      " processes to be the ranks of one run, but " + way_out});
}

}  // namespace

int run_program_on_ranks(const std::string& name, const std::function<void(RankGroup&)>& work) {
  const auto launch = find_launch();
  if (launch.processes == 1) return run_program(name, [&] { work(one_process()); });
  handle_interrupts();
  handle_lost_files(name);
  handle_stop_of_job();
  const auto group = join_processes();
  if (!group) {
    return refuse(name, launch,
                  "this build has no MPI; install libopenmpi-dev and configure again, or start one "
                  "process");
  }
  if (group->count() == 1) {
    return refuse(name, launch,
                  "MPI found one; start them with the launcher of the MPI that the program was "
                  "built with (of Slurm: srun --mpi=pmix)");
  }
  Outcome outcome;
  {
    std::optional<Silence> silence;
    if (!group->is_first()) silence.emplace();
    std::cout << group->summary() << ", " << counted(at::get_num_threads(), "thread")
              << " in the first\n";
    outcome = outcome_of([&] { work(*group); });
  }
  return group->end(outcome.status, [&] { report(name, outcome); });
}

}  // namespace madx::apps
