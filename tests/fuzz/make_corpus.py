"""Writes corpus/: small valid files of every kind that a fuzz target reads (torch 2.11, adapters 1.3.0).

libFuzzer starts from them; the test suite reads each, and every small change of it. Run it without arguments.
Inputs that a fuzzer found and that are worth keeping lie beside them, under names that start with "found_".
"""
import base64
import collections
import glob
import io
import json
import os
import struct
import zipfile
from typing import Dict, List

import torch
from safetensors.torch import save_file

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures")


def path(target, name):
    os.makedirs(os.path.join(HERE, target), exist_ok=True)
    return os.path.join(HERE, target, name)


def write(target, name, data):
    with open(path(target, name), "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode("utf-8"))


def tensor_files():
    tensors = {
        "roberta.encoder.layer.0.output.adapters.x.adapter_up.bias": torch.tensor([1.0, 2.0]),
        "mask": torch.tensor([True, False]),
        "half": torch.ones(1, 2, dtype=torch.float16),
    }
    save_file(tensors, path("safetensors", "tensors"), metadata={"format": "pt"})
    whole = torch.arange(4.0).reshape(2, 2)
    state = collections.OrderedDict(whole=whole, transposed=whole.t(), mask=torch.tensor([True]),
                                    parameter=torch.nn.Parameter(torch.ones(1)))
    state._metadata = collections.OrderedDict({"": {"version": 1}})
    torch.save(tensors, path("torch_file", "zip"))
    torch.save(state, path("torch_file", "legacy"), _use_new_zipfile_serialization=False)


class Linear(torch.nn.Module):
    """With what TorchScript pickles beside tensors: a list, a dict, a shared module, a device."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.arange(4.0).reshape(2, 2))
        self.register_buffer("mask", torch.tensor([True]))
        self.sizes: List[int] = [2, 2]
        self.names: Dict[str, int] = {"x": 1}
        self.device = torch.device("cpu")

    def forward(self, x):
        return x @ self.weight + 0.5


def torchscript_files():
    layer = Linear()
    module = torch.jit.script(torch.nn.Sequential(layer, layer))
    buffer = io.BytesIO()
    torch.jit.save(module, buffer, _extra_files={"config.json": "{}"})
    # Without what no reader of weights looks at, it is small enough for a fuzzer to change all of it.
    with zipfile.ZipFile(buffer) as whole, zipfile.ZipFile(path("torchscript_file", "module"), "w") as small:
        for name in whole.namelist():
            if "/code/" not in name or name.endswith("Linear.py"):
                small.writestr(zipfile.ZipInfo(name), whole.read(name))


def json_files():
    for source in glob.glob(f"{FIXTURES}/adapterhub/adapters/*/adapter_config.json"):
        name = source.split("/")[-2]
        if name in ("norms", "legacy_task", "ner"):
            write("adapter_config", name, open(source, encoding="utf-8").read())
    write("adapter_config", "string", json.dumps(
        {"model_type": "bert", "hidden_size": 8, "config": "seq_bn_inv[reduction_factor={'default': 2, '1': 0.5}]"}))
    for source in glob.glob(f"{FIXTURES}/adapterhub/heads/*/head_config.json"):
        name = source.split("/")[-2]
        if name in ("ner", "sw", "static_ner"):
            write("head_config", name, open(source, encoding="utf-8").read())
    fusion = {"dropout_prob": None, "key": True, "query": True, "query_before_ln": False, "regularization": True,
              "residual_before": False, "temperature": False, "value": True, "value_before_softmax": True,
              "value_initialized": True}
    model = {"hidden_size": 8, "model_class": "XLMRobertaAdapterModel", "model_type": "xlm-roberta"}
    write("fusion_config", "dynamic", json.dumps({"adapter_names": ["a", "b"], "config": fusion, "name": "a,b", **model}))
    write("fusion_config", "legacy", json.dumps({"config": "static", "name": "a,b", **model}))

    def single(name):
        return {"type": "single", "children": [name]}

    fuse = {"type": "Fuse", "children": [single("ner"), single("pos")]}
    average = {"type": "Average", "children": [single("en"), single("sw")], "kwargs": {"weights": [0.25, 0.75]}}
    batches = {"type": "BatchSplit", "children": [single("en"), {"type": "Stack", "children": [single("sw"), average]}],
               "kwargs": {"batch_sizes": [1, 2]}}
    for name, setup, head in (("stack", {"type": "Stack", "children": [single("sw"), fuse]}, None), ("average", average, "x"),
                              ("batches", batches, {"type": "Parallel", "children": [single("en"), single("sw")]})):
        write("adapter_setup", name, json.dumps({"adapter_setup": setup, "head_setup": head, "version": "adapters.1.3.0"}))
    write("composition", "fuse", "Stack(sw, Fuse(ner, Stack('a b', pos), name=x))")
    write("composition", "average", "Average[a, b, weights=[0.3, 7e-1], normalize_weights=False, adapterhub=true]")
    write("composition", "batches", "BatchSplit(Stack(en, ner), Stack(sw, ner), batch_sizes=[1,2])")
    write("encoder_config", "xlmr", json.dumps({
        "model_type": "xlm-roberta", "vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 2, "hidden_act": "gelu",
        "num_attention_heads": 2, "intermediate_size": 8, "max_position_embeddings": 10, "type_vocab_size": 1,
        "pad_token_id": 1, "layer_norm_eps": 1e-05, "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}))


def text_files():
    write("config_string", "keys", "seq_bn[reduction_factor={'default': 16, '2': .5}, leave_out=[1,], dropout=1e-3]")
    write("config_string", "inverse", "pfeiffer+inv[non_linearity='gelu', use_gating=True, init_weights_seed=None]")
    write("conll", "iob2", "-DOCSTART- O\n\n# id 1\nen:Ada B-PER\r\nen:L. I-PER\nen:# O\n\nen:Oslo\tNN\tB-LOC\n")
    write("conll", "bioes", "\ufeffNew York\tB-LOC\nCity\tE-LOC\n\nOslo\tS-LOC\n")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", "##c", "\u4e2d", "."]
    write("wordpiece_vocab", "cased", "\n".join(vocabulary) + "\0" + json.dumps({"do_lower_case": False}))
    write("wordpiece_vocab", "uncased", "\r\n".join(vocabulary))


def tokenizer_files():
    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": True}
    token = {"id": 9, "content": "<e>", "single_word": True, "lstrip": True, "rstrip": True, "normalized": True, "special": False}
    names = ["<s>", "<pad>", "</s>", "<unk>", "\u2581", "a", "ab", "b", "<mask>"]
    post = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]}
    unigram = {"type": "Unigram", "unk_id": 3, "vocab": [[name, -0.5 * i] for i, name in enumerate(names)]}
    table = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(normalisation_table()).decode()}
    steps = [{"type": "NFKC"}, {"type": "Strip", "strip_left": True, "strip_right": True},
             {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"},
             {"type": "Replace", "pattern": {"String": "c"}, "content": "a"}]
    write("tokenizer_json", "unigram", json.dumps(dict(
        added_tokens=[token, {**token, "id": 10, "content": "c", "normalized": False}], normalizer={"type": "Sequence", "normalizers": steps},
        pre_tokenizer=metaspace, post_processor=post, model=unigram)))
    write("tokenizer_json", "table", json.dumps(dict(
        normalizer=table, model=unigram,
        pre_tokenizer={"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]})))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b"]
    write("tokenizer_json", "wordpiece", json.dumps(dict(
        added_tokens=[token], normalizer={"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                                          "strip_accents": None, "lowercase": True},
        pre_tokenizer={"type": "BertPreTokenizer"},
        model={"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
               "vocab": {piece: i for i, piece in enumerate(pieces)}})))
    write("added_tokens", "both", json.dumps({"<e>": 7, "\u4e2d": 9}) + "\0" + json.dumps(
        {"do_lower_case": True, "added_tokens_decoder": {"7": {k: v for k, v in token.items() if k != "id"}, "8": {"content": "b", "special": True}}}))


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    value = value if isinstance(value, bytes) else value.encode("utf-8")
    return varint(number << 3 | 2) + varint(len(value)) + value


def normalisation_table():
    """A double-array trie with one key: "a" becomes "b"."""
    units = [1 << 31] * 256  # no label: nothing leads there
    units[0] = 1 << 10  # the root: its children are at 1 ^ label
    a = 1 ^ ord("a")
    units[a] = (a ^ 2) << 10 | 1 << 8 | ord("a")  # has a value, at 2
    units[2] = 1 << 31  # the text at 0
    trie = struct.pack("<256I", *units)
    return struct.pack("<I", len(trie)) + trie + b"b\0"


def sentencepiece_models():
    pieces = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), ("\u2581", -2.0, 1), ("a", -1.0, 1), ("b", -1.5, 1),
              ("\u2581a", -1.25, 1)]
    body = b"".join(field(1, field(1, text) + field(2, score) + field(3, kind)) for text, score, kind in pieces)
    trainer = field(2, field(3, 1) + field(4, len(pieces)))
    write("sentencepiece_model", "unigram", body + trainer + field(3, field(1, "identity")))
    write("sentencepiece_model", "table", body + trainer + field(3, field(2, normalisation_table())))


if __name__ == "__main__":
    tensor_files()
    torchscript_files()
    json_files()
    text_files()
    sentencepiece_models()
    tokenizer_files()
