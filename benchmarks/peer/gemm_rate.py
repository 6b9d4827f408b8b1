#!/usr/bin/env python3
"""This machine's GEMM rate, in GFLOP/s, on the shapes of XLM-R's layers: what a step can reach at most.

  .deps/python/bin/python benchmarks/peer/gemm_rate.py --threads 2

Every shape is a linear layer, run six times; the first run does not count, the best of the others does. Prints one JSON
line: the rate of each shape (rows x inputs x outputs), and their median.
"""
import argparse
import json
import statistics
import time

import torch
from torch.nn.functional import linear

RUNS = 5
ROWS = 1024  # 8 sequences of 128 tokens
VOCABULARY, MASKED_ROWS = 250002, 154
# (inputs, outputs) of attention, the feed-forward block and a language adapter at both hidden sizes
LAYERS = [(768, 768), (768, 3072), (3072, 768), (768, 384), (384, 768), (384, 1536), (1536, 384)]
SHAPES = [(ROWS, inputs, outputs) for inputs, outputs in LAYERS] + [(MASKED_ROWS, 768, VOCABULARY)]


def seconds_of(x: torch.Tensor, weight: torch.Tensor) -> float:
    start = time.perf_counter()
    linear(x, weight)
    return time.perf_counter() - start


def gflops(rows: int, inputs: int, outputs: int, dtype: torch.dtype) -> float:
    x, weight = torch.randn(rows, inputs, dtype=dtype), torch.randn(outputs, inputs, dtype=dtype)
    seconds_of(x, weight)  # warm-up
    best = min(seconds_of(x, weight) for _ in range(RUNS))
    return 2 * rows * inputs * outputs / best / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dtype = getattr(torch, options.dtype)
    rates = {"x".join(map(str, shape)): round(gflops(*shape, dtype), 1) for shape in SHAPES}
    print(json.dumps({"what": "gemm", "gflops": rates, "median": statistics.median_high(rates.values())}))


if __name__ == "__main__":
    main()
