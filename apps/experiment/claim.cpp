#include "apps/experiment/claim.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "apps/run/host_name.h"
#include "madx/core/error.h"

namespace madx::apps {
namespace {

namespace fs = std::filesystem;

std::string line_of(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// The space in which a process number means one process: of two containers, and of two machines
/// that were given one name, each has its own.
std::string process_space() {
  std::error_code error;
  const auto space = fs::read_symlink("/proc/self/ns/pid", error).string();  // "pid:[4026531836]"
  return line_of("/proc/sys/kernel/random/boot_id") + "/" + space;
}

/// When a process began, in the kernel's ticks: a number of a process that is gone may be given to
/// another. Empty where there is none.
std::string start_of(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return "";
  std::istringstream fields(text.substr(name_end + 1));
  constexpr int kStartTime = 20;  // after the name, from 1 on
  std::string field;
  for (int i = 0; i < kStartTime; ++i) fields >> field;
  return field;
}

struct Owner {
  std::string host, start, token;  // start: "TICKS@SPACE"
  pid_t process = 0;
};

std::optional<Owner> read_owner(const std::string& path) {
  std::ifstream file(path);
  Owner owner;
  if (!(file >> owner.host >> owner.process >> owner.start >> owner.token)) return std::nullopt;
  return owner;
}

/// Writes `text` whole beside `path`, under a name of its own, which it returns.
std::string write_beside(const std::string& path, const std::string& text) {
  auto whole = path + "." + text.substr(text.rfind(' ') + 1);
  std::ofstream file(whole);
  file << text;
  file.flush();
  if (!file) {
    const int error = errno;
    unlink(whole.c_str());
    machine_error(whole, ": cannot be written: ", std::strerror(error));
  }
  return whole;
}

/// Writes `text` as a file that was not there; false where it was.
bool create(const std::string& path, const std::string& text) {
  // link(2) gives the whole file the other name, unless there is one.
  const auto whole = write_beside(path, text);
  const bool made = link(whole.c_str(), path.c_str()) == 0;
  const int error = errno;
  unlink(whole.c_str());
  if (!made && error != EEXIST) machine_error(path, ": cannot be written: ", std::strerror(error));
  return made;
}

/// A claim's file with the kernel's lock on it. Whoever removes it or puts another in its place has
/// that lock, so while it is held `path` names this file, or nobody's.
class LockedClaim {
 public:
  /// Waits for the lock. The file may be gone, or another's by then: see `held`.
  explicit LockedClaim(const std::string& path) : file_(open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    // NFS locks what is open for writing alone; another user's claim may be one to read.
    if (file_ < 0 && errno == EACCES) file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file_ < 0) {
      error_ = errno == ENOENT ? 0 : errno;
      return;
    }
    int locked = 0;
    do locked = flock(file_, LOCK_EX);
    while (locked != 0 && errno == EINTR);
    error_ = locked == 0 ? 0 : errno;
    // Opened, not asked by name alone: a file system of several machines then asks its server.
    const int now = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat mine = {}, named = {};
    held_ = error_ == 0 && now >= 0 && fstat(file_, &mine) == 0 && fstat(now, &named) == 0 &&
            mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
    if (now >= 0) close(now);
  }
  ~LockedClaim() {
    if (file_ >= 0) close(file_);
  }
  LockedClaim(const LockedClaim&) = delete;
  LockedClaim& operator=(const LockedClaim&) = delete;

  bool held() const { return held_; }
  int error() const { return error_; }  ///< where it cannot be locked, though it is there; else 0

 private:
  int file_ = -1, error_ = 0;
  bool held_ = false;
};

/// Seconds since a file was touched, by the clock of the file system that it lies on.
double age(const std::string& path, const std::string& token) {
  struct stat claimed = {};
  if (stat(path.c_str(), &claimed) != 0) return 0;
  const auto probe = path + ".clock." + token;
  struct stat now = {};
  const int file = open(probe.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
  if (file < 0) return 0;
  const bool known = write(file, "x", 1) == 1 && fstat(file, &now) == 0;
  close(file);
  unlink(probe.c_str());
  if (!known) return 0;
  return static_cast<double>(now.st_mtim.tv_sec - claimed.st_mtim.tv_sec) +
         1e-9 * static_cast<double>(now.st_mtim.tv_nsec - claimed.st_mtim.tv_nsec);
}

bool expired(const std::string& path, const std::optional<Owner>& owner, const std::string& token) {
  // Of a process in another space nothing is known but the age of its claim.
  const auto at = owner ? owner->start.find('@') : std::string::npos;
  const bool in_sight = at != std::string::npos && owner->start.substr(at + 1) == process_space();
  if (in_sight && start_of(owner->process) != owner->start.substr(0, at)) return true;
  return age(path, token) > Claim::kExpires;
}

std::string new_token() {
  static std::atomic<int> count{0};
  return std::to_string(getpid()) + "-" + start_of(getpid()) + "-" + std::to_string(count++);
}

}  // namespace

std::unique_ptr<Claim> Claim::acquire(const std::string& path) {
  const auto token = host_name() + "-" + new_token();
  const auto text = host_name() + " " + std::to_string(getpid()) + " " + start_of(getpid()) + "@" +
                    process_space() + " " + token;
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (create(path, text)) return std::unique_ptr<Claim>(new Claim(path, token));
    if (!expired(path, read_owner(path), token)) return nullptr;
    // Several may find it expired. The first with the lock puts its own in its place.
    const LockedClaim old(path);
    if (old.error() != 0) {
      machine_error(path,
                    ": has expired, but cannot be locked to be taken: ", std::strerror(old.error()),
                    "; remove it, or use an \"output\" on a file system with locks");
    }
    if (!old.held()) continue;
    if (!expired(path, read_owner(path), token)) return nullptr;
    const auto whole = write_beside(path, text);
    if (rename(whole.c_str(), path.c_str()) != 0) {
      const int error = errno;
      unlink(whole.c_str());
      machine_error(path, ": cannot be written: ", std::strerror(error));
    }
    return std::unique_ptr<Claim>(new Claim(path, token));
  }
  return nullptr;
}

Claim::~Claim() {
  const LockedClaim mine(path_);
  if (!mine.held() && mine.error() == 0)
    return;  // where there are no locks, it is given back still
  if (const auto owner = read_owner(path_); owner && owner->token == token_) unlink(path_.c_str());
}

bool Claim::renew() {
  const auto owner = read_owner(path_);
  if (!owner || owner->token != token_) return false;
  utimensat(AT_FDCWD, path_.c_str(), nullptr, 0);
  return true;
}

std::string claimed_by(const std::string& path) {
  const auto owner = read_owner(path);
  if (!owner || expired(path, owner, new_token())) return "";
  return owner->host + ", process " + std::to_string(owner->process);
}

}  // namespace madx::apps
