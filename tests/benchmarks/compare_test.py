"""benchmarks/compare without what it measures: rows, turns, figures and errors, on programs that this file writes.

  python3 tests/benchmarks/compare_test.py
"""
import contextlib
import dataclasses
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from compare_chart import chart  # noqa: E402
from compare_report import summarise, tables, users_table  # noqa: E402
from compare_rows import ENGINES, Rival, Row, Run, all_rows, flags  # noqa: E402
from compare_run import ENGINE_PACKAGES, Measured, Setting, in_turn, measure, measurement, peer_versions  # noqa: E402

MADX, SLOW, FAST = (Run(name, "step_bench", ()) for name in ("madx int8", "slow", "fast"))
ROW = Row("row", "some work", MADX, (Rival(SLOW, 2.0, 0.5), Rival(FAST, 1.3)), flops_per_token=2e9, gemm_target=0.8)
# Of each round: tokens a second and peak memory of each run.
ROUNDS = [{"madx int8": (100, 400), "slow": (50, 1000), "fast": (80, 500)},
          {"madx int8": (200, 400), "slow": (40, 1000), "fast": (400, 500)},
          {"madx int8": (120, 600), "slow": (40, 1000), "fast": (100, 500)}]


def measured_of(rounds):
    return Measured([250.0] * len(rounds), [
        {"row": "row", "round": number, "run": run, "tokens_per_second": speed, "peak_rss_mb": peak}
        for number, runs in enumerate(rounds, 1) for run, (speed, peak) in runs.items()])


def result_of(row=ROW, dtype="float32"):
    measured = measured_of(ROUNDS)
    machine = {"cpu": "a CPU", "cores": 2, "threads": 2, "dtype": dtype, "madx": "abc", "peer": {"torch": "2.11.0"}}
    return {"machine": machine, "rounds": 3, **summarise([row], measured), **dataclasses.asdict(measured)}


def error_of(work):
    """The status and the words with which it ends the program."""
    words = io.StringIO()
    with contextlib.redirect_stderr(words):
        try:
            work()
        except SystemExit as end:
            return end.code, words.getvalue()
    raise AssertionError("expected it to end the program")


def program_in(folder, name, lines):
    path = pathlib.Path(folder) / name
    path.write_text("#!/bin/sh\n" + lines + "\n", encoding="utf-8")
    os.chmod(path, 0o755)
    return path


class Rows(unittest.TestCase):
    def test_have_names_of_their_own_and_runs_too(self):
        rows = all_rows("float32")
        self.assertEqual(len(rows), len({row.name for row in rows}))
        for row in rows:
            self.assertEqual(len(row.runs()), len({run.name for run in row.runs()}), row.name)

    def test_hold_madx_to_its_targets(self):
        found = {(row.name, rival.run.name): (rival.speed_target, rival.memory_target)
                 for row in all_rows("float32") for rival in row.rivals}
        self.assertEqual(found["mlm-base", "Python adapters"], (4.7, 0.30))
        self.assertEqual(found["ner-infer-int8", "CTranslate2 int8, sorted"], (1.3, 0.60))
        self.assertEqual(found["ner-infer-int8", "ONNX Runtime int8"], (3.0, None))
        self.assertEqual(found["ner-infer-int8", "madx float32"], (2.5, 0.45))
        self.assertEqual(found["ner-infer-int8-small", "CTranslate2 int8, sorted"], (2.0, None))
        self.assertEqual(found["mlm-base-int8", "madx float32, all sub-words"], (2.5, None))
        self.assertEqual(found["mlm-base-int8", "Python adapters"], (10, None))
        self.assertEqual(found["mlm-small-int8", "madx float32, all sub-words"], (2.5, None))
        self.assertEqual(found["mlm-small-int8", "Python adapters"], (15, None))

    def test_of_another_type_have_no_targets_but_those_that_name_their_own_do(self):
        rows = {row.name: row for row in all_rows("bfloat16")}
        self.assertIn("bfloat16", rows["mlm-base"].ours.flags)
        self.assertIsNone(rows["mlm-base"].rivals[0].speed_target)
        int8 = next(row for row in all_rows("float32") if row.name == "mlm-base-int8")
        self.assertEqual(rows["mlm-base-int8"], int8)

    def test_of_sentences_have_as_many_steps_on_every_side(self):
        for row in all_rows("float32"):
            if row.name.startswith("ner"):
                steps = {run.flags[run.flags.index("--steps") + 1] for run in row.runs()}
                self.assertEqual(len(steps), 1, row.name)

    def test_become_commands(self):
        row = next(row for row in all_rows("float32") if row.name == "mlm-base-int8")
        setting = Setting("python", 3, "float32", pathlib.Path("bench"))
        self.assertEqual(" ".join(map(str, setting.command(row.ours))), "bench --what mlm --size base --batch 8 --steps 5 "
                         "--dtype int8 --length 128 --vocabulary text --threads 3")
        self.assertEqual(setting.command(row.rivals[0].run)[:2], ["python", ROOT / "benchmarks/peer/step.py"])

    def test_name_flags_without_a_value(self):
        self.assertEqual(flags(batch=3, sorted=True, other=False), ("--batch", "3", "--sorted"))


