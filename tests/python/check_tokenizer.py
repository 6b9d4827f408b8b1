#!/usr/bin/env python3
"""Checks that madx's tokenizer gives the ids that Hugging Face's own (slow) tokenizer gives.

  build/bin/hidden_states --encoder ENC --text FILE --output hidden.safetensors
  .deps/python/bin/python tests/python/check_tokenizer.py --encoder ENC --text FILE --hidden hidden.safetensors

ENC holds config.json and sentencepiece.bpe.model or vocab.txt. `input_ids.i` of --hidden is compared with line i of the
text, its special tokens around it; a line longer than the encoder takes is compared up to where it was cut. Special
tokens written out in the text ("<mask>") are text. Exit status 1 when a line differs.
"""
import argparse
import json
import os
import sys

from safetensors.torch import load_file
from transformers import BertTokenizer, XLMRobertaTokenizer


def load_tokenizer(encoder):
    pieces = os.path.join(encoder, "sentencepiece.bpe.model")
    if os.path.exists(pieces):
        return XLMRobertaTokenizer(pieces)
    settings = os.path.join(encoder, "tokenizer_config.json")
    lower = True
    if os.path.exists(settings):
        with open(settings, encoding="utf-8") as file:
            lower = json.load(file).get("do_lower_case", True)
    return BertTokenizer(os.path.join(encoder, "vocab.txt"), do_lower_case=lower)


def max_length(encoder):
    with open(os.path.join(encoder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    first_position = 0 if config["model_type"] == "bert" else config["pad_token_id"] + 1
    return config["max_position_embeddings"] - first_position


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--hidden", required=True, metavar="FILE")
    parser.add_argument("--max-length", type=int, help="where lines were cut (default: what the encoder takes)")
    options = parser.parse_args()
    tokenizer = load_tokenizer(options.encoder)
    limit = options.max_length or max_length(options.encoder)
    ours = load_file(options.hidden)
    with open(options.text, encoding="utf-8", newline="\n") as file:
        lines = [line.rstrip("\r\n") for line in file]

    different, tokens = 0, 0
    for i, line in enumerate(lines):
        ids = tokenizer.convert_tokens_to_ids(tokenizer.tokenize(line, split_special_tokens=True))
        theirs = tokenizer.build_inputs_with_special_tokens(ids[:limit - 2])
        found = ours[f"input_ids.{i}"].tolist() if f"input_ids.{i}" in ours else None
        tokens += len(theirs)
        if found != theirs:
            different += 1
            print(f"{options.text}:{i + 1}: {line}\n  expected {theirs}\n  but found {found}", file=sys.stderr)
    extra = f"input_ids.{len(lines)}"
    if extra in ours:
        different += 1
        print(f"{options.hidden}: expected {len(lines)} lines, but found {extra}", file=sys.stderr)
    print(f"{len(lines)} lines, {tokens} tokens, {different} lines differ")
    sys.exit(1 if different else 0)


main()
