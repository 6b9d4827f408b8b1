#!/usr/bin/env python3
"""Checks that madx's tokenizer gives the ids that Hugging Face's own tokenizers give.

  .deps/python/bin/python tests/python/check_tokenizer.py --write-text FILE        # a thousand lines in ten scripts
  build/bin/hidden_states --encoder ENC --text FILE --output hidden.safetensors
  .deps/python/bin/python tests/python/check_tokenizer.py --encoder ENC --text FILE --hidden hidden.safetensors

ENC holds config.json and sentencepiece.bpe.model, vocab.txt (the Python tokenizers are compared), or tokenizer.json alone
(the fast one). `input_ids.i` of --hidden is compared with line i of the text, its special tokens around it; a line longer
than the encoder takes is compared up to where it was cut. Special tokens written out in the text ("<mask>") are text; a
line with one is compared without added tokens. XLM-R's Python tokenizer adds up scores in float; where rounding decides
between two ways with one score, the fast tokenizer counts, and the number of such lines is printed. Exit status 1 when a
line differs.
"""
import argparse
import json
import os
import random
import sys

from safetensors.torch import load_file
from transformers import BertTokenizer, PreTrainedTokenizerFast, XLMRobertaTokenizer, XLMRobertaTokenizerFast


# Latin, Greek, Cyrillic, Hebrew, Arabic, Devanagari, Thai, Georgian, kana, Han, Hangul, and marks between them
SCRIPTS = [(0x61, 0x7A), (0xC0, 0x24F), (0x3B1, 0x3C9), (0x400, 0x45F), (0x5D0, 0x5EA), (0x620, 0x64A), (0x905, 0x94D),
           (0xE01, 0xE4D), (0x10D0, 0x10FA), (0x3041, 0x30FE), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0x21, 0x40), (0x2010, 0x2122)]


def write_text(path):
    draw = random.Random(1)
    with open(path, "w", encoding="utf-8") as out:
        for _ in range(1000):
            words = []
            for _ in range(draw.randint(1, 10)):
                first, last = draw.choice(SCRIPTS)
                word = "".join(chr(draw.randint(first, last)) for _ in range(draw.randint(1, 8)))
                words.append(word * draw.choice([1, 1, 1, 3]))
            out.write(draw.choice([" ", " ", "  "]).join(words) + draw.choice(["", " "]) + "\n")


def load_tokenizers(encoder):
    """The tokenizer to compare with, and another that may be right instead (or None)."""
    pieces = os.path.join(encoder, "sentencepiece.bpe.model")
    if os.path.exists(pieces):
        return XLMRobertaTokenizer.from_pretrained(encoder), XLMRobertaTokenizerFast(pieces)
    if not os.path.exists(os.path.join(encoder, "vocab.txt")):
        return PreTrainedTokenizerFast.from_pretrained(encoder), None
    settings = os.path.join(encoder, "tokenizer_config.json")
    lower = True
    if os.path.exists(settings):
        with open(settings, encoding="utf-8") as file:
            lower = json.load(file).get("do_lower_case", True)
    return BertTokenizer.from_pretrained(encoder, do_lower_case=lower), None


def ids_of(tokenizer, line):
    special = any(token in line for token in ("<s>", "</s>", "<pad>", "<unk>", "<mask>", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"))
    if isinstance(tokenizer, PreTrainedTokenizerFast):
        tokenizer.backend_tokenizer.encode_special_tokens = special
        return tokenizer.backend_tokenizer.encode(line, add_special_tokens=False).ids
    return tokenizer.convert_tokens_to_ids(tokenizer.tokenize(line, split_special_tokens=special))


def ends_of(tokenizer):
    """Ids of the special tokens before and behind a text."""
    found = [tokenizer.convert_tokens_to_ids(pair) for pair in (["<s>", "</s>"], ["[CLS]", "[SEP]"])]
    vocabulary = tokenizer.get_vocab()
    return found[0] if "<s>" in vocabulary else found[1]


def max_length(encoder):
    with open(os.path.join(encoder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    first_position = 0 if config["model_type"] == "bert" else config["pad_token_id"] + 1
    return config["max_position_embeddings"] - first_position


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write-text", metavar="FILE", help="write made-up lines and do nothing else")
    parser.add_argument("--encoder")
    parser.add_argument("--text")
    parser.add_argument("--hidden", metavar="FILE")
    parser.add_argument("--max-length", type=int, help="where lines were cut (default: what the encoder takes)")
    options = parser.parse_args()
    if options.write_text:
        return write_text(options.write_text)
    if not (options.encoder and options.text and options.hidden):
        parser.error("expected --encoder, --text and --hidden, or --write-text")
    tokenizer, other = load_tokenizers(options.encoder)
    first, last = ends_of(tokenizer)
    limit = options.max_length or max_length(options.encoder)
    ours = load_file(options.hidden)
    with open(options.text, encoding="utf-8", newline="\n") as file:
        lines = [line.rstrip("\r\n") for line in file]

    different, rounded, tokens = 0, 0, 0
    for i, line in enumerate(lines):
        theirs = [first, *ids_of(tokenizer, line)[:limit - 2], last]
        found = ours[f"input_ids.{i}"].tolist() if f"input_ids.{i}" in ours else None
        tokens += len(theirs)
        if found == theirs:
            continue
        if other and found == [first, *ids_of(other, line)[:limit - 2], last]:
            rounded += 1
            continue
        different += 1
        print(f"{options.text}:{i + 1}: {line}\n  expected {theirs}\n  but found {found}", file=sys.stderr)
    extra = f"input_ids.{len(lines)}"
    if extra in ours:
        different += 1
        print(f"{options.hidden}: expected {len(lines)} lines, but found {extra}", file=sys.stderr)
    print(f"{len(lines)} lines, {tokens} tokens, {different} lines differ; {rounded} are the fast tokenizer's alone")
    sys.exit(1 if different else 0)


main()
