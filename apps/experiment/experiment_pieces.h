#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/experiment/experiment_config.h"
#include "apps/experiment/piece.h"

namespace madx::apps {

/// Where a row gets an encoder or an adapter from: files that are there, or a piece.
struct PieceOrigin {
  std::string path;             ///< empty: a piece
  std::optional<size_t> piece;  ///< of the plan
  std::string part;             ///< of the piece's directory
};

/// The pieces of an experiment as its rows ask for them: one of each digest, so that rows share
/// what they have in common. Functions return a piece's place in `all`.
class ExperimentPieces {
 public:
  ExperimentPieces(const ExperimentConfig& config, std::string store)
      : config_(config), store_(std::move(store)) {}

  const std::vector<Piece>& all() const { return pieces_; }

  /// A language's adapter for a row; nothing where there is neither a ready one nor text. Rows
  /// whose adapters differ from those of madx train their own where there is text. `source` is the
  /// language whose adapter it starts from or stays near to, where flags say so.
  std::optional<PieceOrigin> language_adapter(const std::string& row, const std::string& language,
                                              const std::string& source);
  /// Why a row has none.
  std::string no_language_adapter(const std::string& row, const std::string& language,
                                  const std::string& source) const;
  /// The encoder after masked LM on a language's text; nothing where there is none.
  std::optional<PieceOrigin> adapted_encoder(const std::string& language);
  /// An encoder fine-tuned on a source; `language` is the target that it is for, or empty.
  size_t fine_tuning(const std::string& row, const PieceOrigin& encoder, const std::string& source,
                     const std::string& language, uint64_t seed);
  size_t fine_tuning_score(const std::string& row, size_t training, const std::string& source,
                           const std::string& language, uint64_t seed);
  /// A task adapter for a row; nothing, with the reason, where something is missing.
  std::optional<size_t> task_adapter(const std::string& row, const std::string& source,
                                     uint64_t seed, std::string& reason);
  /// A task adapter's score on a target, under `adapter`, where there is one; `step` is that of the
  /// snapshot which it is, or 0.
  size_t score(const std::string& row, size_t task, const std::string& setup,
               const std::optional<PieceOrigin>& adapter, const std::string& source,
               const std::string& language, uint64_t seed, int64_t step = 0);

  /// The encoder of the row mbert. Throws InputError for one of another type.
  std::string bert();

  /// A language's test set; empty where there is none.
  std::string test_of(const std::string& language) const;

 private:
  size_t add(PieceMaker& maker, const std::string& label);
  void read(PieceMaker& maker, const std::string& flag, const PieceOrigin& origin,
            const std::string& name = "");
  /// The number of the layer that a row leaves out; empty for rows that leave none out.
  std::string last_layer_for(const std::string& row);
  void set_flags(PieceMaker& maker, PieceKind kind, const std::string& row,
                 const std::string& language = "");
  /// Takes flags that name the source's adapter out, and reads it by them. False where there is no
  /// such adapter.
  bool read_source_adapter(PieceMaker& maker, FlagValues& flags, const std::string& row,
                           const std::string& source);
  /// Ready adapters have all layers: madx-2.0 leaves the last one out as it loads them.
  void leave_out_of(PieceMaker& maker, const std::string& row, const PieceOrigin& adapter);
  void read_text(PieceMaker& maker, const std::string& language);
  /// The head that masked LM starts from: the language's own, where the configuration has flags to
  /// train one, or else the one that it names; nothing where the piece's flags name another.
  void read_head(PieceMaker& maker, PieceKind kind, const std::string& row,
                 const std::string& language);
  const NerFiles& labelled(const std::string& language) const;
  /// --train and --dev, and what is tested beside training: the source's own test set, or else some
  /// file, since the program asks for one.
  void read_labelled(PieceMaker& maker, const std::string& source);

  const ExperimentConfig& config_;
  std::string store_;
  std::vector<Piece> pieces_;
  std::map<std::string, size_t> by_digest_;
  PieceMaker::Identified identified_;
  std::string last_layer_, mbert_type_;  // once they were asked for
};

}  // namespace madx::apps
