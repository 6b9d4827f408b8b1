#!/usr/bin/env python3
"""What build/bin/zero_shot_ner does when it trains a task adapter, done by Python `adapters`.

  .deps/python/bin/python benchmarks/peer/ner_training.py --encoder ENC --train en.conll --test en=en.test.conll sw=sw.test.conll \\
      --epochs 2 --lr 1e-3 --seed 1 --threads 2
  build/bin/zero_shot_ner --encoder ENC --setup no-lang --source en --train en.conll --test en=en.test.conll --test sw=sw.test.conll \\
      --epochs 2 --lr 1e-3 --seed 1 --threads 2 --output ner

The same work: a bottleneck adapter (seq_bn) of --reduction-factor and a linear layer over the hidden state of each word's
first sub-word, cross entropy over the words of a batch, AdamW without decay, gradients clipped to a norm of 1, linear warm-up
over a twentieth of the steps and linear decay, dropout as config.json says and 0.1 before the linear layer. With --language
the adapters stand on a language adapter, as with --setup madx --language en=DIR, and those of --test on each language's own.
Sentences are drawn in another order. Words whose sub-words go beyond --max-length are left out of training and count as O.
Prints one JSON line: F1 of seqeval by language in percent, seconds of training, tokens_per_second, peak_rss_mb of training.
"""
from __future__ import annotations

import argparse
import json
import random
import resource
import time

import torch
from adapters import AutoAdapterModel, SeqBnConfig, Stack
from seqeval.metrics import f1_score
from transformers import AutoTokenizer

IGNORED = -100  # the label that losses leave out
LONGEST_NORM = 1.0


def sentences(path: str) -> list[tuple[list[str], list[str]]]:
    """Tokens and tags of a CoNLL file: a token and its tag a line, separated by a tab; an empty line between sentences."""
    found, tokens, tags = [], [], []
    with open(path, encoding="utf-8") as file:
        for line in [*file, "\n"]:
            if line.strip():
                columns = line.split()
                tokens.append(columns[0])
                tags.append(columns[-1])
            elif tokens:
                found.append((tokens, tags))
                tokens, tags = [], []
    return found


def encode(words: list[str], tokenizer, longest: int) -> tuple[list[int], list[int | None]]:
    """Token ids with the special ones around them, and each word's first place among them."""
    ids, places = [tokenizer.cls_token_id], []
    for word in words:
        pieces = tokenizer(word, add_special_tokens=False)["input_ids"] or [tokenizer.unk_token_id]
        fits = len(ids) + len(pieces) < longest
        places.append(len(ids) if fits else None)
        ids += pieces if fits else []
    return [*ids, tokenizer.sep_token_id], places


def batches(encoded: list, order: list[int], size: int, padding: int):
    """Chosen indices, ids, attention mask."""
    for begin in range(0, len(order), size):
        chosen = order[begin:begin + size]
        lengths = torch.tensor([len(encoded[i][0]) for i in chosen])
        longest = int(lengths.max())
        ids = torch.tensor([encoded[i][0] + [padding] * (longest - len(encoded[i][0])) for i in chosen])
        yield chosen, ids, (torch.arange(longest) < lengths[:, None]).long()


def learning_rate(step: int, steps: int) -> float:
    """The share of the highest one at a step, counted from 0."""
    warmup = steps // 20
    return (step + 1) / warmup if step < warmup else (steps - step) / max(1, steps - warmup)


def train(model, data: list, encoded: list, tags: list[str], options: argparse.Namespace, padding: int) -> tuple[float, int]:
    """Seconds and tokens."""
    label = {tag: index for index, tag in enumerate(tags)}
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=options.lr, weight_decay=0.0)
    shuffle = random.Random(options.seed)
    steps = options.epochs * -(-len(data) // options.batch_size)
    step, tokens, start = 0, 0, time.perf_counter()
    model.train()
    for _ in range(options.epochs):
        order = list(range(len(data)))
        shuffle.shuffle(order)
        for chosen, ids, attention in batches(encoded, order, options.batch_size, padding):
            targets = torch.full(ids.shape, IGNORED)
            for row, index in enumerate(chosen):
                for place, tag in zip(encoded[index][1], data[index][1]):
                    if place is not None:
                        targets[row, place] = label[tag]
            for group in optimizer.param_groups:
                group["lr"] = options.lr * learning_rate(step, steps)
            logits = model(input_ids=ids, attention_mask=attention).logits
            torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED).backward()
            torch.nn.utils.clip_grad_norm_(learning, LONGEST_NORM)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            tokens += int(attention.sum())
    return time.perf_counter() - start, tokens


@torch.no_grad()
def score(model, data: list, encoded: list, tags: list[str], options: argparse.Namespace, padding: int) -> float:
    """seqeval's F1 in percent."""
    model.eval()
    predicted: list[list[str]] = [[] for _ in data]
    order = sorted(range(len(data)), key=lambda index: len(encoded[index][0]))
    for chosen, ids, attention in batches(encoded, order, options.batch_size, padding):
        best = model(input_ids=ids, attention_mask=attention).logits.argmax(-1)
        for row, index in enumerate(chosen):
            predicted[index] = ["O" if place is None else tags[best[row, place]] for place in encoded[index][1]]
    return 100 * f1_score([gold for _, gold in data], predicted)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", required=True, metavar="DIR", help="a Hugging Face directory")
    parser.add_argument("--source", default="en")
    parser.add_argument("--train", required=True, metavar="FILE")
    parser.add_argument("--test", required=True, nargs="+", metavar="LANGUAGE=FILE")
    parser.add_argument("--language", nargs="+", default=[], metavar="LANGUAGE=DIR")
    parser.add_argument("--reduction-factor", type=float, default=16)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    tokenizer = AutoTokenizer.from_pretrained(options.encoder)
    data = sentences(options.train)
    tags = sorted({tag for _, of_sentence in data for tag in of_sentence})

    model = AutoAdapterModel.from_pretrained(options.encoder)
    languages = dict(pair.split("=", 1) for pair in options.language)
    names = {language: model.load_adapter(directory, load_as=language) for language, directory in languages.items()}
    model.add_adapter("ner", config=SeqBnConfig(reduction_factor=options.reduction_factor))
    model.add_tagging_head("ner", num_labels=len(tags), layers=1)
    model.train_adapter("ner")

    def stand_on(language: str) -> None:
        model.set_active_adapters(Stack(names[language], "ner") if language in names else "ner")
        model.active_head = "ner"

    stand_on(options.source)
    encoded = [encode(words, tokenizer, options.max_length) for words, _ in data]
    seconds, tokens = train(model, data, encoded, tags, options, tokenizer.pad_token_id)
    line = {"what": "ner-training", "sentences": len(data), "epochs": options.epochs, "seed": options.seed,
            "seconds": seconds, "tokens_per_second": tokens / seconds,
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "f1": {}}
    for pair in options.test:
        language, path = pair.split("=", 1)
        test = sentences(path)
        stand_on(language)
        encoded = [encode(words, tokenizer, options.max_length) for words, _ in test]
        line["f1"][language] = round(score(model, test, encoded, tags, options, tokenizer.pad_token_id), 2)
    print(json.dumps(line))


if __name__ == "__main__":
    main()