class Turns(unittest.TestCase):
    def test_let_each_run_be_first(self):
        runs = ROW.runs()
        self.assertEqual([in_turn(runs, number)[0].name for number in range(1, 5)],
                         ["madx int8", "slow", "fast", "madx int8"])
        self.assertEqual(sorted(run.name for run in in_turn(runs, 2)), sorted(run.name for run in runs))

    def test_keep_what_each_command_printed(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()) as said:
            bench = program_in(folder, "bench", 'echo "{\\"tokens_per_second\\": 10.0, \\"peak_rss_mb\\": $#}"')
            row = Row("row", "some work", Run("ours", "step_bench", ("--a",)), (Rival(Run("it", "step_bench", ())),))
            measured = measure([row], 2, Setting("none", 2, "float32", bench))
        self.assertEqual([(m["round"], m["run"], m["peak_rss_mb"]) for m in measured.measurements],
                         [(1, "ours", 3), (1, "it", 2), (2, "it", 2), (2, "ours", 3)])
        self.assertEqual(measured.gemm, [], "no row has FLOPs")
        self.assertIn("round 2/2  row  ours  10 tokens/s  3 MB", said.getvalue())

    def test_end_with_the_words_of_a_command_that_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            bad = program_in(folder, "bad", "echo first >&2; echo '--dtype: int8 not in {float32,bfloat16}' >&2; exit 2")
            status, words = error_of(lambda: measurement([bad], ("tokens_per_second",)))
            self.assertEqual(status, 1)
            self.assertIn("ended with status 2: --dtype: int8 not in {float32,bfloat16}", words)
            silent = program_in(folder, "silent", "echo '{}'")
            self.assertIn("expected a JSON line with tokens_per_second",
                          error_of(lambda: measurement([silent], ("tokens_per_second",)))[1])


class Figures(unittest.TestCase):
    def test_are_ratios_within_a_round_and_medians_over_rounds(self):
        row = result_of()["rows"][0]
        slow, fast = row["rivals"]
        self.assertEqual(row["tokens_per_second"], 120)
        self.assertEqual(slow["tokens_per_second"], 40)
        self.assertEqual(slow["speed_ratio"], {"median": 3.0, "min": 2.0, "max": 5.0})  # not 120 / 40
        self.assertEqual(slow["memory_ratio"], {"median": 0.4, "min": 0.4, "max": 0.6})
        self.assertEqual(fast["speed_ratio"], {"median": 1.2, "min": 0.5, "max": 1.25})
        self.assertEqual(row["gemm_share"]["median"], 120 * 2 / 250)

    def test_need_every_run_in_every_round(self):
        rounds = [*ROUNDS[:2], {"madx int8": (120, 600), "slow": (40, 1000)}]
        with self.assertRaises(ValueError):
            summarise([ROW], measured_of(rounds))

    def test_have_a_line_for_every_rival(self):
        lines = users_table(result_of()["rows"]).splitlines()
        self.assertEqual(lines[1], "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        self.assertEqual(lines[2:], [
            "| some work | slow | 120 | 40 | 3.00 (2.00..5.00) | 400 | 1000 | 0.40 (0.40..0.60) |",
            "| some work | fast | 120 | 100 | 1.20 (0.50..1.25) | 400 | 500 | 0.80 (0.80..1.20) |"])

    def test_say_whether_targets_are_met(self):
        printed = tables(result_of())
        self.assertIn("| some work | slow | tokens a second >= 2.00 | 3.00 (2.00..5.00) | met |", printed)
        self.assertIn("| some work | slow | peak memory <= 0.50 | 0.40 (0.40..0.60) | met |", printed)
        self.assertIn("| some work | fast | tokens a second >= 1.30 | 1.20 (0.50..1.25) | **not met** |", printed)
        self.assertIn("| some work | GEMM | rate >= 80% | 96% (80%..160%) | met |", printed)
        self.assertNotIn("fast | peak memory", printed)

    def test_without_targets_or_flops_have_no_tables_of_them(self):
        row = dataclasses.replace(ROW, rivals=(Rival(SLOW),), flops_per_token=None, gemm_target=None)
        result = result_of(row)
        result["gemm"] = []
        self.assertNotIn("verdict", tables(result))
        self.assertNotIn("GEMM", tables(result))

    def test_are_drawn(self):
        drawing = chart(result_of())
        texts = [node.text for node in xml.etree.ElementTree.fromstring(drawing).iter() if node.tag.endswith("text")]
        for expected in ("some work", "beside slow", "beside fast", "3.00", "0.40"):
            self.assertIn(expected, texts)


