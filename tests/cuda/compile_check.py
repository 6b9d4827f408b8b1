#!/usr/bin/env python3
"""Compiles the CUDA kernels for several architectures and checks what the compiler made of them.

    python3 tests/cuda/compile_check.py [--nvcc PATH] [--cache DIR] [--all] [--table]

For every kernel: nothing spilt, no static shared memory, registers within what the launch bounds promise,
tensor-core instructions in the kernels of 16-bit types and none in those of float32, 128-bit global loads. From
machine code where cuobjdump is found, from PTX otherwise. Without --all, which --table implies, for sm_80 and sm_90 alone.
--table prints the Markdown table of docs/cuda.md.
Results are kept in DIR by a hash of what they depend on. Exit status: 0 fine, 1 a check failed, 77 no nvcc.
"""
import argparse, concurrent.futures, glob, hashlib, json, os, re, shutil, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCES = ["adapter_site", "coupling"]
THREADS = 256
REGISTERS = 65536  # of a multiprocessor
# Shared memory of a multiprocessor and the most a block may have, in KB; warps that it holds.
LIMITS = {"sm_80": (164, 163, 64), "sm_90": (228, 227, 64), "sm_100": (228, 227, 64), "sm_120": (100, 99, 48)}
TYPES = {"f": "float32", "NS0_4HalfE": "float16", "NS0_8BFloat16E": "bfloat16"}
KERNELS = ["site_forward", "site_backward", "couple_rows"]


def find_nvcc(given):
    for path in [given, os.environ.get("CUDACXX"), shutil.which("nvcc"), "/usr/local/cuda/bin/nvcc"]:
        if path and not path.endswith("NOTFOUND") and os.path.exists(path):
            return path
    print("skipped: nvcc was not found; install a CUDA toolkit or set CUDACXX")
    sys.exit(77)


def find_cuobjdump(nvcc):
    beside = os.path.join(os.path.dirname(nvcc), "cuobjdump")
    if os.path.exists(beside):
        return beside
    # Triton's wheel, which Python's torch brings along, has one too.
    pattern = ".deps/python/lib/python3*/site-packages/triton/backends/nvidia/bin/cuobjdump"
    return shutil.which("cuobjdump") or next(iter(glob.glob(os.path.join(ROOT, pattern))), None)


def architectures(nvcc, newest):
    if not newest:
        return ["sm_80", "sm_90"]
    known = subprocess.run([nvcc, "--list-gpu-code"], capture_output=True, text=True, check=True).stdout.split()
    newer = [code for code in ("sm_100", "sm_120") if code in known]
    if not newer:
        print("this nvcc knows no architecture newer than sm_90")
    return ["sm_80", "sm_90"] + newer[:1]


def kernel_of(symbol):
    """(kernel, type, rows a tile) of a mangled name; None for another function."""
    for kernel in KERNELS:
        match = re.search(f"{len(kernel)}{kernel}I(f|NS0_4HalfE|NS0_8BFloat16E)Li(\\d+)E", symbol)
        if match:
            return f"{kernel} {TYPES[match.group(1)]} {int(match.group(2)):2}"
    return None


