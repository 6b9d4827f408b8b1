#pragma once

#include <type_traits>

#include "cuda/types.cuh"

namespace madx::cuda {

/// A pointer into shared memory: a plain one on a device, a watched one in emulation.
template <class T>
class Shared {
 public:
  MADX_DEVICE explicit Shared(T* data) : data_(data) {}
  MADX_DEVICE Shared operator+(int offset) const { return Shared(data_ + offset); }

  MADX_DEVICE T get(int index) const {
    see_shared(data_ + index, sizeof(T), /*write=*/false);
    return data_[index];
  }
  MADX_DEVICE void set(int index, T value) const {
    see_shared(data_ + index, sizeof(T), /*write=*/true);
    data_[index] = value;
  }
  /// 128 bits from a multiple of 16 bytes.
  MADX_DEVICE Words get_words(int index) const {
    see_shared(data_ + index, sizeof(Words), /*write=*/false);
    return *reinterpret_cast<const Words*>(data_ + index);
  }
  MADX_DEVICE void set_words(int index, const Words& words) const {
    see_shared(data_ + index, sizeof(Words), /*write=*/true);
    *reinterpret_cast<Words*>(data_ + index) = words;
  }

  MADX_DEVICE Eight get_eight(int index) const {
    Packed<T> packed;
    MADX_UNROLL
    for (int i = 0; i < Packed<T>::kWords; ++i)
      packed.words[i] = get_words(index + i * (kColumns / Packed<T>::kWords));
    return packed.unpack();
  }
  MADX_DEVICE void set_eight(int index, const Eight& columns) const {
    const auto packed = Packed<T>::pack(columns);
    MADX_UNROLL
    for (int i = 0; i < Packed<T>::kWords; ++i)
      set_words(index + i * (kColumns / Packed<T>::kWords), packed.words[i]);
  }

 private:
  T* data_;
};

/// How a kernel uses global memory: data that nothing writes during the launch may come through the
/// read-only cache; data that the same thread wrote earlier in the launch may not.
enum class Access { kReadOnly, kRewritten };

template <Access kAccess, class V>
MADX_DEVICE V load_global(const V* from) {
  return kAccess == Access::kReadOnly ? __ldg(from) : __ldcg(from);
}

template <Access kAccess>
MADX_DEVICE Words load_words(const void* from) {
  const uint4 words = load_global<kAccess>(static_cast<const uint4*>(from));
  return {{words.x, words.y, words.z, words.w}};
}

MADX_DEVICE void store_words(void* to, const Words& words) {
  __stcg(static_cast<uint4*>(to),
         make_uint4(words.word[0], words.word[1], words.word[2], words.word[3]));
}

template <Access kAccess>
MADX_DEVICE float load_value(const float* from) {
  return load_global<kAccess>(from);
}
template <Access kAccess, class T>
MADX_DEVICE float load_value(const T* from) {
  return to_float(T{load_global<kAccess>(&from->bits)});
}
MADX_DEVICE void store_value(float* to, float value) { __stcg(to, value); }
template <class T>
MADX_DEVICE void store_value(T* to, float value) {
  __stcg(&to->bits, rounded<T>(value).bits);
}

/// Part of the slow path below: `count` neighbouring elements one by one, then zeros.
template <class T, Access kAccess>
MADX_DEVICE_CALL Eight load_some(const T* from, int count) {
  Eight columns;
  MADX_UNROLL
  for (int i = 0; i < kColumns; ++i)
    columns.value[i] = i < count ? load_value<kAccess>(from + i) : 0.0f;
  return columns;
}

template <class T>
MADX_DEVICE_CALL void store_some(T* to, const Eight& columns, int count) {
  MADX_UNROLL
  for (int i = 0; i < kColumns; ++i)
    if (i < count) store_value(to + i, columns.value[i]);
}

/// A dense row-major matrix in global memory. Its rows start at multiples of 16 bytes, or
/// `whole_words` is false and elements are moved one by one: slower, for sizes that are no multiple
/// of eight.
template <class T, Access kAccess = Access::kReadOnly>
struct Rows {
  using Element = std::remove_const_t<T>;
  T* data;
  int64_t row_stride;  // elements
  int columns;
  bool whole_words;

  /// Eight columns from `column`, a multiple of eight; zeros beyond the row's end.
  MADX_DEVICE Eight load(int64_t row, int column) const {
    const T* from = data + row * row_stride + column;
    if (!whole_words) return load_some<Element, kAccess>(from, columns - column);
    if (column >= columns) return Eight{};
    Packed<Element> packed;
    MADX_UNROLL
    for (int i = 0; i < Packed<Element>::kWords; ++i)
      packed.words[i] = load_words<kAccess>(reinterpret_cast<const Words*>(from) + i);
    return packed.unpack();
  }
  MADX_DEVICE void store(int64_t row, int column, const Eight& values) const {
    T* to = data + row * row_stride + column;
    if (!whole_words) {
      store_some(to, values, columns - column);
    } else if (column < columns) {
      const auto packed = Packed<Element>::pack(values);
      MADX_UNROLL
      for (int i = 0; i < Packed<Element>::kWords; ++i)
        store_words(reinterpret_cast<Words*>(to) + i, packed.words[i]);
    }
  }
};

}  // namespace madx::cuda