class Engines(unittest.TestCase):
    def test_of_rows_are_those_of_the_program_and_of_the_installer(self):
        program = (ROOT / "benchmarks/peer/engines.py").read_text(encoding="utf-8")
        for run in (run for row in all_rows("float32") for run in row.runs() if run.program == ENGINES):
            self.assertIn(f'"{run.flags[1]}"', program)
        installer = (ROOT / "tools/python_env").read_text(encoding="utf-8")
        for name in ENGINE_PACKAGES:
            self.assertIn(f"{name}==", installer)

    def python_that_has(self, folder, found):
        return str(program_in(folder, "python", f"echo '{found}'"))

    def test_that_are_missing_are_named_with_the_command_that_installs_them(self):
        rows, found = all_rows("float32"), ('{"python": "3.11", "torch": "2", "transformers": "4", "adapters": "1", '
                                            '"onnx": "1", "onnxruntime": null, "openvino": "2", "ctranslate2": null}')
        needing = [row for row in rows if row.needs(ENGINES)]
        self.assertEqual([row.name for row in needing], ["ner-infer-engines", "ner-infer-int8", "ner-infer-int8-small"])
        with tempfile.TemporaryDirectory() as folder:
            python = self.python_that_has(folder, found)
            status, words = error_of(lambda: peer_versions(python, rows))
        self.assertEqual(status, 2)
        self.assertEqual(words.count("\n"), 1)
        self.assertIn("ner-infer-int8 ", words.replace(",", " "))
        self.assertIn("found no onnxruntime, ctranslate2; install them with tools/python_env --engines", words)
        self.assertIn("the rows without them: --rows mlm-base,mlm-small,ner-train,ner-infer,ner-infer-bare,mlm-base-int8,"
                      "mlm-small-int8", words)

    def test_are_not_asked_for_where_no_row_needs_them(self):
        rows = all_rows("float32")[:2]
        with tempfile.TemporaryDirectory() as folder:
            python = self.python_that_has(folder, '{"python": "3.11", "torch": "2", "transformers": "4", "adapters": "1"}')
            self.assertEqual(peer_versions(python, rows)["adapters"], "1")

    def test_need_adapters_beside_them(self):
        with tempfile.TemporaryDirectory() as folder:
            python = self.python_that_has(folder, '{"python": "3.11", "torch": "2", "transformers": "4", "adapters": null}')
            self.assertIn("found no adapters", error_of(lambda: peer_versions(python, all_rows("float32")[:1]))[1])


class Program(unittest.TestCase):
    def refused(self, *arguments):
        done = subprocess.run([sys.executable, ROOT / "benchmarks/compare", *arguments], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        return done.stderr

    def test_refuses_what_it_does_not_know(self):
        self.assertIn("--rows: expected some of mlm-base,", self.refused("--rows", "mlm-base,other"))
        self.assertIn("but found 'other'; see --help", self.refused("--rows", "mlm-base,other"))
        self.assertIn("--rounds: expected a number of at least 1, but found 0", self.refused("--rounds", "0"))


if __name__ == "__main__":
    unittest.main()