def compile_one(nvcc, cuobjdump, source, arch):
    """Figures of every kernel in one source file."""
    with tempfile.TemporaryDirectory() as folder:
        binary = os.path.join(folder, source + ".cubin")
        command = [nvcc, "-std=c++17", "-O3", f"-arch={arch}", "-cubin", "-Xptxas", "-v", "--keep", "--keep-dir", folder,
                   "-I", f"{ROOT}/include", "-I", f"{ROOT}/src", f"{ROOT}/src/cuda/{source}.cu", "-o", binary]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"{source}.cu does not compile for {arch}:\n{run.stderr}")
        figures, current = {}, None
        for line in run.stderr.splitlines():
            if match := re.search(r"Compiling entry function '(\S+)'", line):
                current = figures.setdefault(kernel_of(match.group(1)), {"static": 0})
            elif "Function properties for" in line:
                of = kernel_of(line.split()[-1])
                spills_of = figures.setdefault(of, {"static": 0}) if of else None
            elif (match := re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", line)) and spills_of is not None:
                spills_of["spills"] = int(match.group(1)) + int(match.group(2))
            elif match := re.search(r"Used (\d+) registers", line):
                current["registers"] = int(match.group(1))
                static = re.search(r"(\d+) bytes smem", line)
                current["static"] = int(static.group(1)) if static else 0
        if cuobjdump:
            text = subprocess.run([cuobjdump, "-sass", binary], capture_output=True, text=True, check=True).stdout
            parts = re.split(r"\n\s*Function : ", text)[1:]
            tensor, wide, fused = r"\bHMMA\.", r"\bLDG\.E\.128", r"\bFFMA\b"
        else:
            with open(os.path.join(folder, source + ".ptx")) as file:
                parts = file.read().split(".entry ")[1:]
            tensor, wide, fused = r"mma\.sync", r"ld\.global[.\w]*\.v4", r"fma\.rn\.f32"
        for part in parts:
            name = kernel_of(re.match(r"\S+?(?=[\s(]|$)", part).group(0))
            if name:
                for key, pattern in (("tensor", tensor), ("wide", wide), ("fused", fused)):
                    figures[name][key] = len(re.findall(pattern, part))
        return arch, figures


def least_blocks(kernel):
    """Blocks a multiprocessor, as kLeastBlocks in src/cuda/product.cuh."""
    _, kind, rows = kernel.split()
    return 2 if kind != "float32" and int(rows) < 64 else 1


def problems(kernel, arch, of):
    kind = kernel.split()[1]
    allowed = min(255, REGISTERS // (THREADS * least_blocks(kernel)))
    found = []
    for wrong, text in [
        (of.get("spills") != 0, f"{of.get('spills')} bytes spilt"),
        (of["static"] != 0, f"{of['static']} bytes of static shared memory"),
        (of["registers"] > allowed, f"{of['registers']} registers; launch bounds promise {allowed}"),
        (kind != "float32" and of["tensor"] == 0, "no tensor-core instruction"),
        (kind == "float32" and of["tensor"] != 0, "tensor-core instructions in float32"),
        (kind == "float32" and of["fused"] == 0, "no fused multiply-add"),
        (of["wide"] == 0, "no 128-bit global load"),
    ]:
        if wrong:
            found.append(f"{arch} {kernel}: {text}")
    return found


def shared_stride(columns, size):
    steps = -(-columns // (64 // size))
    return (steps + (steps % 2 == 0)) * (64 // size)


def occupancy(kernel, arch, registers, width, bottleneck):
    """(KB of shared memory a block, share of the warps), or None where a tile does not fit."""
    kind, rows = kernel.split()[1], int(kernel.split()[2])
    size = 4 if kind == "float32" else 2
    memory = rows * size * (shared_stride(width, size) + shared_stride(bottleneck, size))
    of_all, of_block, warps = LIMITS[arch]
    if memory > of_block * 1024:
        return None
    blocks = min(REGISTERS // (-(-registers // 8) * 8 * THREADS), of_all * 1024 // (memory + 1024), warps * 32 // THREADS)
    return memory / 1024, blocks * THREADS / 32 / warps


def print_table(archs, results):
    print("| kernel | type | rows | " + " | ".join(f"registers {arch}" for arch in archs) +
          " | LA: KB per block | " + " | ".join(f"occupancy {arch}" for arch in archs) +
          " | TA: KB per block | " + " | ".join(f"occupancy {arch}" for arch in archs) + " |")
    print("|" + "---|" * (5 + 3 * len(archs)))
    for kernel in sorted(results[archs[0]], key=lambda name: (KERNELS.index(name.split()[0]), name.split()[1], int(name.split()[2]))):
        if kernel.split()[1] == "bfloat16":  # the same figures as float16: checked, not printed
            continue
        cells = kernel.split() + [str(results[arch][kernel]["registers"]) for arch in archs]
        width = 384 if kernel.startswith("couple") else 768
        for bottleneck in (192, 48) if kernel.startswith("couple") else (384, 48):
            all_of = [occupancy(kernel, arch, results[arch][kernel]["registers"], width, bottleneck) for arch in archs]
            size = next((of[0] for of in all_of if of), None)
            cells.append(f"{size:.0f}" if size else "-")
            cells += [f"{100 * of[1]:.0f} %" if of else "-" for of in all_of]
        print("| " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nvcc")
    parser.add_argument("--cache", default=os.path.join(ROOT, "build", "cuda_compile"))
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    nvcc = find_nvcc(arguments.nvcc)
    cuobjdump = find_cuobjdump(nvcc)
    archs = architectures(nvcc, newest=arguments.all or arguments.table)
    digest = hashlib.sha256()
    inputs = sorted(glob.glob(f"{ROOT}/src/cuda/*.cu*") + glob.glob(f"{ROOT}/include/madx/cuda/*.h"))
    inputs += [f"{ROOT}/include/madx/core/{name}.h" for name in ("error", "philox")]
    for path in [os.path.abspath(__file__)] + inputs:
        with open(path, "rb") as file:
            digest.update(file.read())
    version = subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=True).stdout
    digest.update(f"{version} {bool(cuobjdump)} {archs}".encode())
    kept = os.path.join(arguments.cache, digest.hexdigest()[:20] + ".json")
    if os.path.exists(kept):
        with open(kept) as file:
            results = json.load(file)
    else:
        results = {arch: {} for arch in archs}
        with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            jobs = [pool.submit(compile_one, nvcc, cuobjdump, source, arch) for source in SOURCES for arch in archs]
            for job in concurrent.futures.as_completed(jobs):
                arch, figures = job.result()
                results[arch].update(figures)
        os.makedirs(arguments.cache, exist_ok=True)
        with open(kept, "w") as file:
            json.dump(results, file)
    if arguments.table:
        print_table(archs, results)
        return
    expected = len(KERNELS) * (2 * 4 + 2)
    found = [f"{arch}: expected {expected} kernels, but found {len(results[arch])}"
             for arch in archs if len(results[arch]) != expected]
    for arch in archs:
        for kernel, figures in results[arch].items():
            found += problems(kernel, arch, figures)
    print(f"{expected} kernels for {', '.join(archs)}, read from {'machine code' if cuobjdump else 'PTX'}")
    print("\n".join(found) or "all as promised")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
