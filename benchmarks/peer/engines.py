#!/usr/bin/env python3
"""What users would run instead to tag on a CPU: the bare encoder with a tagging head in an inference engine, timed.

  .deps/python/bin/python benchmarks/peer/engines.py --engine ctranslate2-int8 --sorted --size base --batch 32 --steps 8

No adapters; random weights, XLM-R's vocabulary. The sentences are as long as step.py's in ner-infer; with --sorted those
of like length share a batch, as a careful user would have it, so that little is padded. Tokens are real ones, no
padding. Prints one JSON line with step.py's keys. The first batch does not count.

onnxruntime-int8: dynamic quantisation, a scale a channel. ctranslate2: its encoder, the head by NumPy; the int8 model
is in int8 on disk, or with -on-load in float32 and quantised while it loads, which is as fast and takes more memory.
Models are exported once, in a process of their own, and kept in --work. Needs what tools/python_env --engines installs.
"""
from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import pathlib
import resource
import time
from collections.abc import Callable

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's: no second pool of threads for a small product

import numpy as np  # noqa: E402

VOCABULARY, FIRST_WORD, PADDING = 250002, 5, 1
ENGINES = ["onnxruntime", "onnxruntime-int8", "openvino", "ctranslate2", "ctranslate2-int8", "ctranslate2-int8-on-load"]
WORK = pathlib.Path(__file__).resolve().parents[2] / "build/engines"

# A batch's sub-words and mask (sentences x longest) -> scores of labels (sentences x longest x labels).
Tagger = Callable[[np.ndarray, np.ndarray], np.ndarray]


def onnxruntime_tagger(model: pathlib.Path, threads: int) -> Tagger:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda ids, mask: session.run(None, {"input_ids": ids, "attention_mask": mask})[0]


def openvino_tagger(model: pathlib.Path, threads: int) -> Tagger:
    import openvino

    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(model, "CPU", settings)
    return lambda ids, mask: compiled({"input_ids": ids, "attention_mask": mask})[0]


def ctranslate2_tagger(model: pathlib.Path, threads: int, compute_type: str) -> Tagger:
    import ctranslate2

    encoder = ctranslate2.Encoder(str(model), device="cpu", compute_type=compute_type, inter_threads=1,
                                  intra_threads=threads)
    head = np.load(model / "head.npz")
    weight, bias = head["weight"].T, head["bias"]

    def tag(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        sentences = [row[:length].tolist() for row, length in zip(ids, mask.sum(1))]
        hidden = np.asarray(encoder.forward_batch(sentences).last_hidden_state)
        return hidden @ weight + bias

    return tag


def make_tagger(engine: str, model: pathlib.Path, threads: int) -> Tagger:
    if engine.startswith("onnxruntime"):
        return onnxruntime_tagger(model, threads)
    if engine == "openvino":
        return openvino_tagger(model, threads)
    return ctranslate2_tagger(model, threads, "int8" if "int8" in engine else "float32")


def prepare(options: argparse.Namespace) -> tuple[pathlib.Path, list[list[int]]]:
    """The model and the lengths of the sentences, from engine_models.prepare."""
    from engine_models import prepare as prepare_model

    return prepare_model(options.engine, options.size, options.work, options.batch, options.steps)


def by_length(batches: list[list[int]]) -> list[list[int]]:
    """The same sentences after the first batch, from short to long; the first is made like the shortest."""
    size = len(batches[0])
    lengths = sorted(length for batch in batches[1:] for length in batch)
    timed = [lengths[i:i + size] for i in range(0, len(lengths), size)]
    return [timed[0], *timed]


def make_batch(lengths: list[int], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
    ids = random.integers(FIRST_WORD, VOCABULARY - 2, mask.shape)
    return np.where(mask == 1, ids, PADDING), mask


def measure(tag: Tagger, batches: list[list[int]]) -> float:
    """Tokens a second of all batches but the first, which warms up."""
    random = np.random.default_rng(0)
    seconds = []
    for lengths in batches:
        ids, mask = make_batch(lengths, random)
        start = time.perf_counter()
        tag(ids, mask)
        seconds.append(time.perf_counter() - start)
    return sum(map(sum, batches[1:])) / sum(seconds[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=ENGINES, required=True)
    parser.add_argument("--size", choices=["base", "small"], default="base", help="base: 768 x 12; small: 384 x 12")
    parser.add_argument("--batch", type=int, default=32, help="sentences a step")
    parser.add_argument("--steps", type=int, default=8, help="timed steps, after one that is not")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sorted", action="store_true", help="put sentences of like length together")
    parser.add_argument("--work", metavar="DIR", type=pathlib.Path, default=WORK, help="default: build/engines")
    options = parser.parse_args()

    with multiprocessing.get_context("spawn").Pool(1) as process:
        model, batches = process.apply(prepare, (options,))
    if options.sorted:
        batches = by_length(batches)
    tokens_per_second = measure(make_tagger(options.engine, model, options.threads), batches)
    print(json.dumps({
        "what": "ner-infer-bare", "engine": options.engine, "size": options.size, "batch": options.batch,
        "sorted": options.sorted, "tokens_per_second": tokens_per_second,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    main()
