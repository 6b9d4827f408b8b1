"""What benchmarks/compare measures: a row is work of madx, and its rivals, each with a command and targets of its own."""
from __future__ import annotations

from dataclasses import dataclass

from compare_flops import flops_per_token

LENGTH = 128  # of a row of masked LM
BATCH = {"mlm": 8, "ner-train": 16, "ner-infer": 32, "ner-infer-bare": 32, "ner-infer-cost": 32}
STEP_BENCH, STEP, ENGINES = "step_bench", "step.py", "engines.py"  # the programs


@dataclass(frozen=True)
class Run:
    """A process of a round: one of the programs, with its flags."""

    name: str  # in tables
    program: str
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Rival:
    """What stands beside madx, with what madx is held to: tokens a second at least, peak memory at most, as ratios."""

    run: Run
    speed_target: float | None = None
    memory_target: float | None = None


@dataclass(frozen=True)
class Row:
    """One kind of work. With FLOPs a token, its share of the GEMM rate is told."""

    name: str
    title: str
    ours: Run
    rivals: tuple[Rival, ...]
    flops_per_token: float | None = None
    gemm_target: float | None = None

    def runs(self) -> list[Run]:
        return [self.ours, *(rival.run for rival in self.rivals)]

    def needs(self, program: str) -> bool:
        return any(run.program == program for run in self.runs())


def flags(**values: str | int | bool) -> tuple[str, ...]:
    """True is a flag without a value; False is none."""
    words: list[str] = []
    for name, value in values.items():
        if value is not False:
            words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return tuple(words)


def step_flags(what: str, size: str, steps: int, dtype: str, **more: str) -> tuple[str, ...]:
    length = {"length": LENGTH} if what == "mlm" else {}
    return flags(what=what, size=size, batch=BATCH[what], steps=steps, dtype=dtype, **length, **more)


def madx(what: str, size: str, steps: int, dtype: str = "float32", vocabulary: str | None = None) -> Run:
    """With the vocabulary "text", masked LM predicts among the sub-words of a text alone, 30,000 of the 250,002."""
    chosen = {"vocabulary": vocabulary} if vocabulary else {}
    name = f"madx {dtype}" + (f", {vocabulary}'s sub-words" if vocabulary else ", all sub-words" if what == "mlm" else "")
    return Run(name, STEP_BENCH, step_flags(what, size, steps, dtype, **chosen))


def adapters(what: str, size: str, steps: int, dtype: str = "float32") -> Run:
    name = "Python adapters" if dtype == "float32" else f"Python adapters {dtype}"
    return Run(name, STEP, step_flags(what, size, steps, dtype))


def engine(name: str, kind: str, size: str, is_sorted: bool = False) -> Run:
    """The bare encoder in an inference engine; as many steps as madx does beside it."""
    return Run(name, ENGINES, flags(engine=kind, size=size, batch=BATCH["ner-infer"], steps=8, sorted=is_sorted))


def ctranslate2_int8(size: str) -> Run:
    return engine("CTranslate2 int8, sorted", "ctranslate2-int8", size, is_sorted=True)


def onnxruntime_int8(size: str) -> Run:
    return engine("ONNX Runtime int8", "onnxruntime-int8", size)


def openvino(size: str) -> Run:
    return engine("OpenVINO float32", "openvino", size)


def title(work: str, shape: str, dtype: str = "float32") -> str:
    return f"{work}, {shape}" if dtype == "float32" else f"{work}, {dtype}, {shape}"


def beside_adapters(what: str, size: str, dtype: str, steps: tuple[int, int], name: str, row_title: str,
                    speed: float | None = None, memory: float | None = None, gemm: float | None = None) -> Row:
    """A row of `--dtype`, beside Python `adapters`; in float32 alone it has targets. Steps are ours and the peer's."""
    peer = adapters(what, size, steps[1], dtype)
    rival = Rival(peer, speed, memory) if dtype == "float32" else Rival(peer)
    return Row(name, row_title, madx(what, size, steps[0], dtype), (rival,), flops_per_token(what, size, LENGTH),
               gemm if dtype == "float32" else None)


def all_rows(dtype: str) -> list[Row]:
    """Steps of masked LM are all alike. Those of NER differ in their lengths, so all of a row do equally many."""
    stack, training, text_training = "inference with Stack(LA, TA)", "LA training", "LA training, text's sub-words"
    lines, sentences = f"8 x {LENGTH}", "base, batch 32"
    return [
        beside_adapters("mlm", "base", dtype, (3, 1), "mlm-base", title(training, f"base, {lines}", dtype), 4.7, 0.30, 0.80),
        beside_adapters("mlm", "small", dtype, (5, 2), "mlm-small", title(training, f"small, {lines}", dtype), 6.0, 0.35),
        beside_adapters("ner-train", "base", dtype, (4, 4), "ner-train", title("TA training", "base, batch 16", dtype),
                        3.0, 0.50),
        beside_adapters("ner-infer", "base", dtype, (4, 4), "ner-infer", title(stack, sentences, dtype), 3.0, 0.85),
        beside_adapters("ner-infer-bare", "base", dtype, (4, 4), "ner-infer-bare",
                        title("inference, bare encoder", sentences, dtype)),
        Row("ner-infer-engines", title(stack, sentences), madx("ner-infer", "base", 8), (
            Rival(engine("CTranslate2 float32, sorted", "ctranslate2", "base", is_sorted=True)),
            Rival(engine("ONNX Runtime float32", "onnxruntime", "base")),
            Rival(openvino("base")))),
        Row("ner-infer-int8", title(stack, sentences, "int8"), madx("ner-infer", "base", 8, "int8"), (
            Rival(ctranslate2_int8("base"), 1.3, 0.60),
            Rival(engine("CTranslate2 int8 on load, sorted", "ctranslate2-int8-on-load", "base", is_sorted=True)),
            Rival(onnxruntime_int8("base"), 3.0),
            Rival(openvino("base")),
            Rival(madx("ner-infer", "base", 8), 2.5, 0.45))),
        Row("ner-infer-int8-small", title(stack, "small, batch 32", "int8"), madx("ner-infer", "small", 8, "int8"), (
            Rival(ctranslate2_int8("small"), 2.0),
            Rival(onnxruntime_int8("small")),
            Rival(openvino("small")),
            Rival(madx("ner-infer", "small", 8)))),
        Row("mlm-base-int8", title(text_training, f"base, {lines}", "int8"),
            madx("mlm", "base", 5, "int8", vocabulary="text"), (
                Rival(adapters("mlm", "base", 1), 10),
                Rival(madx("mlm", "base", 3), 2.5))),
        Row("mlm-small-int8", title(text_training, f"small, {lines}", "int8"),
            madx("mlm", "small", 8, "int8", vocabulary="text"), (
                Rival(adapters("mlm", "small", 2), 15),
                Rival(madx("mlm", "small", 5), 2.5))),
    ]


# The rows whose ratio is adapters' cost between processes.
STACK_AND_BARE = ("ner-infer", "ner-infer-bare")


def cost_run(dtype: str) -> Run:
    """Each batch with the adapters and without them, in turn in one process."""
    return madx("ner-infer-cost", "base", 15, dtype)
