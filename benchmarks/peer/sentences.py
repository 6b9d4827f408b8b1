"""The lengths of the benchmark's sentences, alike for every program."""
from __future__ import annotations

import torch


def sentence_lengths(batch: int, random: torch.Generator) -> torch.Tensor:
    """Sub-words of each sentence of a batch: a median of about 27. `random` starts from seed 1 in every program."""
    return (torch.randn(batch, generator=random) * 0.5 + 3.3).exp().long().clamp(5, 128)
