#include "madx/ops/embedding.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "madx/cpu/embedding.h"
#include "madx/ops/batch_part.h"
#include "madx/ops/checks.h"
#include "madx/ops/random_seed.h"
#include "ops/cpu_kernel.h"
#include "ops/row_numbers.h"

namespace madx::ops {

at::Tensor EmbeddingTables::words_of(const at::Tensor& ids) const {
  const auto rows = words.index_select(0, ids).to(at::kFloat);
  return word_scales.defined() ? rows * word_scales.index_select(0, ids).unsqueeze(1) : rows;
}

Int8Rows quantise_rows(const at::Tensor& table,
                       const std::function<void(const at::Tensor&)>& done) {
  constexpr int64_t kPart = 4096;
  constexpr double kSteps = 127, kSmallest = 1e-30;
  Int8Rows result{at::empty(table.sizes(), at::kChar), at::empty({table.size(0)}, at::kFloat)};
  for (int64_t first = 0; first < table.size(0); first += kPart) {
    const auto size = std::min(kPart, table.size(0) - first);
    const auto from = table.narrow(0, first, size);
    const auto part = from.to(at::kFloat);
    const auto scale = part.abs().amax(/*dim=*/1).div_(kSteps);
    result.scales.narrow(0, first, size).copy_(scale);
    result.rows.narrow(0, first, size)
        .copy_((part / scale.clamp_min(kSmallest).unsqueeze(1)).round_());
    done(from);
  }
  return result;
}

namespace {

void check_embedding(const at::Tensor& ids, const at::Tensor& positions,
                     const EmbeddingTables& tables, const FrozenLayerNorm& norm, double dropout) {
  TORCH_CHECK(ids.dim() == 1 && ids.sizes() == positions.sizes(),
              "embed: expected ids and positions of one shape (rows), but got ", ids.sizes(),
              " and ", positions.sizes());
  const auto hidden = tables.words.dim() == 2 ? tables.words.size(1) : -1;
  TORCH_CHECK(
      hidden > 0 && tables.positions.dim() == 2 && tables.positions.size(1) == hidden &&
          tables.types.dim() == 2 && tables.types.size(0) > 0 && tables.types.size(1) == hidden &&
          norm.weight.sizes() == tables.types[0].sizes() &&
          norm.bias.sizes() == norm.weight.sizes(),
      "embed: expected tables (rows, hidden) and a LayerNorm (hidden) of one width, but got ",
      tables.words.sizes(), ", ", tables.positions.sizes(), ", ", tables.types.sizes(), ", ",
      norm.weight.sizes(), " and ", norm.bias.sizes());
  detail::check_kind("embed", {tables.positions, tables.types, norm.weight, norm.bias});
  check_numbers("embed", "ids", ids, tables.words.size(0));
  check_numbers("embed", "positions", positions, tables.positions.size(0));
  detail::check_dropout("embed", dropout);
  const bool scaled = tables.words.scalar_type() == at::kChar;
  TORCH_CHECK(!scaled || (tables.word_scales.defined() && tables.word_scales.dim() == 1 &&
                          tables.word_scales.size(0) == tables.words.size(0) &&
                          tables.word_scales.scalar_type() == at::kFloat &&
                          tables.word_scales.is_contiguous()),
              "embed: beside words in int8, expected a scale of float32 for each");
}

/// Whether the kernel takes these tables, of which none learns.
bool takes_embedding_kernel(const at::Tensor& ids, const EmbeddingTables& tables,
                            const FrozenLayerNorm& norm) {
  for (const auto* table :
       {&tables.words, &tables.positions, &tables.types, &norm.weight, &norm.bias}) {
    if (table->requires_grad() || !table->is_contiguous()) return false;
  }
  const auto type = tables.words.scalar_type();
  const bool known = type == at::kChar || type == at::kBFloat16 || type == at::kFloat;
  return known && tables.words.device().is_cpu() && ids.device().is_cpu() &&
         takes_cpu_kernel({tables.positions, tables.types, norm.weight, norm.bias});
}

cpu::WordTable word_table(const EmbeddingTables& tables) {
  cpu::WordTable words{};
  switch (tables.words.scalar_type()) {
    case at::kChar:
      words.int8 = tables.words.const_data_ptr<int8_t>();
      words.scales = tables.word_scales.const_data_ptr<float>();
      break;
    case at::kBFloat16:
      words.bfloat16 = const_bfloat16_data(tables.words);
      break;
    default:
      words.float32 = tables.words.const_data_ptr<float>();
  }
  return words;
}

at::Tensor embed_cpu(const at::Tensor& ids, const at::Tensor& positions,
                     const EmbeddingTables& tables, const FrozenLayerNorm& norm, double dropout) {
  const auto rows = dropout > 0 ? detail::row_numbers("embed", ids.size(0)) : at::Tensor();
  auto out = at::empty({ids.size(0), tables.words.size(1)}, tables.positions.options());
  cpu::embed({ids.const_data_ptr<int64_t>(), positions.const_data_ptr<int64_t>(), ids.size(0),
              tables.words.size(1), word_table(tables), tables.positions.const_data_ptr<float>(),
              tables.types.const_data_ptr<float>(), norm.weight.const_data_ptr<float>(),
              norm.bias.const_data_ptr<float>(), norm.eps, dropout, dropout > 0 ? random_seed() : 0,
              detail::numbers_data(rows)},
             at::get_num_threads(), out.data_ptr<float>());
  return out;
}

}  // namespace

at::Tensor embed(const at::Tensor& ids, const at::Tensor& positions, const EmbeddingTables& tables,
                 const FrozenLayerNorm& norm, double dropout) {
  check_embedding(ids, positions, tables, norm, dropout);
  if (takes_embedding_kernel(ids, tables, norm))
    return embed_cpu(ids.contiguous(), positions.contiguous(), tables, norm, dropout);
  const bool scaled = tables.words.scalar_type() == at::kChar;
  const auto words = (scaled ? tables.words_of(ids) : at::embedding(tables.words, ids))
                         .to(tables.positions.scalar_type());
  const auto x = norm(words + at::embedding(tables.positions, positions) + tables.types[0]);
  return dropout > 0 ? ops::dropout(x, dropout) : x;
}

}  // namespace madx::ops
