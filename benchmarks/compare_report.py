"""What benchmarks/compare prints and writes: medians, Markdown tables, an SVG chart."""
from __future__ import annotations

import os
import pathlib
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from html import escape
from statistics import median

ADAPTER_COST_TARGET = 0.12  # of inference with a stack, over the bare encoder

# The chart, in pixels: two panels of bars beside each other, the rows' titles left of the first.
LEFT, PANEL, BETWEEN, MARGIN = 300, 320, 50, 30
WIDTH = LEFT + 2 * PANEL + BETWEEN + MARGIN
TOP, BAR, STEP = 108, 20, 44
INK, GREY, GRID = "#1f2328", "#57606a", "#e4e8ec"
SPEED, MEMORY, TARGET = "#1f6feb", "#8250df", "#cf222e"


@dataclass(frozen=True)
class Row:
    """A line of the tables, with the targets it is held to: speed at least, memory at most, GEMM share at least."""

    name: str
    title: str
    speed_target: float | None = None
    memory_target: float | None = None
    gemm_target: float | None = None


@dataclass(frozen=True)
class Measured:
    """The GEMM rate of each round, every measurement with its row, round and side, and our adapters' cost."""

    gemm: list[float] = field(default_factory=list)
    measurements: list[dict] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)


def spread(values: Iterable[float]) -> dict[str, float]:
    values = list(values)
    return {"median": median(values), "min": min(values), "max": max(values)}


def summarise(rows: list[Row], measured: Measured, flops: dict[str, float]) -> dict:
    """Medians over rounds of each row; ratios are ours / peer within a round."""

    def values(name: str, side: str, key: str) -> list[float]:
        return [m[key] for m in measured.measurements if m["row"] == name and m["side"] == side]

    summaries = []
    for row in rows:
        summary: dict = asdict(row)
        for key, ratio in (("tokens_per_second", "speed_ratio"), ("peak_rss_mb", "memory_ratio")):
            ours, peer = values(row.name, "ours", key), values(row.name, "peer", key)
            summary[key] = {"ours": median(ours), "peer": median(peer)}
            summary[ratio] = spread(a / b for a, b in zip(ours, peer, strict=True))
        rates = [flops[row.name] * speed / 1e9 for speed in values(row.name, "ours", "tokens_per_second")]
        summary["flops_per_token"] = flops[row.name]
        summary["gflops"] = median(rates)
        summary["gemm_share"] = spread(rate / limit for rate, limit in zip(rates, measured.gemm, strict=True))
        summaries.append(summary)

    cost = {}
    if {"ner-infer", "ner-infer-bare"} <= {row.name for row in rows}:
        for side in ("ours", "peer"):
            stack, bare = (values(name, side, "tokens_per_second") for name in ("ner-infer", "ner-infer-bare"))
            cost[side] = spread(b / s - 1 for s, b in zip(stack, bare, strict=True))
        cost["in_turn"] = spread(measured.cost)
    return {"rows": summaries, "adapter_cost": cost}


def range_of(values: dict[str, float], form: str) -> str:
    return f"{values['median']:{form}} ({values['min']:{form}}..{values['max']:{form}})"


def verdict(is_met: bool) -> str:
    return "met" if is_met else "**not met**"


def at_least(value: float, target: float | None, form: str) -> str:
    return "" if target is None else f">= {target:{form}}: {verdict(value >= target)}"


def at_most(value: float, target: float | None, form: str) -> str:
    return "" if target is None else f"<= {target:{form}}: {verdict(value <= target)}"


