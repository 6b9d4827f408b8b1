#!/usr/bin/env python3
"""What a training step costs on several ranks: the model of docs/scaling.md, in numbers.

  benchmarks/scaling.py --hidden 768 --layers 12 --vocabulary 250002 --tokens 1024 --flops 2e12 --bandwidth 1.25e9

Prints a line for each number of ranks: bytes that a rank sends a step, FLOPs that it computes, FLOPs for each byte, seconds of both,
and the share of the time that is computation. `--tokens` are those of one rank; with --global they are the whole batch's.
"""
import argparse

MASKED = 0.15  # of the tokens
BYTES = 4  # float32


def trained(kind, hidden, layers, vocabulary, reduction):
    """Numbers that learn, and are summed over the ranks."""
    if kind == "full":  # weights, biases, LayerNorms; embeddings of words, positions, types; the head
        layer = 12 * hidden**2 + 13 * hidden
        return layers * layer + (vocabulary + 514 + 1 + 2) * hidden + hidden**2 + 3 * hidden + vocabulary
    bottleneck = int(hidden / reduction)
    adapters = layers * (2 * hidden * bottleneck + bottleneck + hidden)
    if kind == "task":
        return adapters + 8 * hidden
    half, inner = hidden // 2, int(hidden // 2 / reduction)  # the invertible adapter: two maps of one half to the other
    return adapters + 2 * (2 * half * inner + inner + half)


def flops(kind, hidden, layers, vocabulary, reduction, length):
    """Of one token, forward and backward; a product of matrices has two a weight and token."""
    frozen, attention = 2 * 24 * hidden**2, 12 * length * hidden  # a layer: forward, and backward by its input
    if kind == "full":
        return layers * (1.5 * frozen + attention) + MASKED * 6 * hidden * vocabulary
    adapter = 6 * 2 * hidden * int(hidden / reduction)
    head = 0 if kind == "task" else MASKED * 4 * hidden * (vocabulary + hidden)
    return layers * (frozen + attention + adapter) + head


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", choices=["language", "task", "full"], default="language")
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--vocabulary", type=int, default=250002)
    parser.add_argument("--reduction", type=float, help="default: 2 for a language, 16 for a task")
    parser.add_argument("--length", type=int, default=128, help="tokens of a sequence")
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--global", dest="whole", action="store_true", help="--tokens are the whole batch's")
    parser.add_argument("--flops", type=float, default=1e12, help="FLOPs a second that a rank does")
    parser.add_argument("--bandwidth", type=float, default=1.25e9, help="bytes a second that a rank sends")
    parser.add_argument("--latency", type=float, default=5e-5, help="seconds of a message")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    flags = parser.parse_args()
    reduction = flags.reduction or (16 if flags.what == "task" else 2)
    shape = flags.what, flags.hidden, flags.layers, flags.vocabulary, reduction
    numbers = trained(*shape)
    print(f"{numbers:,} numbers learn, {BYTES * numbers / 1e6:.1f} MB; {flops(*shape, flags.length) / 1e9:.2f} GFLOP a token")
    print("| ranks | tokens per rank | MB sent | GFLOP | FLOP/byte | s computing | s sending | share computing |\n|---|---|---|---|---|---|---|---|")
    for ranks in flags.ranks:
        tokens = flags.tokens / ranks if flags.whole else flags.tokens
        sent = 2 * (ranks - 1) / ranks * BYTES * numbers  # a ring: each piece goes round twice, less one hop
        work = tokens * flops(*shape, flags.length)
        computing = work / flags.flops
        sending = sent / flags.bandwidth + (2 * (ranks - 1) * flags.latency if ranks > 1 else 0)
        ratio = f"{work / sent:,.0f}" if sent else "-"
        print(f"| {ranks} | {tokens:,.0f} | {sent / 1e6:.1f} | {work / 1e9:,.0f} | {ratio} | {computing:.3f} | {sending:.3f} | "
              f"{100 * computing / (computing + sending):.0f} % |")


if __name__ == "__main__":
    main()
