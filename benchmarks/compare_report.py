"""What benchmarks/compare says and writes: medians over rounds, Markdown tables."""
from __future__ import annotations

import os
import pathlib
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from statistics import median

from compare_rows import STACK_AND_BARE, Row
from compare_run import Measured

ADAPTER_COST_TARGET = 0.12  # of inference with a stack, over the bare encoder


def spread(values: Iterable[float]) -> dict[str, float]:
    values = list(values)
    return {"median": median(values), "min": min(values), "max": max(values)}


def summarise(rows: list[Row], measured: Measured) -> dict:
    """Medians over rounds of each row; ratios are ours / the rival's within a round."""

    def values(row: str, run: str, key: str) -> list[float]:
        return [m[key] for m in measured.measurements if m["row"] == row and m["run"] == run]

    def beside(row: Row, rival: str) -> dict:
        summary = {}
        for key, ratio in (("tokens_per_second", "speed_ratio"), ("peak_rss_mb", "memory_ratio")):
            ours, theirs = values(row.name, row.ours.name, key), values(row.name, rival, key)
            summary[key] = median(theirs)
            summary[ratio] = spread(a / b for a, b in zip(ours, theirs, strict=True))
        return summary

    summaries, speeds = [], {}
    for row in rows:
        speeds[row.name] = values(row.name, row.ours.name, "tokens_per_second")
        summary = {
            "name": row.name, "title": row.title, "tokens_per_second": median(speeds[row.name]),
            "peak_rss_mb": median(values(row.name, row.ours.name, "peak_rss_mb")),
            "rivals": [asdict(rival) | beside(row, rival.run.name) for rival in row.rivals],
        }
        if row.flops_per_token is not None:
            rates = [row.flops_per_token * speed / 1e9 for speed in speeds[row.name]]
            summary |= {
                "flops_per_token": row.flops_per_token, "gflops": median(rates), "gemm_target": row.gemm_target,
                "gemm_share": spread(rate / limit for rate, limit in zip(rates, measured.gemm, strict=True))}
        summaries.append(summary)

    cost = {}
    if speeds.keys() >= set(STACK_AND_BARE):
        stack, bare = (next(row for row in rows if row.name == name) for name in STACK_AND_BARE)
        for side, run in (("ours", stack.ours.name), ("peer", stack.rivals[0].run.name)):
            pairs = zip(*(values(row.name, run, "tokens_per_second") for row in (stack, bare)), strict=True)
            cost[side] = spread(without / with_adapters - 1 for with_adapters, without in pairs)
        cost["in_turn"] = spread(measured.cost)
    return {"rows": summaries, "adapter_cost": cost}


def range_of(values: dict[str, float], form: str) -> str:
    return f"{values['median']:{form}} ({values['min']:{form}}..{values['max']:{form}})"


def markdown(header: list[str], lines: list[list[str]], text_columns: int = 1) -> str:
    """A table whose first columns are text and whose others are figures."""
    rule = ["---"] * text_columns + ["---:"] * (len(header) - text_columns)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *lines])


def users_table(rows: list[dict]) -> str:
    """What docs/performance.md shows: a line for every rival."""
    lines = []
    for row in rows:
        for rival in row["rivals"]:
            lines.append([
                row["title"], rival["run"]["name"], f"{row['tokens_per_second']:.0f}",
                f"{rival['tokens_per_second']:.0f}", range_of(rival["speed_ratio"], ".2f"), f"{row['peak_rss_mb']:.0f}",
                f"{rival['peak_rss_mb']:.0f}", range_of(rival["memory_ratio"], ".2f")])
    header = ["work", "compared with", "madx, tokens/s", "other, tokens/s", "ratio", "madx, peak MB", "other, peak MB",
              "ratio"]
    return markdown(header, lines, text_columns=2)


def target_lines(result: dict) -> list[list[str]]:
    """Work, beside what, the target, what was found, and whether that meets it."""
    lines = []

    def add(title: str, beside: str, what: str, sign: str, target: float | None, found: dict, form: str) -> None:
        if target is not None:
            is_met = found["median"] >= target if sign == ">=" else found["median"] <= target
            lines.append([title, beside, f"{what} {sign} {target:{form}}", range_of(found, form),
                          "met" if is_met else "**not met**"])

    for row in result["rows"]:
        for rival in row["rivals"]:
            name = rival["run"]["name"]
            add(row["title"], name, "tokens a second", ">=", rival["speed_target"], rival["speed_ratio"], ".2f")
            add(row["title"], name, "peak memory", "<=", rival["memory_target"], rival["memory_ratio"], ".2f")
        if "gemm_share" in row:
            add(row["title"], "GEMM", "rate", ">=", row["gemm_target"], row["gemm_share"], ".0%")
    if result["adapter_cost"] and result["machine"]["dtype"] == "float32":
        add("adapters' cost in inference", "the bare encoder", "time a token", "<=", ADAPTER_COST_TARGET,
            result["adapter_cost"]["in_turn"], ".1%")
    return lines


def gemm_table(result: dict) -> str:
    lines = [[row["title"], f"{row['flops_per_token'] / 1e6:.0f}", f"{row['gflops']:.0f}",
              range_of(row["gemm_share"], ".0%")] for row in result["rows"] if "gemm_share" in row]
    work = f"work (GEMM: {median(result['gemm']):.0f} GFLOP/s in {result['machine']['dtype']})"
    return markdown([work, "MFLOP per token", "GFLOP/s", "share"], lines)


def tables(result: dict) -> str:
    """The users' table, the targets, and what only the log keeps: shares of the GEMM rate, adapters' cost."""
    about = result["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in about["peer"].items())
    parts = [
        f"{about['cpu']}, {about['cores']} cores, {about['threads']} threads, float32 where a row names no other type; "
        f"madx {about['madx']} against {packages}; medians (lowest..highest), rounds: {result['rounds']}.",
        users_table(result["rows"]),
    ]
    if lines := target_lines(result):
        parts.append(markdown(["work", "compared with", "target", "found", "verdict"], lines, text_columns=3))
    if result["gemm"]:
        parts.append(gemm_table(result))
    cost = result["adapter_cost"]
    if cost:
        parts.append(f"Adapters' cost in inference, time a token over the bare encoder: madx "
                     f"{range_of(cost['in_turn'], '.1%')} with both in turn in one process. Between the processes of the "
                     f"table: madx {range_of(cost['ours'], '.1%')}, Python adapters {range_of(cost['peer'], '.1%')}.")
    return "\n\n".join(parts)


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
