// Linked into the programs alone, before anything of theirs runs: how long OpenMP's threads spin.
//
// GNU's libgomp lets a thread that waits for others spin for a millisecond or so before it sleeps.
// Where another process has one of the cores, the threads that spin are in the way of the very
// thread that they wait for: two threads were ten to twenty times slower than one. A thousand turns
// cover the shorter gaps between parallel regions; to wake a thread from sleep costs as much.
//
// libgomp reads GOMP_SPINCOUNT in its constructor, and an environment that is changed before the C
// library's own constructor is lost. So the program starts itself anew with the variable set, from
// .preinit_array: libraries are mapped, but none has begun, which makes it a matter of
// milliseconds. A library in somebody else's process has no business with either.
#include <cstddef>  // and with it whether the C library is GNU's

#if defined(__linux__) && defined(__GLIBC__)

#include <alloca.h>
#include <unistd.h>

#include <initializer_list>

namespace {

// Nothing of the C library is set up yet: system calls and plain loops alone.

bool starts_with(const char* text, const char* start) {
  while (*start != '\0')
    if (*text++ != *start++) return false;
  return true;
}

void start_with_spin_count(int, char** arguments, char** environment) {
  static char variable[] = "GOMP_SPINCOUNT=1000";  // 25 to 50 microseconds
  size_t count = 0;
  for (; environment[count] != nullptr; ++count) {
    // What the user set is the user's; and so this happens once.
    for (const char* name : {"GOMP_SPINCOUNT=", "OMP_WAIT_POLICY="})
      if (starts_with(environment[count], name)) return;
  }
  char path[4096];  // of the program, not its link in /proc, which would become its name
  const auto length = ::readlink("/proc/self/exe", path, sizeof path - 1);
  if (length <= 0 || length >= static_cast<ssize_t>(sizeof path - 1)) return;
  path[length] = '\0';
  auto** const extended = static_cast<char**>(alloca((count + 2) * sizeof(char*)));
  for (size_t i = 0; i < count; ++i) extended[i] = environment[i];
  extended[count] = variable;
  extended[count + 1] = nullptr;
  ::execve(path, arguments, extended);
  // It did not work: then threads spin as long as they do.
}

using Start = void (*)(int, char**, char**);
__attribute__((section(".preinit_array"), used)) const Start kStart = start_with_spin_count;

}  // namespace

#endif
