#!/usr/bin/env python3
"""Checks that transformers loads what adapt_encoder wrote, by its default call, with no key missing or left over, and has
the same held-out loss.

  build/bin/adapt_encoder --encoder ENC --text FILE --eval-text DEV --output OUT
  build/bin/mlm_loss --encoder OUT --text DEV --save-batches batches.safetensors --json > loss.json
  .deps/python/bin/python tests/python/check_adapted_encoder.py --encoder OUT --batches batches.safetensors --loss loss.json

Of batch i, the file has `input_ids.i` int64 [tokens] of sequences end to end, `offsets.i` [sequences + 1], `places.i`
[masked] and `targets.i` [masked]. With --tokens, the tokenizer that stands in OUT is loaded, too. Exit status 1 where the
losses differ by more than 1e-5.
"""
import argparse
import json
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoTokenizer
from transformers import logging as transformers_logging

TOLERANCE = 1e-5


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(1)


def load(directory):
    """The model, every weight of which is in the file."""
    model, info = AutoModelForMaskedLM.from_pretrained(directory, dtype=torch.float32, output_loading_info=True)
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        if info[what]:
            fail(f"{directory}: expected no {what.replace('_', ' ')}, but found {sorted(map(str, info[what]))}")
    if model.config.tie_word_embeddings:
        output, words = model.get_output_embeddings().weight, model.get_input_embeddings().weight
        if output.data_ptr() != words.data_ptr():
            fail(f"{directory}: expected the output layer tied to the word embeddings, but it is not")
    return model.eval()


@torch.no_grad()
def held_out_loss(model, batches):
    """Mean over the masked tokens, a sequence at a time: nothing is padded."""
    total, masked, index = 0.0, 0, 0
    while f"input_ids.{index}" in batches:
        ids, offsets, places, targets = (batches[f"{name}.{index}"] for name in ("input_ids", "offsets", "places", "targets"))
        for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist()):
            inside = (places >= begin) & (places < end)
            if not inside.any():
                continue
            logits = model(input_ids=ids[None, begin:end]).logits[0, places[inside] - begin]
            total += torch.nn.functional.cross_entropy(logits.double(), targets[inside], reduction="sum").item()
            masked += int(inside.sum())
        index += 1
    return total / max(1, masked), masked, index


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", required=True, metavar="DIR")
    parser.add_argument("--batches", required=True, metavar="FILE", help="of mlm_loss --save-batches")
    parser.add_argument("--loss", required=True, metavar="FILE", help="what mlm_loss --json printed")
    parser.add_argument("--tokens", action="store_true", help="load the tokenizer, too")
    options = parser.parse_args()
    transformers_logging.set_verbosity_error()

    with open(options.loss, encoding="utf-8") as file:
        ours = json.load(file)
    theirs, masked, count = held_out_loss(load(options.encoder), load_file(options.batches))
    if masked != ours["masked_tokens"]:
        fail(f"{options.batches}: expected {ours['masked_tokens']} masked tokens, but found {masked}")
    if options.tokens:
        print(f"tokenizer: {len(AutoTokenizer.from_pretrained(options.encoder))} ids")
    difference = abs(theirs - ours["eval_loss"])
    print(f"{count} batches, {masked} masked tokens: transformers {theirs:.7f}, madx {ours['eval_loss']:.7f}, "
          f"difference {difference:.1e}")
    if not difference <= TOLERANCE:
        fail(f"expected losses within {TOLERANCE:g}, but they differ by {difference:.1e}")


main()
