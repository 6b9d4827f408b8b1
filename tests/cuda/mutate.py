#!/usr/bin/env python3
"""Plants faults in the CUDA kernels, one at a time, and shows which test finds each.

    cmake --build build --target test_cuda && python3 tests/cuda/mutate.py [--build DIR] [NUMBER...]

The kernels' source is copied, changed in one place, compiled for the emulation and linked with the tests of DIR.
Prints a Markdown table. Exit status 1 where a fault passes all tests.
"""
import argparse, glob, os, re, shutil, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What, file, text that is there once, text in its place.
MUTATIONS = [
    ("a sign in LayerNorm's derivative", "site_backward.cuh", "(dn - mean - n.value[i] * slope)", "(dn - mean + n.value[i] * slope)"),
    ("two words of a tensor-core operand exchanged", "product.cuh", "{low[0], high[0], low[1], high[1]}",
     "{low[0], low[1], high[0], high[1]}"),
    ("the barrier between down and up left out", "site_forward.cuh",
     "    __syncthreads();\n    block.keep_z(adapter);", "    block.keep_z(adapter);"),
    ("the barrier before up's backward left out", "site_backward.cuh",
     "    block.load_z(adapter);\n    __syncthreads();", "    block.load_z(adapter);"),
    ("no check of a row's end on loads", "memory.cuh", "if (column >= columns) return Eight{};", ""),
    ("a group's first block counted to the group before", "groups.cuh", "first_block <= block", "first_block < block"),
    ("z of another row", "site_forward.cuh", "z.set(row * z_stride + neuron", "z.set((row ^ 1) * z_stride + neuron"),
    ("the sum of half a warp", "device.cuh", "int distance = kLanes / 2;", "int distance = kLanes / 4;"),
    ("dropout's votes one lane on", "dropout.cuh", "votes >> (lane / 8 * 8)", "votes >> (lane / 8 * 8 + 1)"),
    ("no sign in the coupling's inverse", "coupling.cuh", "value.value[i] *= coupling.sign;", "value.value[i] *= 1;"),
    ("a barrier that one warp does not reach", "coupling.cuh", "    __syncthreads();\n    block.change(index);",
     "    if (warp_index() != 3) __syncthreads();\n    block.change(index);"),
    ("the tile's last row is written twice", "site_forward.cuh", "tile.set(row * stride + neuron, rounded<T>(value + bias));",
     "tile.set((row | 1) * stride + neuron, rounded<T>(value + bias));"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("numbers", nargs="*", type=int)
    arguments = parser.parse_args()
    objects = glob.glob(f"{arguments.build}/tests/CMakeFiles/test_cuda.dir/cuda/*.o")
    objects += [path for path in glob.glob(f"{arguments.build}/tests/CMakeFiles/cuda_emulation.dir/cuda/emulation/*.o")
                if "kernels" not in path]
    if not objects:
        sys.exit(f"{arguments.build}: expected a build with the target test_cuda, but found no object files; build it first")
    survivors = 0
    print("| fault | file | found by | message |\n|---|---|---|---|", flush=True)
    for number, (what, name, old, new) in enumerate(MUTATIONS, 1):
        if arguments.numbers and number not in arguments.numbers:
            continue
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(f"{ROOT}/src/cuda", f"{folder}/cuda")
            with open(f"{folder}/cuda/{name}") as file:
                text = file.read()
            if text.count(old) != 1:
                sys.exit(f"{name}: expected {old!r} once, but found it {text.count(old)} times; correct the mutation")
            with open(f"{folder}/cuda/{name}", "w") as file:
                file.write(text.replace(old, new))
            # The changed object first: of templates compiled twice the linker takes the first.
            subprocess.run(["g++", "-std=c++17", "-O1", "-w", f"-I{folder}", f"-I{ROOT}/include", f"-I{ROOT}/src",
                            f"-I{ROOT}/tests/cuda", "-c", f"{ROOT}/tests/cuda/emulation/kernels.cpp", "-o",
                            f"{folder}/kernels.o"], check=True)
            subprocess.run(["g++", f"{folder}/kernels.o", *objects, "-lgmock", "-lgtest_main", "-lgtest", "-lboost_context",
                            "-lpthread", "-o", f"{folder}/tests"], check=True)
            run = subprocess.run([f"{folder}/tests", "--gtest_filter=-*LargestShape*", "--gtest_fail_fast"],
                                 capture_output=True, text=True)
        failed = re.search(r"\[  FAILED  \] ([\w/.]+)", run.stdout)
        survivors += failed is None
        fault = re.search(r'(race on [^,"]*|outside of[^"]*|which no thread has written|never come|error [-\w.]+, plain [-\w.]+'
                          r"|from the start of [^\"]*)", run.stdout)
        print(f"| {what} | `{name}` | {failed.group(1) if failed else '**no test**'} | {fault.group(1).strip() if fault else ''} |",
              flush=True)
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
