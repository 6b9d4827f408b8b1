#pragma once

#include <functional>
#include <string>

#include "madx/train/rank_group.h"

namespace madx::apps {

/// run_program for programs that several processes run together. Started by mpirun or srun, they
/// are the ranks of one group; else the process is alone, and MPI is never begun. Rank 0 alone is
/// heard on standard output and standard error. Where a rank fails, all end with its status, and
/// its message is given once. SIGUSR1, which mpirun hands on to every rank, asks for a checkpoint
/// as SIGTERM does.
int run_program_on_ranks(const std::string& name, const std::function<void(RankGroup&)>& work);

}  // namespace madx::apps
