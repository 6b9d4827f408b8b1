#!/usr/bin/env python3
"""What build/bin/step_bench measures, done by Python `adapters` 1.3.0: one kind of step on random weights, timed.

  .deps/python/bin/python benchmarks/peer/step.py --what mlm --size base --batch 8 --length 128 --steps 2 --threads 2

mlm: a training step of a language adapter with its invertible adapter, every row `length` long.
ner-train, ner-infer: a language adapter under a task adapter, sentences of realistic lengths (median about 27
sub-words) padded to the longest of their batch; ner-infer-bare: the encoder alone. Tokens are real ones, no padding.
With --dtype bfloat16, forward runs under torch.autocast. Prints one JSON line with step_bench's keys. The first step
does not count.
"""
from __future__ import annotations

import argparse
import json
import resource
import statistics
import time

import adapters
import torch
from adapters import SeqBnConfig, SeqBnInvConfig
from adapters.composition import Stack
from sentences import sentence_lengths
from transformers import PreTrainedModel, XLMRobertaConfig, XLMRobertaForMaskedLM, XLMRobertaForTokenClassification

VOCABULARY, FIRST_WORD, PADDING, MASK = 250002, 5, 1, 250001
LABELS = 7
IGNORED = -100  # the label that Hugging Face's losses leave out
MASKED_SHARE = 0.15
HIDDEN = {"base": 768, "small": 384}
WHATS = ["mlm", "ner-train", "ner-infer", "ner-infer-bare"]


def encoder_config(size: str) -> XLMRobertaConfig:
    hidden = HIDDEN[size]
    return XLMRobertaConfig(
        vocab_size=VOCABULARY, hidden_size=hidden, intermediate_size=4 * hidden, num_hidden_layers=12,
        num_attention_heads=12, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5,
        pad_token_id=PADDING, bos_token_id=0, eos_token_id=2, num_labels=LABELS)


def make_model(what: str, size: str) -> PreTrainedModel:
    """The model in training or evaluation mode; what learns requires a gradient."""
    kind = XLMRobertaForMaskedLM if what == "mlm" else XLMRobertaForTokenClassification
    model = kind(encoder_config(size))
    if what != "ner-infer-bare":
        adapters.init(model)
        model.add_adapter("la", config=SeqBnInvConfig(reduction_factor=2, inv_adapter_reduction_factor=2))
    if what == "mlm":
        model.train_adapter("la")
        model.lm_head.requires_grad_(False)
    elif what != "ner-infer-bare":
        model.add_adapter("ta", config=SeqBnConfig(reduction_factor=16))
        model.train_adapter("ta")
        model.active_adapters = Stack("la", "ta")
    return model.train(what in ("mlm", "ner-train"))


def random_words(batch: int, length: int) -> torch.Tensor:
    return torch.randint(FIRST_WORD, VOCABULARY - 2, (batch, length))


def mlm_batch(batch: int, length: int) -> tuple[dict[str, torch.Tensor], int]:
    """The model's inputs, and how many tokens they hold."""
    words = random_words(batch, length)
    masked = torch.rand(batch, length) < MASKED_SHARE
    inputs = {
        "input_ids": words.masked_fill(masked, MASK),
        "attention_mask": torch.ones_like(words),
        "labels": words.masked_fill(~masked, IGNORED),
    }
    return inputs, words.numel()


def ner_batch(batch: int, lengths_random: torch.Generator) -> tuple[dict[str, torch.Tensor], int]:
    """The model's inputs, and how many tokens they hold, padding not counted."""
    lengths = sentence_lengths(batch, lengths_random)
    longest = int(lengths.max())
    padding = torch.arange(longest) >= lengths[:, None]  # (batch, longest)
    inputs = {
        "input_ids": random_words(batch, longest).masked_fill(padding, PADDING),
        "attention_mask": (~padding).long(),
        "labels": torch.randint(LABELS, (batch, longest)).masked_fill(padding, IGNORED),
    }
    return inputs, int(lengths.sum())


def train_step(model: PreTrainedModel, optimizer: torch.optim.Optimizer, inputs: dict[str, torch.Tensor],
               autocast: torch.autocast) -> None:
    with autocast:
        loss = model(**inputs).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


@torch.no_grad()
def infer_step(model: PreTrainedModel, inputs: dict[str, torch.Tensor], autocast: torch.autocast) -> None:
    with autocast:
        model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])


def measure(options: argparse.Namespace) -> tuple[list[float], int]:
    """Seconds of each timed step, and the tokens of all of them."""
    model = make_model(options.what, options.size)
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=1e-4)
    lengths_random = torch.Generator().manual_seed(1)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=options.dtype == "bfloat16")
    seconds, tokens = [], 0
    for step in range(options.steps + 1):
        if options.what == "mlm":
            inputs, size = mlm_batch(options.batch, options.length)
        else:
            inputs, size = ner_batch(options.batch, lengths_random)
        start = time.perf_counter()
        if model.training:
            train_step(model, optimizer, inputs, autocast)
        else:
            infer_step(model, inputs, autocast)
        if step > 0:  # the first one warms up
            seconds.append(time.perf_counter() - start)
            tokens += size
    return seconds, tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", choices=WHATS, default="mlm")
    parser.add_argument("--size", choices=list(HIDDEN), default="base", help="base: 768 x 12; small: 384 x 12")
    parser.add_argument("--batch", type=int, default=8, help="sequences a step")
    parser.add_argument("--length", type=int, default=128, help="tokens a sequence; mlm alone")
    parser.add_argument("--steps", type=int, default=5, help="timed steps, after one that is not")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    seconds, tokens = measure(options)

    line = {"what": options.what, "size": options.size, "batch": options.batch}
    if options.dtype != "float32":
        line["dtype"] = options.dtype
    if options.what == "mlm":
        median = statistics.median_high(seconds)
        line |= {"length": options.length, "step_seconds": median,
                 "tokens_per_second": options.batch * options.length / median}
    else:
        line["tokens_per_second"] = tokens / sum(seconds)
    line["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(line))


if __name__ == "__main__":
    main()
