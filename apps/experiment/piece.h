#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "apps/experiment/experiment_config.h"
#include "apps/run/recipe.h"

namespace madx::apps {

/// A piece of an experiment's work: one run of one program, in a directory of its own. Two pieces
/// of one digest give the same, so there is one of them.
struct Piece {
  PieceKind kind = PieceKind::kScoring;
  std::string program;
  std::string row, source, language;  ///< what it is of; empty where rows share it
  uint64_t seed = 0;
  int64_t step = 0;  ///< of a snapshot of a language adapter that is scored; 0: its end
  std::vector<std::string> arguments = {};  ///< without --output, --resume and --threads
  Recipe recipe = {};                       ///< all that decides what comes out
  std::vector<size_t> needs = {};           ///< pieces of the plan that it reads the results of
  std::string name = {};  ///< "task-adapter-madx-en-seed1-0123456789ab"; its directory's
};

/// Builds a piece's arguments together with its recipe.
class PieceMaker {
 public:
  /// Files are identified once, however many pieces read them.
  using Identified = std::map<std::string, std::vector<InputFile>>;

  PieceMaker(Piece piece, Identified& identified);

  /// `flag value`, which decides what comes out.
  void set(const std::string& flag, const std::string& value);
  /// Flags of the configuration; those that decide nothing of the result (--save-minutes) stay out
  /// of the recipe.
  void set(const FlagValues& flags);
  /// `flag path`, or `flag name=path`: a file or directory that is there.
  void read(const std::string& flag, const std::string& path, const std::string& name = "");
  /// The same of a piece's directory: PATH/part.
  void read_piece(const std::string& flag, size_t index, const Piece& piece,
                  const std::string& store, const std::string& part, const std::string& name = "");

  /// The piece, with its name, of which `label` is the middle.
  Piece finish(const std::string& label);

 private:
  /// Takes the content of a file or directory into the recipe.
  void identify(const std::string& input, const std::string& path);

  Piece piece_;
  Identified& identified_;
};

/// What a program of a piece is called with to go into `directory`.
std::vector<std::string> command_of(const Piece& piece, const std::string& directory);

}  // namespace madx::apps
