#!/usr/bin/env python3
"""What build/bin/adapt_encoder does, done by transformers' model in a plain training loop.

  .deps/python/bin/python benchmarks/peer/mlm_training.py --encoder xlmr --text sw.txt --full-length --steps 20 --threads 2

The same work: masked LM with all weights (15 % of the tokens, of which 80 % become <mask>, 10 % another one), AdamW without
decay on biases and LayerNorms, gradients clipped to a norm of 1, linear warm-up over a twentieth of the steps and linear
decay, dropout as config.json says. Sequences are lines of the text, shuffled, cut at --max-length and padded to the longest
of their batch; with --full-length, --max-length tokens of lines end to end, </s> between them. Batches differ from
adapt_encoder's in what is drawn, not in kind. --freeze-embeddings and --freeze-layers as there.

--eval-batches takes what `mlm_loss --save-batches` wrote: held-out losses are then of the same masks as madx's. Prints one
JSON line: median step_seconds and tokens_per_second of all steps but the first (real tokens: padding does not count), loss
of the last ten steps, eval_loss, peak_rss_mb before evaluation.
"""
from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import time
from collections.abc import Iterator

import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

IGNORED = -100  # the label that transformers' losses leave out
MASKED_SHARE, MASK_SHARE, RANDOM_SHARE = 0.15, 0.8, 0.1
LONGEST_NORM = 1.0


def sequences(options: argparse.Namespace, tokenizer: PreTrainedTokenizerBase) -> Iterator[list[int]]:
    """Token ids, special ones included, without end: every line once an epoch, in an order drawn anew."""
    shuffle = random.Random(options.seed)
    with open(options.text, encoding="utf-8") as file:
        lines = [line for line in (line.strip() for line in file) if line]
    tokens = [ids for ids in tokenizer(lines, add_special_tokens=False)["input_ids"] if ids]
    room, begin, end = options.max_length - 2, tokenizer.cls_token_id, tokenizer.sep_token_id
    stream: list[int] = []
    while True:
        shuffle.shuffle(tokens)
        for ids in tokens:
            if not options.full_length:
                first = shuffle.randrange(len(ids) - room + 1) if len(ids) > room else 0
                yield [begin, *ids[first:first + room], end]
                continue
            stream += [*ids, end]
            while len(stream) >= room:
                yield [begin, *stream[:room], end]
                del stream[:room]


def masked_batch(lists: list[list[int]], tokenizer: PreTrainedTokenizerBase) -> tuple[dict[str, torch.Tensor], int]:
    """The model's inputs, and how many tokens they hold, padding not counted."""
    lengths = torch.tensor([len(ids) for ids in lists])
    longest = int(lengths.max())
    words = torch.tensor([ids + [tokenizer.pad_token_id] * (longest - len(ids)) for ids in lists])
    special = torch.isin(words, torch.tensor(tokenizer.all_special_ids))
    chosen = (torch.rand(words.shape) < MASKED_SHARE) & ~special
    fate = torch.rand(words.shape)
    inputs = words.masked_fill(chosen & (fate < MASK_SHARE), tokenizer.mask_token_id)
    other = chosen & (fate >= MASK_SHARE) & (fate < MASK_SHARE + RANDOM_SHARE)
    inputs = torch.where(other, torch.randint(len(tokenizer), words.shape), inputs)
    return {"input_ids": inputs, "attention_mask": (torch.arange(longest) < lengths[:, None]).long(),
            "labels": words.masked_fill(~chosen, IGNORED)}, int(lengths.sum())


def freeze(model: PreTrainedModel, options: argparse.Namespace) -> None:
    base = model.base_model
    if options.freeze_embeddings:
        base.embeddings.requires_grad_(False)
    for layer in base.encoder.layer[:options.freeze_layers]:
        layer.requires_grad_(False)


