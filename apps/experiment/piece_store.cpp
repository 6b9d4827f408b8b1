#include "apps/experiment/piece_store.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/run/directory_lock.h"
#include "madx/core/error.h"
#include "madx/core/read_bytes.h"
#include "madx/core/system_failure.h"
#include "madx/io/write_file.h"

namespace madx::apps {

NLOHMANN_JSON_SERIALIZE_ENUM(PieceRecord::State, {{PieceRecord::State::kStopped, "stopped"},
                                                  {PieceRecord::State::kFailed, "failed"},
                                                  {PieceRecord::State::kDone, "done"}})

namespace fs = std::filesystem;

void PieceStore::make() const {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error && is_machine_failure(error.value()))
    machine_error(path_, ": expected to make the directory, but found: ", error.message(),
                  "; free some disk space or name another output");
  if (error)
    input_error(path_, ": expected a directory that can be made, but found: ", error.message(),
                "; name another output");
}

std::optional<PieceRecord> PieceStore::record(const Piece& piece) const {
  const auto path = directory(piece) + ".json";
  if (!fs::exists(path)) return std::nullopt;
  const auto text = read_bytes(path);  // an error, not a piece to do again, where it cannot be read
  try {
    const auto json = nlohmann::json::parse(text);
    PieceRecord record;
    json.at("state").get_to(record.state);
    json.at("seconds").get_to(record.seconds);
    json.at("peak_memory").get_to(record.peak_memory);
    json.at("command").get_to(record.command);
    json.at("error").get_to(record.error);
    return record;
  } catch (const nlohmann::json::exception& error) {
    input_error(path, ": expected the record of a piece, but found: ", error.what(),
                "; remove it, and the piece is run again");
  }
}

void PieceStore::write(const Piece& piece, const PieceRecord& record) const {
  const nlohmann::ordered_json json = {{"state", record.state},
                                       {"seconds", record.seconds},
                                       {"peak_memory", record.peak_memory},
                                       {"command", record.command},
                                       {"error", record.error}};
  io::write_file(directory(piece) + ".json",
                 json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

bool PieceStore::is_done(const Piece& piece) const {
  const auto found = record(piece);
  return found && found->state == PieceRecord::State::kDone && fs::exists(directory(piece));
}

bool PieceStore::can_resume(const Piece& piece) const {
  return fs::exists(directory(piece)) || fs::exists(directory(piece) + ".partial/checkpoint");
}

bool PieceStore::is_busy(const Piece& piece) const {
  for (const char* place : {"", ".partial"}) {
    const auto path = directory(piece) + place;
    if (!fs::is_directory(path)) continue;
    try {
      const DirectoryLock free(path);
    } catch (const InputError&) {
      return true;
    }
  }
  return false;
}

std::string PieceStore::last_line(const Piece& piece) const {
  std::ifstream file(log(piece));
  std::string last;
  for (std::string line; std::getline(file, line);)
    if (line.find_first_not_of(" \t\r") != std::string::npos) last = line;
  return last;
}

std::string PieceStore::metrics(const Piece& piece) const {
  for (const char* place : {".partial/metrics.jsonl", "/metrics.jsonl"})
    if (fs::exists(directory(piece) + place)) return directory(piece) + place;
  return "";
}

}  // namespace madx::apps
