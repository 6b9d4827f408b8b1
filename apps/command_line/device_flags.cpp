#include "apps/command_line/device_flags.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include <algorithm>

#include "apps/run/notes.h"
#include "madx/core/error.h"
#include "madx/cpu/available.h"
#include "madx/cpu/bfloat16.h"
#include "madx/cpu/int8.h"
#include "madx/gemm/products.h"

namespace madx::apps {

void DeviceFlags::add_threads_to(CLI::App& app) {
  app.add_option("--threads", threads, "CPU threads; 0: all cores")->capture_default_str();
}

void DeviceFlags::add_place_to(CLI::App& app) {
  add_threads_to(app);
  app.add_option("--device", device, "Device: auto, cpu, cuda or cuda:N")->capture_default_str();
}

void DeviceFlags::add_to(CLI::App& app) {
  add_place_to(app);
  app.add_option("--dtype", dtype,
                 "Type of the frozen encoder: float32; bfloat16 (on GPUs, and CPUs with AMX or "
                 "AVX512-BF16) or int8 (on x86-64 CPUs with AVX2), both faster and smaller")
      ->capture_default_str();
}

namespace {

/// Of a program's threads: each costs time to start, and there are no processors for more.
constexpr int kMostThreads = 1024;

/// The N of "cuda:N"; 0 of "auto" and "cuda".
int parse_gpu(const std::string& device) {
  if (device == "auto" || device == "cuda") return 0;
  const bool numbered =
      device.rfind("cuda:", 0) == 0 && device.size() > 5 && device.size() < 8 &&
      std::all_of(device.begin() + 5, device.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!numbered) input_error("--device: expected auto, cpu, cuda or cuda:N, but found ", device);
  return std::stoi(device.substr(5));
}

/// The GPU of one rank of several: as many as a host has are dealt out in turn.
int gpu_of_rank(const std::string& device, int gpus, const RankGroup& ranks) {
  if (!ranks.sums_on_gpus()) {
    input_error("--device: expected cpu beside ", ranks.count(),
                " ranks, for this build has no NCCL, but found ", device,
                "; give --device cpu, or start one process");
  }
  if (device != "auto" && device != "cuda") {
    input_error("--device: expected cuda beside ", ranks.count(),
                " ranks, each of which takes a GPU of its host, but found ", device);
  }
  return ranks.place_on_host() % gpus;
}

/// The device that `--device` names, which is there.
at::Device parse_device(const std::string& device, const RankGroup& ranks) {
  if (device == "cpu") return at::kCPU;
  auto gpu = parse_gpu(device);
  if (device == "auto" && !at::hasCUDA()) return at::kCPU;
  const auto gpus = at::hasCUDA() ? int{at::detail::getCUDAHooks().deviceCount()} : 0;
  if (gpus == 0) {
    input_error("--device: expected a CUDA device for ", device,
                ", but this LibTorch or machine has none; use --device cpu");
  }
  if (ranks.count() > 1) gpu = gpu_of_rank(device, gpus, ranks);
  if (gpu >= gpus) {
    input_error("--device: expected cuda:0 to cuda:", gpus - 1, ", but found ", device);
  }
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(gpu));
}

}  // namespace

at::Device DeviceFlags::apply(RankGroup& ranks) const {
  if (threads < 0 || threads > kMostThreads)
    input_error("--threads: expected a number from 0 to ", kMostThreads, ", but found ", threads);
  if (threads > 0) at::set_num_threads(threads);
  if (dtype != "float32" && dtype != "bfloat16" && dtype != "int8")
    input_error("--dtype: expected float32, bfloat16 or int8, but found ", dtype);
  gemm::default_products();  // refuses what it cannot be
  const auto where = parse_device(device, ranks);
  const int64_t on_gpu = where.is_cpu() ? 0 : 1;
  if (ranks.largest(on_gpu) != -ranks.largest(-on_gpu)) {
    input_error("--device: expected every rank on a GPU or none, but found ", device,
                ", which is a GPU on some hosts alone; give --device cpu, or cuda on hosts that "
                "all have one");
  }
  if (where.is_cpu() && !cpu::available()) {
    note(std::string(cpu::why_not_available()) +
         ", so LibTorch's own operations run, which are slower");
  }
  if (dtype == "bfloat16" && where.is_cpu() && !cpu::has_bfloat16_products()) {
    input_error(
        "--dtype: expected float32 on this machine, but found bfloat16, which would be slower: its "
        "processor does not multiply it (AMX or AVX512-BF16), or MADX_CPU_CAPABILITY hides that it "
        "does; leave the flag out");
  }
  if (dtype == "int8" && !where.is_cpu()) {
    input_error(
        "--dtype: expected float32 or bfloat16 on a GPU, but found int8, which is for CPUs");
  }
  if (dtype == "int8" && !cpu::has_int8_products()) {
    input_error(
        "--dtype: expected float32 on this machine, but found int8, which takes x86-64 with AVX2 "
        "that MADX_CPU_CAPABILITY does not hide; leave the flag out");
  }
  return where;
}

WeightForm DeviceFlags::weight_form(at::Device device) const {
  if (dtype == "float32") return WeightForm::kFloat32;
  if (dtype == "int8") return WeightForm::kInt8;
  return device.is_cpu() ? WeightForm::kPackedBfloat16 : WeightForm::kBfloat16;
}

}  // namespace madx::apps
