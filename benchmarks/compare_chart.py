"""The chart that benchmarks/compare draws: a bar for every rival of every row."""
from __future__ import annotations

from html import escape

# In pixels: two panels of bars beside each other, what they are of left of the first.
LEFT, PANEL, BETWEEN, MARGIN = 340, 320, 50, 30
WIDTH = LEFT + 2 * PANEL + BETWEEN + MARGIN
TOP, BAR, STEP = 108, 20, 44
INK, GREY, GRID = "#1f2328", "#57606a", "#e4e8ec"
SPEED, MEMORY, TARGET = "#1f6feb", "#8250df", "#cf222e"


def text(x: float, y: float, content: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def tick_step(highest: float) -> float:
    """The smallest round step that gives at most six ticks."""
    return next(step for scale in (0.01, 0.1, 1, 10, 100, 1000) for step in (scale, 2 * scale, 5 * scale)
                if highest / step <= 6)


def panel(bars: list[dict], ratio: str, target: str, left: float, colour: str, label: str) -> list[str]:
    """Horizontal bars of one ratio: median as bar, lowest to highest as whisker, target as mark."""
    highest = 1.15 * max(max(bar[ratio]["max"], bar[target] or 0, 1) for bar in bars)
    bottom = TOP + STEP * len(bars)
    to_x = lambda value: left + PANEL * value / highest
    step = tick_step(highest)
    parts = []
    for i in range(int(highest / step) + 1):
        x = to_x(i * step)
        parts.append(line(x, TOP - 6, x, bottom, f'stroke="{GRID if i else GREY}"'))
        parts.append(text(x, bottom + 18, f"{i * step:g}", f'text-anchor="middle" fill="{GREY}"'))
    parts.append(line(to_x(1), TOP - 6, to_x(1), bottom, f'stroke="{GREY}" stroke-dasharray="3 3"'))
    parts.append(text(left + PANEL / 2, bottom + 42, label, f'text-anchor="middle" fill="{INK}"'))
    for i, bar in enumerate(bars):
        y, values = TOP + STEP * i + (STEP - BAR) / 2, bar[ratio]
        end, middle = to_x(values["median"]), y + BAR / 2
        parts.append(f'<rect x="{left:.1f}" y="{y:.1f}" width="{end - left:.1f}" height="{BAR}" fill="{colour}"/>')
        parts.append(line(to_x(values["min"]), middle, to_x(values["max"]), middle,
                          f'stroke="{INK}" stroke-width="2"'))
        parts.append(text(left + 6, middle + 4, f"{values['median']:.2f}",  # its outline is read where a bar is short
                          f'fill="#ffffff" font-weight="600" stroke="{colour}" stroke-width="3" paint-order="stroke"'))
        if bar[target] is not None:
            x = to_x(bar[target])
            parts.append(line(x, y - 5, x, y + BAR + 5, f'stroke="{TARGET}" stroke-width="3"'))
            parts.append(text(x, y - 8, f"{bar[target]:g}", f'text-anchor="middle" font-size="11" fill="{TARGET}"'))
    return parts


def legend() -> list[str]:
    entries = [("median", f'stroke="{SPEED}" stroke-width="10"'),
               ("lowest to highest", f'stroke="{INK}" stroke-width="2"'),
               ("target", f'stroke="{TARGET}" stroke-width="3"'),
               ("1: alike", f'stroke="{GREY}" stroke-dasharray="3 3"')]
    parts, x = [], 24.0
    for name, style in entries:
        parts += [line(x, 72, x + 22, 72, style), text(x + 28, 76, name, f'fill="{GREY}"')]
        x += 52 + 7 * len(name)
    return parts


def chart(result: dict) -> str:
    """Speed and memory beside every rival, as an SVG file."""
    about = result["machine"]
    bars = [{"title": row["title"]} | rival for row in result["rows"] for rival in row["rivals"]]
    height = TOP + STEP * len(bars) + 60
    title = "madx beside " + ", ".join(dict.fromkeys(bar["run"]["name"].split(",")[0] for bar in bars))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        text(24, 30, "madx beside others", f'font-size="17" font-weight="600" fill="{INK}"'),
        text(24, 50, f"{about['cpu']}, {about['threads']} threads, float32 where a row names no other type; the "
             "same sentences everywhere, engines without adapters", f'fill="{GREY}"'),
        *legend(),
    ]
    for i, bar in enumerate(bars):
        y = TOP + STEP * (i + 0.5)
        parts.append(text(LEFT - 10, y - 3, bar["title"], f'text-anchor="end" fill="{INK}"'))
        parts.append(text(LEFT - 10, y + 12, f"beside {bar['run']['name']}", f'text-anchor="end" fill="{GREY}"'))
    parts += panel(bars, "speed_ratio", "speed_target", LEFT, SPEED, "tokens a second, madx / beside (more is better)")
    parts += panel(bars, "memory_ratio", "memory_target", LEFT + PANEL + BETWEEN, MEMORY,
                   "peak memory, madx / beside (less is better)")
    return "\n".join(parts) + "\n</svg>\n"
