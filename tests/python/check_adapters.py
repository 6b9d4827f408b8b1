#!/usr/bin/env python3
"""Checks that Python `adapters` loads what madx wrote, by its default calls, and computes the same hidden states.

  build/bin/hidden_states --encoder ENC --adapter LA --adapter TA --text FILE --output hidden.safetensors
  .deps/python/bin/python tests/python/check_adapters.py --encoder ENC --adapters LA TA --head TA --hidden hidden.safetensors

ENC is a Hugging Face directory (config.json, model.safetensors). --hidden holds, for line i of the text, `input_ids.i`
int64 [L] and `hidden.i` float32 [L, H]. The adapters are stacked in the order given, the invertible adapter of the first
one applied; without --adapters the encoder runs alone. Exit status 1 when hidden states differ by more than 1e-4 or a
head is not what its file says.
"""
import argparse
import logging
import os
import sys

import torch
from adapters import AutoAdapterModel
from adapters.composition import Stack
from safetensors.torch import load_file
from transformers import logging as transformers_logging

TOLERANCE = 1e-4


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(1)


def load_adapters(model, directories):
    """Names, in order. By the default call: `pytorch_adapter.bin`, no flags."""
    names = []
    for directory in directories:
        name = model.load_adapter(directory)
        if name in names:
            fail(f"{directory}: expected an adapter of another name than the one before, but both are {name!r}")
        names.append(name)
    return names


def check_head(model, directory):
    """Every tensor of the head's file is in the model, and nothing else but the tied output embedding."""
    _, name = model.load_head(directory)
    stored = torch.load(os.path.join(directory, "pytorch_model_head.bin"), weights_only=True)
    loaded = {f"heads.{name}.{key}": value for key, value in model.heads[name].state_dict().items()}
    for key, value in stored.items():
        if key not in loaded or not torch.equal(loaded[key], value):
            fail(f"{directory}: expected {key} in the model as it is in the file, but it was not loaded")
    for key in loaded.keys() - stored.keys():
        if loaded[key].data_ptr() != model.get_input_embeddings().weight.data_ptr():
            fail(f"{directory}: expected {key}, but the file lacks it")
    config = model.heads[name].config
    labels = ""
    if config["head_type"] == "tagging":
        by_id = model.get_labels_dict(name)  # get_labels() has the order of the JSON file instead
        labels = ", labels " + " ".join(by_id[i] for i in sorted(by_id))
    print(f"head {name}: {config['head_type']}, {len(stored)} tensors{labels}")


@torch.no_grad()
def compare(model, lines):
    """Lines, tokens, largest absolute difference, and largest difference relative to the largest value of its line."""
    count, tokens, absolute, relative = 0, 0, 0.0, 0.0
    while f"input_ids.{count}" in lines:
        ids, ours = lines[f"input_ids.{count}"], lines[f"hidden.{count}"]
        theirs = model.base_model(input_ids=ids[None])[0][0]  # (length, hidden)
        if ours.shape != theirs.shape:
            fail(f"line {count + 1}: expected hidden states {list(theirs.shape)}, but found {list(ours.shape)}")
        difference = (ours - theirs).abs().max().item()
        absolute = max(absolute, difference)
        relative = max(relative, difference / theirs.abs().max().item())
        tokens += len(ids)
        count += 1
    return count, tokens, absolute, relative


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--adapters", nargs="*", default=[], metavar="DIR")
    parser.add_argument("--head", action="append", default=[], metavar="DIR")
    parser.add_argument("--hidden", required=True, metavar="FILE")
    options = parser.parse_args()
    transformers_logging.set_verbosity_error()
    logging.getLogger("adapters").setLevel(logging.ERROR)

    model = AutoAdapterModel.from_pretrained(options.encoder, dtype=torch.float32).eval()
    names = load_adapters(model, options.adapters)
    for directory in options.head:
        check_head(model, directory)
    model.active_adapters = Stack(*names) if names else None
    model.eval()
    count, tokens, absolute, relative = compare(model, load_file(options.hidden))
    if count == 0:
        fail(f"{options.hidden}: expected input_ids.0, but the file has none; was it written by hidden_states?")
    print(f"{' + '.join(names) or 'encoder alone'}: {count} lines, {tokens} tokens, largest difference "
          f"{absolute:.2e} absolute, {relative:.2e} relative")
    if not absolute <= TOLERANCE:
        fail(f"expected hidden states within {TOLERANCE:g}, but they differ by {absolute:.2e}")


main()
