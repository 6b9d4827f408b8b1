#!/usr/bin/env python3
"""Loads in Python's `adapters`, by its default calls, what tests/io/round_trip_test.cpp saved, and compares outputs.

Usage: round_trip.py DIR (tests/python/round_trip calls it).  DIR has encoder/, and a directory a case: what to load and how
to activate it (round_trip.json), and what C++ computed (expected.safetensors). Exit status 1 when an output differs by more
than 1e-5.
"""
import json
import logging
import os
import sys

import torch
from adapters import AutoAdapterModel
from adapters import composition as blocks
from safetensors.torch import load_file
from transformers import logging as transformers_logging

TOLERANCE = 1e-5
BLOCKS = {"Stack": blocks.Stack, "Fuse": blocks.Fuse}


def parse(text):
    """`Stack(la, Fuse(a, b))` as AdapterHub's blocks."""

    class Names(dict):
        def __missing__(self, name):
            return name

    return eval(text, {"__builtins__": {}}, Names(BLOCKS))  # written by our own test


def load(model, folder, case):
    """Returns what to activate."""
    options = {"use_safetensors": True} if case["use_safetensors"] else {}
    setup = parse(case["composition"])
    for kind, name in case["load"]:
        path = os.path.join(folder, name) if name else folder
        if kind == "adapter":
            assert model.load_adapter(path, **options) == name
        elif kind == "fusion":
            model.load_adapter_fusion(path, **options)
        else:
            setup, head = model.load_adapter_setup(path, **options)
            assert head == case["head"]
    return setup


@torch.no_grad()
def check(root, name):
    folder = os.path.join(root, name)
    with open(f"{folder}/round_trip.json", encoding="utf-8") as f:
        case = json.load(f)
    expected = load_file(f"{folder}/expected.safetensors")
    model = AutoAdapterModel.from_pretrained(f"{root}/encoder", dtype=torch.float32)
    model.active_adapters = load(model, folder, case)
    model.eval()
    ids = expected["input_ids"][None]
    found = {"hidden": model.base_model(input_ids=ids)[0][0]}
    if case["head"]:
        model.active_head = case["head"]
        found["logits"] = model(input_ids=ids).logits[0]
    assert set(found) == set(expected) - {"input_ids"}
    worst = 0.0
    for key, tensor in found.items():
        assert tensor.shape == expected[key].shape, f"{key}: {tensor.shape} and {expected[key].shape}"
        worst = max(worst, (tensor - expected[key]).abs().max().item())
    print(f"{name:28} {case['composition']:24} {' and '.join(found):18} differ by {worst:.1e}")
    return worst <= TOLERANCE


def main():
    transformers_logging.set_verbosity_error()
    logging.getLogger("adapters").setLevel(logging.ERROR)
    root = sys.argv[1]
    names = sorted(name for name in os.listdir(root) if os.path.exists(f"{root}/{name}/round_trip.json"))
    bad = [name for name in names if not check(root, name)]
    if not names or bad:
        sys.exit(f"expected outputs within {TOLERANCE:g}, but found {', '.join(bad) or 'no case'}")
    print(f"{len(names)} cases within {TOLERANCE:g}")


main()
