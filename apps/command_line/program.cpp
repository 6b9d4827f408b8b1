#include "apps/command_line/program.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <new>

#include "apps/run/interrupt.h"
#include "apps/run/lost_file.h"
#include "madx/core/error.h"
#include "madx/train/trainer.h"

namespace madx::apps {
namespace {

constexpr int kDone = 0, kMachineFailed = 1, kBadInput = 2, kInterrupted = 130;

int fail(const std::string& name, const std::string& message, int status) {
  std::cerr << name << ": " << message << std::endl;
  return status;
}

/// The first line of a LibTorch error that says something: the rest is its stack.
std::string first_line(const std::string& text) {
  const auto begin = std::min(text.find_first_not_of('\n'), text.size());
  return text.substr(begin, text.find('\n', begin) - begin);
}

}  // namespace

int run_program(const std::string& name, const std::function<void()>& work) {
  handle_interrupts();
  handle_lost_files(name);
  try {
    work();
    return kDone;
  } catch (const Interrupted& stop) {
    return fail(name, stop.what(), kInterrupted);
  } catch (const InputError& error) {
    return fail(name, error.what(), kBadInput);
  } catch (const std::bad_alloc&) {
    return fail(name, "out of memory; lower --batch-size or --max-length", kMachineFailed);
  } catch (const c10::OutOfMemoryError& error) {
    return fail(name, first_line(error.what_without_backtrace()), kMachineFailed);
  } catch (const c10::Error& error) {
    const auto message = first_line(error.what_without_backtrace());
    const bool memory = message.find("can't allocate memory") != std::string::npos;
    return fail(name, memory ? "out of memory; lower --batch-size or --max-length" : message,
                memory ? kMachineFailed : kBadInput);
  } catch (const std::exception& error) {
    return fail(name, first_line(error.what()), kMachineFailed);
  }
}

}  // namespace madx::apps