def make_optimizer(model: PreTrainedModel, options: argparse.Namespace) -> torch.optim.Optimizer:
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [{"params": [weight for weight in learning if weight.dim() > 1], "weight_decay": options.weight_decay},
              {"params": [weight for weight in learning if weight.dim() == 1], "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=options.lr, fused=options.fused)


def learning_rate(step: int, steps: int) -> float:
    """The share of the highest one at a step, counted from 0."""
    warmup = steps // 20
    return (step + 1) / warmup if step < warmup else (steps - step) / max(1, steps - warmup)


def train(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase,
          options: argparse.Namespace) -> tuple[list[float], list[int], list[float]]:
    """Seconds, tokens and loss of each step."""
    optimizer = make_optimizer(model, options)
    source = sequences(options, tokenizer)
    seconds, tokens, losses = [], [], []
    model.train()
    for step in range(options.steps):
        start, read, loss_of_step = time.perf_counter(), 0, 0.0
        for group in optimizer.param_groups:
            group["lr"] = options.lr * learning_rate(step, options.steps)
        for _ in range(options.gradient_accumulation):
            inputs, size = masked_batch([next(source) for _ in range(options.batch_size)], tokenizer)
            loss = model(**inputs).loss / options.gradient_accumulation
            loss.backward()
            loss_of_step += loss.item()
            read += size
        torch.nn.utils.clip_grad_norm_(model.parameters(), LONGEST_NORM)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - start)
        tokens.append(read)
        losses.append(loss_of_step)
    return seconds, tokens, losses


@torch.no_grad()
def held_out_loss(model: PreTrainedModel, path: str) -> float:
    """Mean over the masked tokens of a file of mlm_loss."""
    batches = load_file(path)
    total, masked, index = 0.0, 0, 0
    model.eval()
    while f"input_ids.{index}" in batches:
        ids, offsets, places, targets = (batches[f"{name}.{index}"] for name in ("input_ids", "offsets", "places", "targets"))
        for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist()):
            inside = (places >= begin) & (places < end)
            if inside.any():
                logits = model(input_ids=ids[None, begin:end]).logits[0, places[inside] - begin]
                total += torch.nn.functional.cross_entropy(logits, targets[inside], reduction="sum").item()
                masked += int(inside.sum())
        index += 1
    return total / masked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", required=True, metavar="DIR", help="a Hugging Face directory with a masked-LM head")
    parser.add_argument("--text", required=True, metavar="FILE")
    parser.add_argument("--eval-batches", metavar="FILE")
    parser.add_argument("--output", metavar="DIR", help="save the model there")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--gradient-accumulation", type=int, default=1)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--full-length", action="store_true")
    parser.add_argument("--lr", type=float, default=5e-5)
    parser.add_argument("--weight-decay", type=float, default=0.0)
    parser.add_argument("--freeze-embeddings", action="store_true")
    parser.add_argument("--freeze-layers", type=int, default=0, metavar="N")
    parser.add_argument("--gradient-checkpointing", action="store_true")
    parser.add_argument("--fused", action="store_true", help="AdamW in PyTorch's fused form (default: its own choice)")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    options.fused = options.fused or None
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    tokenizer = AutoTokenizer.from_pretrained(options.encoder)
    model = AutoModelForMaskedLM.from_pretrained(options.encoder, dtype=torch.float32)
    freeze(model, options)
    if options.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    seconds, tokens, losses = train(model, tokenizer, options)
    timed = seconds[1:] or seconds
    line = {"what": "mlm-full-model", "steps": options.steps, "batch": options.batch_size, "length": options.max_length,
            "step_seconds": statistics.median_high(timed),
            "tokens_per_second": sum(tokens[-len(timed):]) / sum(timed),
            "loss": statistics.fmean(losses[-10:]),
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    if options.eval_batches:
        line["eval_loss"] = held_out_loss(model, options.eval_batches)
    if options.output:
        model.save_pretrained(options.output)
        tokenizer.save_pretrained(options.output)
    print(json.dumps(line))


if __name__ == "__main__":
    main()