def markdown(header: list[str], lines: list[list[str]]) -> str:
    """A table whose first column is text and whose others are figures."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *lines])


def tables(result: dict) -> str:
    speed, memory, limit = [], [], []
    for row in result["rows"]:
        tokens, peak = row["tokens_per_second"], row["peak_rss_mb"]
        speed.append([row["title"], f"{tokens['ours']:.0f}", f"{tokens['peer']:.1f}",
                      range_of(row["speed_ratio"], ".2f"),
                      at_least(row["speed_ratio"]["median"], row["speed_target"], ".1f")])
        memory.append([row["title"], f"{peak['ours']:.0f}", f"{peak['peer']:.0f}",
                       range_of(row["memory_ratio"], ".2f"),
                       at_most(row["memory_ratio"]["median"], row["memory_target"], ".2f")])
        limit.append([row["title"], f"{row['flops_per_token'] / 1e6:.0f}", f"{row['gflops']:.0f}",
                      range_of(row["gemm_share"], ".0%"),
                      at_least(row["gemm_share"]["median"], row["gemm_target"], ".0%")])
    about, peer = result["machine"], result["machine"]["peer"]
    parts = [
        f"{about['cpu']}, {about['cores']} cores, {about['threads']} threads, {about['dtype']}; madx {about['madx']} against "
        f"adapters {peer['adapters']} (torch {peer['torch']}); medians (lowest..highest), rounds: {result['rounds']}.",
        markdown(["tokens a second", "madx", "Python adapters", "ratio", "target"], speed),
        markdown(["peak memory, MB", "madx", "Python adapters", "ratio", "target"], memory),
        markdown([f"madx against GEMM's {median(result['gemm']):.0f} GFLOP/s", "MFLOP a token", "GFLOP/s", "share",
                  "target"], limit),
    ]
    cost = result["adapter_cost"]
    if cost:
        parts.append(f"Adapters' cost in inference, time a token over the bare encoder: madx "
                     f"{range_of(cost['in_turn'], '.1%')} with both in turn in one process; target "
                     f"{at_most(cost['in_turn']['median'], ADAPTER_COST_TARGET, '.0%')}. Between the processes of the "
                     f"table: madx {range_of(cost['ours'], '.1%')}, Python adapters {range_of(cost['peer'], '.1%')}.")
    return "\n\n".join(parts)


def text(x: float, y: float, content: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def tick_step(highest: float) -> float:
    """The smallest round step that gives at most six ticks."""
    return next(step for scale in (0.01, 0.1, 1, 10, 100, 1000) for step in (scale, 2 * scale, 5 * scale)
                if highest / step <= 6)


def panel(rows: list[dict], ratio: str, target: str, left: float, colour: str, label: str) -> list[str]:
    """Horizontal bars of one ratio: median as bar, lowest to highest as whisker, target as mark."""
    highest = 1.15 * max(max(row[ratio]["max"], row[target] or 0, 1) for row in rows)
    bottom = TOP + STEP * len(rows)
    to_x = lambda value: left + PANEL * value / highest
    step = tick_step(highest)
    parts = []
    for i in range(int(highest / step) + 1):
        x = to_x(i * step)
        parts.append(line(x, TOP - 6, x, bottom, f'stroke="{GRID if i else GREY}"'))
        parts.append(text(x, bottom + 18, f"{i * step:g}", f'text-anchor="middle" fill="{GREY}"'))
    parts.append(line(to_x(1), TOP - 6, to_x(1), bottom, f'stroke="{GREY}" stroke-dasharray="3 3"'))
    parts.append(text(left + PANEL / 2, bottom + 42, label, f'text-anchor="middle" fill="{INK}"'))
    for i, row in enumerate(rows):
        y, values = TOP + STEP * i + (STEP - BAR) / 2, row[ratio]
        end, middle = to_x(values["median"]), y + BAR / 2
        parts.append(f'<rect x="{left:.1f}" y="{y:.1f}" width="{end - left:.1f}" height="{BAR}" fill="{colour}"/>')
        parts.append(line(to_x(values["min"]), middle, to_x(values["max"]), middle,
                          f'stroke="{INK}" stroke-width="2"'))
        parts.append(text(left + 6, middle + 4, f"{values['median']:.2f}",  # its outline is read where a bar is short
                          f'fill="#ffffff" font-weight="600" stroke="{colour}" stroke-width="3" paint-order="stroke"'))
        if row[target] is not None:
            x = to_x(row[target])
            parts.append(line(x, y - 5, x, y + BAR + 5, f'stroke="{TARGET}" stroke-width="3"'))
            parts.append(text(x, y - 8, f"{row[target]:g}", f'text-anchor="middle" font-size="11" fill="{TARGET}"'))
    return parts


def legend() -> list[str]:
    entries = [("median", f'stroke="{SPEED}" stroke-width="10"'),
               ("lowest to highest", f'stroke="{INK}" stroke-width="2"'),
               ("target", f'stroke="{TARGET}" stroke-width="3"'),
               ("1: as Python adapters", f'stroke="{GREY}" stroke-dasharray="3 3"')]
    parts, x = [], 24.0
    for name, style in entries:
        parts += [line(x, 72, x + 22, 72, style), text(x + 28, 76, name, f'fill="{GREY}"')]
        x += 52 + 7 * len(name)
    return parts


def chart(result: dict) -> str:
    """Speed and memory against the peer, as an SVG file."""
    rows, about = result["rows"], result["machine"]
    height = TOP + STEP * len(rows) + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12" role="img">',
        "<title>madx against Python adapters</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        text(24, 30, "madx against Python adapters", f'font-size="17" font-weight="600" fill="{INK}"'),
        text(24, 50, f"{about['cpu']}, {about['threads']} threads, {about['dtype']}; the same work on both sides",
             f'fill="{GREY}"'),
        *legend(),
    ]
    for i, row in enumerate(rows):
        parts.append(text(LEFT - 10, TOP + STEP * (i + 0.5) + 4, row["title"], f'text-anchor="end" fill="{INK}"'))
    parts += panel(rows, "speed_ratio", "speed_target", LEFT, SPEED,
                   "tokens a second, madx / Python adapters (more is better)")
    parts += panel(rows, "memory_ratio", "memory_target", LEFT + PANEL + BETWEEN, MEMORY,
                   "peak memory, madx / Python adapters (less is better)")
    return "\n".join(parts) + "\n</svg>\n"


def write_whole(path: pathlib.Path, content: str) -> None:
    """Writes a file that is whole or not there at all; one that was there is replaced."""
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise
