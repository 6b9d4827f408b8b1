#include "apps/command_line/program.h"

#include <ATen/ATen.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <new>

#include "apps/run/interrupt.h"
#include "apps/run/launch.h"
#include "apps/run/lost_file.h"
#include "apps/run/notes.h"
#include "madx/core/error.h"
#include "madx/core/system_failure.h"
#include "madx/train/trainer.h"

namespace madx::apps {
namespace {

constexpr int kDone = 0, kMachineFailed = 1, kBadInput = 2, kInterrupted = 130;

/// The first line of a LibTorch error that says something: the rest is its stack.
std::string first_line(const std::string& text) {
  const auto begin = std::min(text.find_first_not_of('\n'), text.size());
  return text.substr(begin, text.find('\n', begin) - begin);
}

/// Whether who read standard output has gone, as `| head -1` does when it has enough. What the
/// program was to do is done all the same.
bool reader_has_gone() {
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&output, 1, /*milliseconds=*/0) == 1 && (output.revents & POLLERR) != 0;
}

}  // namespace

Outcome outcome_of(const std::function<void()>& work) {
  try {
    work();
    say_notes();
    // nullptr: a rank that is not heard
    if (std::cout.rdbuf() != nullptr && !std::cout.flush() && !reader_has_gone()) {
      return {kMachineFailed,
              "standard output: expected to write to it, but it failed; free some disk space or "
              "choose another place"};
    }
    return {kDone, ""};
  } catch (const Interrupted& stop) {
    return {kInterrupted, stop.what()};
  } catch (const InputError& error) {
    return {kBadInput, error.what()};
  } catch (const std::bad_alloc&) {
    return {kMachineFailed, "out of memory; lower --batch-size or --max-length"};
  } catch (const c10::OutOfMemoryError& error) {
    return {kMachineFailed, first_line(error.what_without_backtrace())};
  } catch (const c10::Error& error) {
    const auto message = first_line(error.what_without_backtrace());
    const bool memory = message.find("can't allocate memory") != std::string::npos;
    return {memory ? kMachineFailed : kBadInput,
            memory ? "out of memory; lower --batch-size or --max-length" : message};
  } catch (const std::filesystem::filesystem_error& error) {
    const auto status = is_machine_failure(error.code().value()) ? kMachineFailed : kBadInput;
    return {status, error.path1().string() + ": expected a path that can be used, but found: " +
                        error.code().message() + "; check the path"};
  } catch (const std::exception& error) {
    return {kMachineFailed, first_line(error.what())};
  }
}

int report(const std::string& name, const Outcome& outcome) {
  if (outcome.status != kDone) std::cerr << name << ": " << outcome.message << std::endl;
  return outcome.status;
}

int run_program(const std::string& name, const std::function<void()>& work) {
  handle_interrupts();
  handle_lost_files(name);
  const auto launch = find_launch();
  if (launch.processes > 1) {
    if (launch.rank > 0) return kBadInput;  // the first one says it
    return report(name, {kBadInput, "expected one process, but was started as " +
                                        std::to_string(launch.processes) +
                                        "; start it without mpirun or srun"});
  }
  return report(name, outcome_of(work));
}

}  // namespace madx::apps
