"""The models that engines.py runs, made once from one XLM-R with random weights and kept in a folder.

This needs PyTorch, whose memory is none of an engine's: engines.py calls it in a process of its own.
"""
from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
import types
from collections.abc import Callable

import numpy as np
import torch
from sentences import sentence_lengths
from transformers import XLMRobertaConfig, XLMRobertaForTokenClassification

VOCABULARY, LABELS = 250002, 7
HIDDEN = {"base": 768, "small": 384}
LAYERS = 12
NAMES = ["input_ids", "attention_mask"]


def tagger(size: str) -> XLMRobertaForTokenClassification:
    """The same weights whenever it is called."""
    torch.manual_seed(0)
    hidden = HIDDEN[size]
    config = XLMRobertaConfig(
        vocab_size=VOCABULARY, hidden_size=hidden, intermediate_size=4 * hidden, num_hidden_layers=LAYERS,
        num_attention_heads=12, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1,
        bos_token_id=0, eos_token_id=2, num_labels=LABELS)
    return XLMRobertaForTokenClassification(config).eval()


def kept(path: pathlib.Path, make: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """`path`, which `make` writes where it is not there yet: whole or not at all."""
    if not path.exists():
        folder = pathlib.Path(tempfile.mkdtemp(dir=path.parent, prefix=".unfinished-"))
        try:
            make(folder / path.name)
            os.sync()  # what is timed next does not wait for the disk
            (folder / path.name).rename(path)
        finally:
            shutil.rmtree(folder)
    return path


def onnx_model(size: str, work: pathlib.Path) -> pathlib.Path:
    def export(path: pathlib.Path) -> None:
        example = torch.ones(2, 8, dtype=torch.long)
        torch.onnx.export(
            tagger(size), (example, example), path, input_names=NAMES, output_names=["logits"], opset_version=17,
            dynamo=False, dynamic_axes={name: {0: "batch", 1: "length"} for name in [*NAMES, "logits"]})

    return kept(work / f"{size}.onnx", export)


def onnx_int8_model(size: str, work: pathlib.Path) -> pathlib.Path:
    """Weights in int8, a scale an output channel; activations are quantised while it runs."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    source = onnx_model(size, work)
    return kept(work / f"{size}-int8.onnx", lambda path: quantize_dynamic(
        source, path, weight_type=QuantType.QInt8, per_channel=True))


def ctranslate2_model(size: str, work: pathlib.Path, quantization: str | None = None) -> pathlib.Path:
    """A folder with the encoder, and the tagging head as head.npz, which CTranslate2 has no place for."""
    from ctranslate2.converters.transformers import XLMRobertaLoader

    @torch.no_grad()
    def convert(path: pathlib.Path) -> None:
        model = tagger(size)
        words = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3} | {f"word{i}": i for i in range(4, VOCABULARY)}
        tokenizer = types.SimpleNamespace(unk_token="<unk>", get_vocab=lambda: words)
        spec = XLMRobertaLoader()(model, tokenizer)
        spec.validate()
        spec.optimize(quantization=quantization)
        path.mkdir()
        spec.save(str(path))
        np.savez(path / "head.npz", weight=model.classifier.weight.numpy(), bias=model.classifier.bias.numpy())

    return kept(work / f"{size}-{quantization or 'float32'}.ctranslate2", convert)


def ctranslate2_int8_model(size: str, work: pathlib.Path) -> pathlib.Path:
    return ctranslate2_model(size, work, "int8")


MAKERS = {
    "onnxruntime": onnx_model,
    "onnxruntime-int8": onnx_int8_model,
    "openvino": onnx_model,
    "ctranslate2": ctranslate2_model,
    "ctranslate2-int8": ctranslate2_int8_model,
    "ctranslate2-int8-on-load": ctranslate2_model,
}


def prepare(engine: str, size: str, work: pathlib.Path, batch: int, steps: int) -> tuple[pathlib.Path, list[list[int]]]:
    """The engine's model, and the lengths of the sentences of each batch, as step.py draws them; the first warms up."""
    work.mkdir(parents=True, exist_ok=True)
    random = torch.Generator().manual_seed(1)
    lengths = [sentence_lengths(batch, random).tolist() for _ in range(steps + 1)]
    return MAKERS[engine](size, work), lengths
