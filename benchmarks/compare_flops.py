"""How many floating-point operations a token costs, as madx computes it."""
from __future__ import annotations

import math
import statistics

LAYERS = 12
HIDDEN = {"base": 768, "small": 384}
VOCABULARY = 250002
LABELS = 7
MASKED_SHARE = 0.15


def linear(inputs: float, outputs: float) -> float:
    """One pass of a linear layer over a row; its input gradient and its weight gradient cost the same again."""
    return 2 * inputs * outputs


def bottleneck(hidden: int, factor: int) -> float:
    """One pass of an adapter over a row: down and up."""
    return 2 * linear(hidden, hidden / factor)


def mean_keys(what: str, length: int) -> float:
    """Rows that a row attends to: its own sequence. For the benchmark's sentences, by their distribution."""
    if what == "mlm":
        return length
    quantiles = ((i + 0.5) / 10000 for i in range(10000))
    normal = statistics.NormalDist(3.3, 0.5)
    lengths = [min(max(int(math.exp(normal.inv_cdf(q))), 5), 128) for q in quantiles]
    return sum(length * length for length in lengths) / sum(lengths)


def flops_per_token(what: str, size: str, length: int) -> float:
    """Operations that one token of a step needs, a multiplication with its addition counted as two.

    Counted are matrix products: linear layers, attention, adapters, the head. Forward is one pass; backward is one
    pass for the input gradient where something below learns, and one for the weight gradient of what learns.
    In masked LM all layers lie above the invertible adapter, which learns; the last layer has queries, output,
    feed-forward and adapter only for masked rows, and so has the head. In training a task adapter nothing is
    computed backward below its adapter in layer 0. Not counted: LayerNorm, softmax, gelu, dropout, the optimizer,
    and what is computed a second time in the backward pass to save memory.
    """
    hidden = HIDDEN[size]
    keys_values = linear(hidden, 2 * hidden)
    queries_to_output = 2 * linear(hidden, hidden) + 2 * linear(hidden, 4 * hidden)
    attention = 2 * linear(hidden, mean_keys(what, length))  # scores, and their product with the values
    language, task = bottleneck(hidden, 2), bottleneck(hidden, 16)
    invertible = 2 * bottleneck(hidden // 2, 2)  # F and G

    if what == "mlm":
        row = 2 * queries_to_output + 3 * attention + 3 * language  # forward and backward
        # The output embedding is frozen; the inverse of the invertible adapter learns.
        head = 2 * linear(hidden, hidden) + 3 * invertible + 2 * linear(hidden, VOCABULARY)
        rows = LAYERS - 1 + MASKED_SHARE
        # Of the invertible adapter's input no gradient is needed: F's first layer saves that pass.
        embeddings = 3 * invertible - invertible / 4
        return embeddings + LAYERS * 2 * keys_values + rows * row + MASKED_SHARE * head

    layer = keys_values + queries_to_output + attention
    head = linear(hidden, LABELS)
    if what == "ner-infer-bare":
        return LAYERS * layer + head
    forward = invertible + LAYERS * (layer + language + task) + head
    if what == "ner-infer":
        return forward
    # In layer 0: the task adapter's weight gradients, and the gradient of its bottleneck.
    lowest = task + task / 2
    backward = keys_values + queries_to_output + 2 * attention + language + 2 * task
    return forward + lowest + (LAYERS - 1) * backward + 2 * head
