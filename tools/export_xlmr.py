#!/usr/bin/env python3
"""Makes an encoder directory for `--encoder` from a Hugging Face XLM-R or BERT: a model id, or a local directory.

  tools/python_env && .deps/python/bin/python tools/export_xlmr.py --model xlm-roberta-base --output xlmr-base

OUTPUT/config.json, its tokenizer (sentencepiece.bpe.model, or vocab.txt and tokenizer_config.json), and
  --format torchscript   encoder.pt: the traced model, which also carries config and tokenizer as extra files,
                         so that this one file is an encoder by itself
  --format safetensors   model.safetensors
Weights keep Hugging Face's names. A checkpoint with a masked-LM head (`lm_head.*`, `cls.predictions.*`) gives
`forward(input_ids, attention_mask) -> (last hidden states, logits)`; one without gives the last hidden states alone.
The archive is run on other batch sizes and lengths than the traced ones before it is kept.
`build/bin/export_encoder` makes the same from a directory that is already on disk, without Python.
"""
import argparse
import os
import shutil
import sys
import tempfile
import warnings


def refuse(message):
    print(message, file=sys.stderr)
    sys.exit(2)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="Hugging Face model id, or a directory")
    parser.add_argument("--output", required=True, help="directory to make; must not exist")
    parser.add_argument("--format", choices=["torchscript", "safetensors"], default="torchscript")
    return parser.parse_args()


OPTIONS = parse_arguments() if __name__ == "__main__" else None  # --help needs nothing of what follows
try:
    import torch
    from transformers import (AutoConfig, BertForMaskedLM, BertModel, XLMRobertaForMaskedLM, XLMRobertaModel,
                              logging as transformers_logging)
    from transformers.utils import cached_file
except ImportError as missing:
    if OPTIONS is None:
        raise
    refuse(f"export_xlmr.py: expected torch and transformers, but found none ({missing}); run tools/python_env and use "
           ".deps/python/bin/python")

CHECK_TOLERANCE = 1e-5


class XlmrMaskedLm(XLMRobertaForMaskedLM):
    def forward(self, input_ids, attention_mask):
        hidden = self.roberta(input_ids, attention_mask)[0]  # (batch, length, hidden)
        return hidden, self.lm_head(hidden)


class BertMaskedLm(BertForMaskedLM):
    def forward(self, input_ids, attention_mask):
        hidden = self.bert(input_ids, attention_mask)[0]
        return hidden, self.cls(hidden)


class XlmrBare(XLMRobertaModel):
    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, attention_mask)[0]


class BertBare(BertModel):
    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, attention_mask)[0]


# model_type: with head, without, a weight that only a checkpoint with a head has, tokenizer files
KINDS = {
    "xlm-roberta": (XlmrMaskedLm, XlmrBare, "lm_head.dense.weight", ["sentencepiece.bpe.model"]),
    "bert": (BertMaskedLm, BertBare, "cls.predictions.transform.dense.weight", ["vocab.txt", "tokenizer_config.json"]),
}


def load(source):
    """The model in fp32, ready to trace: with its masked-LM head where the checkpoint has one."""
    try:
        config = AutoConfig.from_pretrained(source)
    except (OSError, ValueError) as error:
        refuse(f"{source}: expected a Hugging Face model id or directory, but config.json cannot be read "
               f"({str(error).splitlines()[0]}); check --model, and the network for an id")
    if config.model_type not in KINDS:
        refuse(f'{source}: expected model_type "xlm-roberta" or "bert", but found "{config.model_type}"')
    with_head, bare, head_weight, _ = KINDS[config.model_type]
    # Eager attention is plain matrix products, which every LibTorch that we support runs from an archive.
    options = dict(config=config, dtype=torch.float32, attn_implementation="eager")
    model, info = with_head.from_pretrained(source, output_loading_info=True, **options)
    if head_weight in info["missing_keys"]:
        print(f"{source}: has no masked-LM head; train one with build/bin/train_lm_head")
        model, info = bare.from_pretrained(source, add_pooling_layer=False, output_loading_info=True, **options)
    # The output embedding is the input embedding, and its bias another name for the head's bias.
    missing = [key for key in info["missing_keys"] if not key.endswith(("decoder.weight", "decoder.bias"))]
    if missing:
        refuse(f"{source}: expected a weight {missing[0]!r}, but there is none; is this checkpoint complete?")
    return model.eval()


