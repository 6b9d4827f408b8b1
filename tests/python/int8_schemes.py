#!/usr/bin/env python3
"""How activations can be quantised to 8 bits, and what each way costs on a real encoder: relative error of its hidden
states, layer by layer, with weights in int8 by output. Plain PyTorch that rounds and multiplies in float32; it chose what
src/gemm/quantised_rows.h does.

  tests/python/int8_schemes.py --encoder .deps/demo_encoder --text examples/data/text/sw.dev.txt --lines 64
"""
import argparse
import copy

import torch
from transformers import XLMRobertaModel, XLMRobertaTokenizer

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("--encoder", required=True)
options.add_argument("--text", nargs="+", required=True)
options.add_argument("--lines", type=int, default=64)
given = options.parse_args()


def symmetric(x, dim=-1):
    scale = x.abs().amax(dim, keepdim=True).clamp_min(1e-12) / 127
    return (x / scale).round() * scale


def by_range(x):
    low, high = x.amin(-1, keepdim=True).clamp_max(0), x.amax(-1, keepdim=True).clamp_min(0)
    scale = ((high - low) / 255).clamp_min(1e-12)
    zero = (-low / scale).round()
    return ((x / scale + zero).round().clamp(0, 255) - zero) * scale


def in_blocks(x, size=512):
    return torch.cat([by_range(part) for part in x.split(size, -1)], -1)


class Quantised(torch.nn.Module):
    """A linear layer; columns of `exact` stay in float32, `smooth` moves the columns' sizes into the weight."""

    def __init__(self, layer, rows, exact=(), smooth=None):
        super().__init__()
        self.rows, self.bias, self.exact, self.smooth = rows, layer.bias, list(exact), smooth
        weight = layer.weight.detach().clone() * (1 if smooth is None else smooth)
        self.exact_weight = weight[:, self.exact].clone()
        weight[:, self.exact] = 0
        self.weight = symmetric(weight, 1)

    def forward(self, x):
        x = x if self.smooth is None else x / self.smooth
        y = x[..., self.exact] @ self.exact_weight.T + self.bias
        x = x.clone()
        x[..., self.exact] = 0
        return torch.nn.functional.linear(self.rows(x), self.weight) + y


def size_of(norm):
    return norm.bias.detach().abs() + 3 * norm.weight.detach().abs()


def large_columns(norm):
    size = size_of(norm)
    best = size.topk(len(size) // 32)
    return sorted(best.indices[best.values > 2 * size.median()].tolist())


def quantised(model, rows, inner=None, keep_large=False, smooth=0.0):
    model = copy.deepcopy(model)
    before = model.embeddings.LayerNorm
    for layer in model.encoder.layer:
        attention, middle = layer.attention.self, layer.attention.output.LayerNorm

        def replace(owner, name, norm=None, layers=(), rows=rows):
            factor = None
            if smooth and norm is not None:
                most = torch.stack([one.weight.detach().abs().amax(0) for one in layers]).amax(0)
                factor = size_of(norm) ** smooth / most ** (1 - smooth)
            exact = large_columns(norm) if keep_large and norm is not None else ()
            setattr(owner, name, Quantised(getattr(owner, name), rows, exact, factor))

        projections = [attention.query, attention.key, attention.value]
        for name in ("query", "key", "value"):
            replace(attention, name, before, projections)
        replace(layer.attention.output, "dense")
        replace(layer.intermediate, "dense", middle, [layer.intermediate.dense])
        replace(layer.output, "dense", rows=inner or rows)
        before = layer.output.LayerNorm
    return model


model = XLMRobertaModel.from_pretrained(given.encoder, add_pooling_layer=False).eval()
tokenizer = XLMRobertaTokenizer.from_pretrained(given.encoder)
lines = [line for path in given.text for line in open(path, encoding="utf-8").read().split("\n")[:given.lines] if line]
batch = tokenizer(lines, return_tensors="pt", padding=True, truncation=True, max_length=128)
real = batch["attention_mask"].bool()
schemes = {
    "symmetric rows": dict(rows=symmetric),
    "symmetric rows, smoothed by 0.5": dict(rows=symmetric, smooth=0.5),
    "symmetric rows, smoothed by 0.85": dict(rows=symmetric, smooth=0.85),
    "rows by range": dict(rows=by_range),
    "rows by range, inner units by 512": dict(rows=by_range, inner=in_blocks),
    "the same, large columns in float32": dict(rows=by_range, inner=in_blocks, keep_large=True),
    "weights alone": dict(rows=lambda x: x),
}
with torch.no_grad():
    exact = model(**batch, output_hidden_states=True).hidden_states[1:]
    print("| rows | " + " | ".join(str(i + 1) for i in range(len(exact))) + " |")
    print("| --- |" + " ---: |" * len(exact))
    for name, scheme in schemes.items():
        ours = quantised(model, **scheme)(**batch, output_hidden_states=True).hidden_states[1:]
        errors = [((a - b)[real].norm() / b[real].norm()).item() for a, b in zip(ours, exact)]
        print(f"| {name} | " + " | ".join(f"{error:.4f}" for error in errors) + " |")
