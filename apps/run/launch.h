#pragma once

namespace madx::apps {

/// How a launcher of parallel programs (mpirun, srun) started this process, by the variables that
/// it sets; MPI has not begun.
struct Launch {
  int processes = 1;  ///< of one program; 1 where there is no launcher
  int rank = 0;       ///< of this one
};

Launch find_launch();

}  // namespace madx::apps
