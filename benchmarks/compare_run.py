"""How benchmarks/compare runs programs: a process a measurement, all of a row in turn within a round."""
from __future__ import annotations

import json
import pathlib
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import NoReturn

from compare_rows import ENGINES, STACK_AND_BARE, STEP, STEP_BENCH, Row, Run, cost_run

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
PEER = REPOSITORY / "benchmarks/peer"
PEER_PACKAGES = ("torch", "transformers", "adapters")
ENGINE_PACKAGES = ("onnx", "onnxruntime", "openvino", "ctranslate2")

Command = list[str | pathlib.Path]


@dataclass(frozen=True)
class Measured:
    """The GEMM rate of each round, every measurement with its row, round and run, and our adapters' cost."""

    gemm: list[float] = field(default_factory=list)
    measurements: list[dict] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Setting:
    """What all commands share."""

    python: str
    threads: int
    dtype: str
    step_bench: pathlib.Path = REPOSITORY / "build/bin/step_bench"

    def command(self, run: Run) -> Command:
        start: dict[str, Command] = {
            STEP_BENCH: [self.step_bench],
            STEP: [self.python, PEER / "step.py"],
            ENGINES: [self.python, PEER / "engines.py"],
        }
        return [*start[run.program], *run.flags, "--threads", str(self.threads)]


def say(text: str) -> None:
    print(f"compare: {text}", file=sys.stderr, flush=True)


def fail(text: str, status: int) -> NoReturn:
    say(text)
    sys.exit(status)


def shown(command: Command) -> str:
    return " ".join(map(str, command)).replace(f"{REPOSITORY}/", "")


def last_line(output: str) -> str:
    return (output.strip().splitlines() or ["nothing"])[-1]


def output_of(command: Command) -> str:
    """What the command prints. Ends this program when it fails, with the last line of its errors."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        fail(f"{shown(command[:1])}: expected a program, but it cannot be run ({error.strerror})", 1)
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        hint = "; is there enough memory? Python adapters take about 9 GB" if name == "SIGKILL" else ""
        fail(f"{shown(command)}: expected it to succeed, but it was ended by {name}{hint}", 1)
    if done.returncode > 0:
        fail(f"{shown(command)}: expected it to succeed, but it ended with status {done.returncode}: "
             f"{last_line(done.stderr)}", 1)
    return done.stdout


def measurement(command: Command, keys: tuple[str, ...]) -> dict:
    """The JSON line that the command prints last."""
    line = last_line(output_of(command))
    try:
        values = json.loads(line)
        if all(values[key] > 0 for key in keys):
            return values
    except (ValueError, KeyError, TypeError):
        pass
    fail(f"{shown(command)}: expected a JSON line with {' and '.join(keys)}, but found {line!r}; build again", 1)


def peer_python(given: str | None) -> str:
    """The Python that peers run in; made first where none was given."""
    if given is not None:
        return given
    made = subprocess.run([REPOSITORY / "tools/python_env"], stdout=sys.stderr)
    if made.returncode != 0:
        fail("expected tools/python_env to make the peers' environment, but it failed (above); or name a Python that "
             "has torch and adapters with --python", made.returncode if made.returncode == 2 else 1)
    return str(REPOSITORY / ".deps/python/bin/python")


def versions(python: str, packages: tuple[str, ...]) -> dict[str, str | None]:
    """Of Python and of the packages; None for one that is not installed."""
    code = ("import json, platform, sys\nfrom importlib import metadata\nfound = {'python': platform.python_version()}\n"
            "for name in sys.argv[1:]:\n  try: found[name] = metadata.version(name)\n"
            "  except metadata.PackageNotFoundError: found[name] = None\nprint(json.dumps(found))")
    try:
        done = subprocess.run([python, "-c", code, *packages], capture_output=True, text=True)
        if done.returncode == 0:
            return json.loads(done.stdout)
        problem = last_line(done.stderr)
    except (OSError, ValueError) as error:
        problem = str(error)
    fail(f"--python {python}: expected a Python, but found {problem!r}; leave --python out to have one made", 2)


def peer_versions(python: str, rows: list[Row]) -> dict[str, str]:
    """Of what the rows need. Ends this program where something is missing, and says how to get it."""
    needing = [row.name for row in rows if row.needs(ENGINES)]
    wanted = PEER_PACKAGES + (ENGINE_PACKAGES if needing else ())
    found = versions(python, wanted)
    missing = [name for name in wanted if found[name] is None]
    if set(missing) & set(PEER_PACKAGES):
        fail(f"--python {python}: expected a Python with torch and adapters, but found no {missing[0]}; leave --python "
             "out to have one made", 2)
    if missing:
        others = ",".join(row.name for row in rows if row.name not in needing)
        fail(f"{python}: expected the inference engines that {', '.join(needing)} need, but found no "
             f"{', '.join(missing)}; install them with tools/python_env --engines, or choose "
             + (f"the rows without them: --rows {others}" if others else "other rows with --rows"), 2)
    return {name: version for name, version in found.items() if version is not None}


def in_turn(runs: list[Run], number: int) -> list[Run]:
    """The runs in the order of a round (from 1): each is first in one of as many rounds as there are runs."""
    start = (number - 1) % len(runs)
    return runs[start:] + runs[:start]


def measure(rows: list[Row], rounds: int, setting: Setting) -> Measured:
    measured = Measured()
    for number in range(1, rounds + 1):
        prefix = f"round {number}/{rounds}"
        if any(row.flops_per_token for row in rows):
            gemm_rate = [setting.python, PEER / "gemm_rate.py", "--threads", str(setting.threads), "--dtype", setting.dtype]
            measured.gemm.append(measurement(gemm_rate, ("median",))["median"])
            say(f"{prefix}  GEMM  {measured.gemm[-1]:.0f} GFLOP/s")
        for row in rows:
            for run in in_turn(row.runs(), number):
                start = time.perf_counter()
                command = setting.command(run)
                values = measurement(command, ("tokens_per_second", "peak_rss_mb"))
                measured.measurements.append(
                    {"row": row.name, "round": number, "run": run.name, "command": shown(command)} | values)
                say(f"{prefix}  {row.name}  {run.name}  {values['tokens_per_second']:.0f} tokens/s  "
                    f"{values['peak_rss_mb']} MB  ({time.perf_counter() - start:.0f} s)")
        if {row.name for row in rows}.issuperset(STACK_AND_BARE):
            command = setting.command(cost_run(setting.dtype))
            measured.cost.append(measurement(command, ("tokens_per_second",))["adapter_cost"])  # by chance below 0
            say(f"{prefix}  adapters' cost  {measured.cost[-1]:.1%}")
    return measured
