#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/experiment/piece.h"

namespace madx::apps {

/// What is on record of a piece's runs: NAME.json in the store.
struct PieceRecord {
  enum class State { kStopped, kFailed, kDone };
  State state = State::kStopped;
  double seconds = 0;       ///< of all runs together, those that were stopped among them
  int64_t peak_memory = 0;  ///< bytes, the most of any run
  std::string command;
  std::string error;  ///< of a piece that failed: its program's last line
};

/// The folder in which an experiment's pieces stand, each in a directory of its name, beside it
/// NAME.json (record), NAME.log (what its program printed) and, while one works on it, NAME.claim.
class PieceStore {
 public:
  explicit PieceStore(std::string path) : path_(std::move(path)) {}
  /// Makes the folder where there is none. Throws InputError where it cannot be made.
  void make() const;

  std::string directory(const Piece& piece) const { return path_ + "/" + piece.name; }
  std::string log(const Piece& piece) const { return directory(piece) + ".log"; }
  std::string claim(const Piece& piece) const { return directory(piece) + ".claim"; }

  /// Nothing where no run of the piece has ended yet. Throws InputError for a damaged record.
  std::optional<PieceRecord> record(const Piece& piece) const;
  void write(const Piece& piece, const PieceRecord& record) const;
  bool is_done(const Piece& piece) const;
  /// Whether its program has to be told to --resume.
  bool can_resume(const Piece& piece) const;
  /// Whether a program is at work in its directory: one that outlives the worker that began it.
  bool is_busy(const Piece& piece) const;
  /// The last line of what its program printed.
  std::string last_line(const Piece& piece) const;
  /// Where metrics.jsonl of a run, under way or done, is; empty where there is none.
  std::string metrics(const Piece& piece) const;

 private:
  std::string path_;
};

}  // namespace madx::apps
