// A bank of language adapters beside one encoder: what it takes in memory, and what switching from
// one language to the next costs. Prints one JSON line.
//
//   build/bin/bank_bench --languages 100 --switches 1000000
//
// Memory is the growth of the resident set while the adapters are made, against the bytes of their
// weights. `switch_us` is activate_plan() of a plan that is ready, with every allocation of the
// process counted; `activate_us` is activate() of the same stack by name, which prepares it first.
#include <malloc.h>
#include <torch/torch.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <new>
#include <nlohmann/json.hpp>

#include "apps/command_line/command_line.h"
#include "apps/command_line/program.h"
#include "madx/adapters/adapter_stack.h"

namespace {

std::atomic<int64_t> allocations{0};

}  // namespace

// Not inline, or GCC would see free() meet new.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

int64_t resident_bytes() {
  int64_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

/// Seconds of `count` calls of `act(i)`, a call.
template <class Act>
double seconds_a_call(int64_t count, Act&& act) {
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < count; ++i) act(i);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return seconds.count() / static_cast<double>(count);
}

void run(int argc, char** argv) {
  CLI::App app("A bank of language adapters: memory, and the time of a switch");
  int64_t languages = 100, switches = 1000000, hidden = 768, layers = 12;
  const auto positive = madx::apps::from_to(1, 1 << 30);
  app.add_option("--languages", languages, "Language adapters in the bank")
      ->check(positive)
      ->capture_default_str();
  app.add_option("--switches", switches, "Timed switches")->check(positive)->capture_default_str();
  app.add_option("--hidden", hidden, "Hidden size of the encoder")
      ->check(positive)
      ->capture_default_str();
  app.add_option("--layers", layers, "Layers of the encoder")
      ->check(positive)
      ->capture_default_str();
  madx::apps::parse_command_line(app, argc, argv);

  const torch::NoGradGuard no_grad;
  auto language = madx::named_config("pfeiffer+inv");
  language.reduction_factor = 2;
  madx::AdapterStack adapters(hidden, layers);
  adapters->add("ner", madx::named_config("pfeiffer"));
  at::randn({1 << 20});  // LibTorch's own memory for random numbers is there before
  ::malloc_trim(0);
  const auto before = resident_bytes();
  int64_t bytes = 0;
  std::vector<std::shared_ptr<const madx::Plan>> plans;
  for (int64_t i = 0; i < languages; ++i) {
    const auto name = "l" + std::to_string(i);
    for (const auto& weight : adapters->add(name, language)->parameters())
      bytes += static_cast<int64_t>(weight.nbytes());
    plans.push_back(adapters->plan({name, "ner"}));
  }
  ::malloc_trim(0);
  const auto memory = resident_bytes() - before;

  const auto next = [&](int64_t i) { return static_cast<size_t>(i % languages); };
  const auto counted = allocations.load();
  const auto switching =
      seconds_a_call(switches, [&](int64_t i) { adapters->activate_plan(plans[next(i)]); });
  const auto allocated = allocations.load() - counted;
  const auto activating = seconds_a_call(std::min<int64_t>(switches, 1000), [&](int64_t i) {
    adapters->activate({"l" + std::to_string(i % languages), "ner"});
  });
  constexpr double kMicroseconds = 1e6;
  std::cout << nlohmann::ordered_json{{"languages", languages},
                                      {"hidden", hidden},
                                      {"layers", layers},
                                      {"adapters_mb", static_cast<double>(bytes) / (1 << 20)},
                                      {"resident_mb", static_cast<double>(memory) / (1 << 20)},
                                      {"memory_ratio",
                                       static_cast<double>(memory) / static_cast<double>(bytes)},
                                      {"switch_us", kMicroseconds * switching},
                                      {"switch_allocations", allocated},
                                      {"activate_us", kMicroseconds * activating}}
                   .dump()
            << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  return madx::apps::run_program("bank_bench", [&] { run(argc, argv); });
}
