#include "apps/run/launch.h"

#include <cstdlib>

namespace madx::apps {
namespace {

struct Variables {
  const char* processes;
  const char* rank;
};

/// Of a batch script, Slurm's SLURM_NTASKS says how many tasks srun may start in it; the step's own
/// number is in what srun has started alone.
constexpr Variables kLaunchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},  // Open MPI
    {"PMI_SIZE", "PMI_RANK"},                          // MPICH, Intel MPI
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"},          // srun
};

int number(const char* variable) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? 0 : std::atoi(text);
}

}  // namespace

Launch find_launch() {
  for (const auto& variables : kLaunchers) {
    const int processes = number(variables.processes);
    if (processes > 1) return {processes, number(variables.rank)};
  }
  return {};
}

}  // namespace madx::apps
