#!/usr/bin/env python3
"""Uses madx from a project of its own (consumer/), in the three ways of docs/package.md.

  tests/package/package_test.py find_package --build build   installs, moves the prefix, builds and runs; in CTest
  tests/package/package_test.py add_subdirectory             configures; in CTest. With --whole, builds and runs: minutes
  tests/package/package_test.py FetchContent                 the same; with --whole, from a clone of HEAD
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENCODER = ROOT / "tests/fixtures/torchscript/xlmr_bare_dict"
SENTENCE = "The river is wide."


def run(*command, fails=False, **environment):
    """Runs the command and returns what it printed; exits where it does not end as expected."""
    command = [str(part) for part in command]
    done = subprocess.run(command, env={**os.environ, **environment}, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if (done.returncode != 0) != fails:
        sys.exit(f"{' '.join(command)}: expected to {'fail' if fails else 'succeed'}, but got status "
                 f"{done.returncode}\n{done.stdout}")
    return done.stdout


def expect(words, text):
    if words not in " ".join(text.split()):
        sys.exit(f"expected the words\n  {words}\nbut found\n{text}")


class Consumer:
    """The project, to be built in a folder of its own with these settings."""

    def __init__(self, options, way, folder, **settings):
        self.cmake, self.build = options.cmake, folder / "build"
        self.settings = {"CONSUMER_WAY": way, **settings}
        if options.compiler:
            self.settings["CMAKE_CXX_COMPILER"] = options.compiler
        if options.torch_dir:
            self.settings["Torch_DIR"] = options.torch_dir

    def configure(self, fails=False, path=os.environ["PATH"], **more):
        shutil.rmtree(self.build, ignore_errors=True)
        settings = {**self.settings, **more}
        return run(self.cmake, "-G", "Ninja", "-S", HERE / "consumer", "-B", self.build,
                   *(f"-D{name}={value}" for name, value in settings.items()), fails=fails, PATH=path)

    def build_and_run(self):
        run(self.cmake, "--build", self.build)
        found = run(self.build / "encode", ENCODER, SENTENCE, OMP_WAIT_POLICY="passive")
        expect("tokens of 12 numbers", found)
        print(found, end="")


def write_other_libtorch(folder):
    """A LibTorch of another version, as far as madxConfig.cmake looks at it."""
    version = 'set(PACKAGE_VERSION "2.0.1")\nset(PACKAGE_VERSION_COMPATIBLE TRUE)\n'
    for name, text in (("lib/libtorch_cpu.so", ""), ("share/cmake/Torch/TorchConfig.cmake", 'set(TORCH_LIBRARIES "")\n'),
                       ("share/cmake/Torch/TorchConfigVersion.cmake", version)):
        path = folder / "torch" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def check_find_package(options, folder):
    prefix, first = folder / "moved", folder / "installed"
    for component in ("development", "programs"):
        run(options.cmake, "--install", options.build, "--prefix", first, "--component", component)
    # 0.5 GB of LibTorch as links: the same files, and no time.
    run(options.cmake, "--install", options.build, "--prefix", first, "--component", "libtorch",
        CMAKE_INSTALL_MODE="ABS_SYMLINK")
    first.rename(prefix)

    consumer = Consumer(options, "find_package", folder, CMAKE_PREFIX_PATH=prefix)
    other = folder / "other"
    write_other_libtorch(other)
    consumer.configure(path=f"{other}/torch/bin:{os.environ['PATH']}")  # where CMake would find it, but nobody named it
    consumer.build_and_run()
    exported = "\n".join(path.read_text() for path in prefix.glob("lib*/**/cmake/madx/*.cmake"))
    for place in (str(ROOT), str(Path(options.build).resolve()), str(first)):
        if place in exported:
            sys.exit(f"madxTargets.cmake: expected paths below the prefix alone, but found {place}")
    expect("usage", run(prefix / "bin/train_lang_adapter", "--help").lower())

    if not options.torch_dir:
        found = consumer.configure(fails=True, MADX_TORCH_WHEEL=other)
        expect("with which it was built, but found 2.0.1 in", found)
        expect("; name the other one by Torch_DIR", found)
        expect("but found none, neither by find_package(Torch) nor in",
               consumer.configure(fails=True, MADX_TORCH_WHEEL=folder / "nowhere"))
    expect("expected SentencePiece (Debian: libsentencepiece-dev), but found none; install it",
           consumer.configure(fails=True, MADX_SENTENCEPIECE_LIBRARY=""))


def check_kernels(database):
    """The kernels of each processor are compiled and not left to the linker, whatever the project does."""
    commands = [entry["command"] for entry in json.loads(database.read_text())]
    commands = [command for command in commands if re.search(r"/madx_cpu_\w+\.dir/", command)]
    if not commands or any(re.findall(r" -f(?:no-)?lto\S*", command)[-1:] != [" -fno-lto"] for command in commands):
        sys.exit("expected -fno-lto to be the last word on it for all kernels, but found\n" + "\n".join(commands))


def check_source(options, folder):
    settings = {"MADX_SOURCE": ROOT, "CMAKE_BUILD_TYPE": "Release" if options.whole else ""}
    if not options.whole:
        settings.update(CMAKE_INTERPROCEDURAL_OPTIMIZATION="ON", CMAKE_EXPORT_COMPILE_COMMANDS="ON")
    if options.way == "FetchContent" and options.whole:  # a clone of what is committed, without .deps
        settings.update(MADX_TORCH_WHEEL=options.torch_wheel,
                        MADX_TAG=run("git", "-C", ROOT, "rev-parse", "HEAD").strip())
    elif options.way == "FetchContent":
        settings.update(MADX_TORCH_WHEEL=options.torch_wheel, FETCHCONTENT_SOURCE_DIR_MADX=ROOT)
    else:
        settings["MADX_TORCH_WHEEL"] = options.torch_wheel
    consumer = Consumer(options, options.way, folder, **settings)
    consumer.configure()
    if options.whole:
        consumer.build_and_run()
    else:
        check_kernels(consumer.build / "compile_commands.json")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=["find_package", "add_subdirectory", "FetchContent"])
    parser.add_argument("--build", default=ROOT / "build", help="the build that is installed")
    parser.add_argument("--folder", type=Path, help="where to work; emptied first and removed when all is well")
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--compiler", help="the C++ compiler")
    parser.add_argument("--torch-dir", help="the LibTorch that the build was made with, where the user named one")
    parser.add_argument("--torch-wheel", default=ROOT / ".deps/libtorch", help="else the folder of the wheel that it was made with")
    parser.add_argument("--whole", action="store_true", help="build madx, too, and run")
    options = parser.parse_args()
    folder = (options.folder or Path(options.build) / "package" / options.way).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (check_find_package if options.way == "find_package" else check_source)(options, folder)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