def tokenizer_files(source, model_type):
    """Paths by name."""
    files = {}
    for name in KINDS[model_type][3]:
        path = cached_file(source, name, _raise_exceptions_for_missing_entries=False)
        if path is None and name == "tokenizer_config.json":
            continue  # then Hugging Face lowercases, and so do we
        if path is None:
            refuse(f"{source}: expected the tokenizer {name}, but there is none; is this an XLM-R or BERT model?")
        files[name] = path
    return files


def config_json(model):
    """All of config.json, with the architecture whose names the weights bear."""
    config = model.config
    base = {"xlm-roberta": "XLMRoberta", "bert": "Bert"}[config.model_type]
    headed = model.get_output_embeddings() is not None
    config.architectures = [base + ("ForMaskedLM" if headed else "Model")]
    config.name_or_path = ""
    return config.to_json_string(use_diff=False)


def random_batch(model, batch, length):
    """Ids and a mask; every row but the first is padded."""
    first = model.config.pad_token_id + 1
    ids = torch.randint(first, model.config.vocab_size, (batch, length))
    mask = torch.ones_like(ids)
    for row in range(1, batch):
        mask[row, max(1, length - row):] = 0
    return ids.masked_fill(mask == 0, model.config.pad_token_id), mask


@torch.no_grad()
def trace(model):
    """A TorchScript module of any batch size and length. Raises ValueError when it differs from the model."""
    warnings.simplefilter("ignore", torch.jit.TracerWarning)  # of constants; what they could break is checked below
    traced = torch.jit.trace(model, random_batch(model, 2, 7), strict=False, check_trace=False)
    as_tuple = lambda result: result if isinstance(result, tuple) else (result,)
    for batch, length in ((1, 1), (3, 5), (4, 10)):
        inputs = random_batch(model, batch, length)
        for ours, theirs in zip(as_tuple(traced(*inputs)), as_tuple(model(*inputs))):
            difference = (ours - theirs).abs().max().item() / max(1.0, theirs.abs().max().item())
            if not difference <= CHECK_TOLERANCE:
                raise ValueError(f"the traced model differs by {difference:.1e} at batch {batch}, length {length}")
    return traced


def save_archive(traced, extra_files, path):
    """Saves a traced module with `extra_files` (bytes by name), without the debug records that torch.jit.save adds:
    they hold the paths of this machine's Python sources, and are most of a small archive."""
    full = path + ".partial"
    torch.jit.save(traced, full, _extra_files=extra_files)
    reader, writer = torch._C.PyTorchFileReader(full), torch._C.PyTorchFileWriter(path)
    for name in reader.get_all_records():
        written_by_writer = name in ("version", ".data/serialization_id")
        if not written_by_writer and not name.endswith(".debug_pkl"):
            record = reader.get_record(name)
            writer.write_record(name, record, len(record))
    writer.write_end_of_file()
    os.remove(full)


def write_directory(model, tokenizer, kind, directory):
    config = config_json(model)
    if kind == "torchscript":
        extra_files = {"config.json": config.encode()}
        for name, path in tokenizer.items():
            with open(path, "rb") as file:
                extra_files[name] = file.read()
        save_archive(trace(model), extra_files, os.path.join(directory, "encoder.pt"))
    else:
        model.save_pretrained(directory, safe_serialization=True, max_shard_size="100GB")
    with open(os.path.join(directory, "config.json"), "w", encoding="utf-8") as file:
        file.write(config)
    for name, path in tokenizer.items():
        shutil.copyfile(path, os.path.join(directory, name))


def main(options):
    if os.path.exists(options.output):
        refuse(f"{options.output}: expected a directory that does not exist yet; remove it or give another --output")
    transformers_logging.set_verbosity_error()
    model = load(options.model)
    tokenizer = tokenizer_files(options.model, model.config.model_type)
    parent = os.path.dirname(os.path.abspath(options.output))
    os.makedirs(parent, exist_ok=True)
    partial = tempfile.mkdtemp(dir=parent, prefix=".export-")  # renamed at the end: whole or not at all
    try:
        write_directory(model, tokenizer, options.format, partial)
        os.chmod(partial, 0o755)
        os.rename(partial, options.output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(f"{options.output}: use it as --encoder {options.output}")


if __name__ == "__main__":
    main(OPTIONS)
