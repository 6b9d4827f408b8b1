// In place of mpi_group.cpp where MPI was not found.
#include "apps/ranks/process_group.h"

namespace madx::apps {

std::unique_ptr<ProcessGroup> join_processes() { return nullptr; }

}  // namespace madx::apps
