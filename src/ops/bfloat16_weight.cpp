#include "madx/ops/bfloat16_weight.h"

#include "ops/cpu_kernel.h"

namespace madx::ops {

namespace {

constexpr auto kGranule = cpu::kBfloat16Granule;

}  // namespace

bool fits_bfloat16_weight(at::IntArrayRef sizes) {
  return sizes.size() == 2 && sizes[0] % kGranule == 0 && sizes[1] % kGranule == 0;
}

Bfloat16Weight::Bfloat16Weight(const at::Tensor& weight) : KernelWeight(weight) {
  TORCH_CHECK(fits_bfloat16_weight(weight.sizes()),
              "Bfloat16Weight: expected sizes that are multiples of ", kGranule, ", but got ",
              weight.sizes());
  const auto rounded = weight.detach().to(at::kCPU, at::kBFloat16).contiguous();
  forward_ = at::empty({out(), in()}, rounded.options());
  cpu::pack_transposed(bfloat16_data(rounded), out(), in(), bfloat16_data(forward_));
}

int64_t Bfloat16Weight::granule() const { return kGranule; }

const char* Bfloat16Weight::why_not_here() const {
  return cpu::has_bfloat16_products()
             ? nullptr
             : "expected a processor that multiplies bfloat16 (AMX or AVX512-BF16), but this one "
               "does not, or MADX_CPU_CAPABILITY hides it";
}

at::Tensor Bfloat16Weight::unpacked() const {
  return forward_.view({out() / kGranule, in() / 2, kGranule, 2})
      .permute({0, 2, 1, 3})
      .reshape({out(), in()});
}

const cpu::Bfloat16* Bfloat16Weight::backward_panels() const {
  std::call_once(backward_made_, [this] {
    const auto weight = unpacked();
    backward_ = at::empty_like(weight);
    cpu::pack(bfloat16_data(weight), out(), in(), in(), out(), bfloat16_data(backward_));
  });
  return bfloat16_data(backward_);
}

cpu::FrozenBfloat16 Bfloat16Weight::layer(const PackedPart& part, bool backward) {
  const auto& weight = dynamic_cast<const Bfloat16Weight&>(*part.weight);
  return {bfloat16_data(weight.forward_) + part.first * weight.in(),
          backward ? weight.backward_panels() + part.first * kGranule : nullptr,
          kGranule * weight.out(),
          part.bias.const_data_ptr<float>(),
          weight.in(),
          part.out()};
}

}  // namespace madx::ops
