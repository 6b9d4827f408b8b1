#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#ifdef MADX_MATRIX_UNITS
#include "gemm/matrix_products.h"
#endif
#include "gemm/vector_products.h"

namespace madx::gemm::MADX_CAPABILITY {

/// What kernels, templates over a class of products, call of it; vector_products.h says what each
/// member does. The compiler holds each class to it below.
template <class P, class = void>
struct IsProducts : std::false_type {};

/// What kernels pass: sizes and strides; an input; an output; whether to add.
constexpr int64_t kAnySize = 0;
constexpr const float* kAnyInput = nullptr;
constexpr float* kAnyOutput = nullptr;
constexpr bool kAny = false;

template <class P>
struct IsProducts<
    P,
    std::void_t<
        decltype(std::declval<typename P::Columns&>().load_transposed(kAnyInput, kAnySize, kAnySize,
                                                                      kAnySize, kAnySize)),
        decltype(std::declval<typename P::Columns&>().load(kAnySize, kAnyInput, kAnySize, kAnySize,
                                                           kAnySize)),
        decltype(std::declval<typename P::Rows&>().load(kAnyInput, kAnySize, kAnySize, kAnySize)),
        decltype(std::declval<typename P::Rows&>().load_block(kAnySize, kAnyInput, kAnySize,
                                                              kAnySize, kAnySize)),
        decltype(std::declval<typename P::Weight&>().set_dense(kAnyInput, kAnySize, kAnySize)),
        decltype(std::declval<typename P::Weight&>().set_transposed(kAnyInput, kAnySize, kAnySize)),
        decltype(std::declval<P&>().left(kAnyInput, kAnySize, kAnySize, kAnySize,
                                         std::declval<const typename P::Columns&>(), kAnySize,
                                         kAnyOutput, kAny)),
        decltype(std::declval<P&>().right(std::declval<const typename P::Rows&>(), kAnySize,
                                          kAnySize, kAnyInput, kAnySize, kAnySize, kAnyOutput,
                                          kAnySize, kAny)),
        decltype(std::declval<P&>().times(std::declval<const typename P::Rows&>(), kAnySize,
                                          std::declval<const typename P::Weight&>(), kAnyOutput,
                                          kAny)),
        decltype(std::declval<P&>().add_transposed(kAnyInput, kAnySize, kAnySize, kAnySize,
                                                   kAnyInput, kAnySize, kAnySize, kAnyOutput,
                                                   kAnySize))>>
    : std::bool_constant<std::is_default_constructible_v<P> &&
                         std::is_constructible_v<typename P::Columns, int64_t, int64_t> &&
                         std::is_constructible_v<typename P::Rows, int64_t, int64_t> &&
                         std::is_default_constructible_v<typename P::Weight> &&
                         std::is_same_v<decltype(P::tile_rows(kAnySize, kAnySize)), int64_t> &&
                         std::is_same_v<decltype(P::Weight::kHasPanels), const bool> &&
                         (P::kGranule > 0 && P::kInner > 0 && P::kSiteRows > 0 &&
                          P::kSiteGranule > 0 && P::kRowBlock > 0)> {};

static_assert(IsProducts<VectorProducts>::value, "a member is missing, or takes something else");
#ifdef MADX_MATRIX_UNITS
static_assert(IsProducts<MatrixProducts>::value, "a member is missing, or takes something else");
#endif

}  // namespace madx::gemm::MADX_CAPABILITY
