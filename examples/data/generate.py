#!/usr/bin/env python3
"""Writes the demo data: text/*.txt and ner/*/*.conll beside this file.

    python3 generate.py            writes the files
    python3 generate.py --check    writes nothing; exit status 1 if a file is not as it would be

Needs Python 3.9 or newer and nothing else. The output is the same, byte for byte, on every machine.
README.md says what the files are.
"""

import argparse
import importlib
import pathlib
import re
import sys
import unicodedata

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from grammar.engine import SPLITS, Choices, Grammar, lines  # noqa: E402

LANGUAGES = ("en", "sw", "fi", "de", "rw")
SOURCE = "en"
SEED = 20240607
MAX_BYTES = 2500000
# Sentences a file. The source language trains a task adapter, the others are what it is tried on.
TEXT_SIZES = {"train": 4000, "dev": 300}
NER_SIZES = {
    "source": {"train": 2000, "dev": 300, "test": 400},
    "target": {"train": 300, "dev": 100, "test": 400},
}


class Language:
    """The tables of one language, and the templates of each file."""

    def __init__(self, code):
        module = importlib.import_module("grammar." + code)
        self.code = code
        self.grammar = Grammar(module.TABLES)
        shared, train = lines(module.SHARED), lines(module.TRAIN)
        self.ner_templates = {
            "train": shared + train,
            "dev": shared + train,
            "test": shared + lines(module.TEST),
        }
        self.text_templates = shared + train + lines(module.TEXT)

    def files(self):
        """{path: (split, sentences)}; no sentence is in two files."""
        seen = set()
        sizes = NER_SIZES["source" if self.code == SOURCE else "target"]
        result = {}
        for split in reversed(SPLITS):
            result["ner/%s/%s.conll" % (self.code, split)] = (
                split,
                self._sentences("ner", split, self.ner_templates[split], sizes[split], seen),
            )
        for split, name in (("dev", "%s.dev.txt"), ("train", "%s.txt")):
            result["text/" + name % self.code] = (
                split,
                self._sentences("text", split, self.text_templates, TEXT_SIZES[split], seen),
            )
        return result

    def _sentences(self, kind, split, templates, count, seen):
        choices = Choices("%d/%s/%s/%s" % (SEED, self.code, kind, split))
        result = []
        for _ in range(100 * count):
            sentence = self.grammar.sentence(choices.one_of(templates), split, choices)
            if sentence.text not in seen:
                seen.add(sentence.text)
                result.append(sentence)
                if len(result) == count:
                    return result
        raise ValueError(
            "%s: %s %s: only %d distinct sentences, expected %d; add templates or fillers"
            % (self.code, kind, split, len(result), count)
        )


def conll(sentences):
    blocks = ("".join("%s\t%s\n" % pair for pair in s.tagged()) for s in sentences)
    return "\n".join(blocks)


def text(sentences):
    return "".join(s.text + "\n" for s in sentences)


def names(languages):
    """{split: every form of every name that is a filler, in all languages}."""
    result = {split: set() for split in SPLITS}
    for language in languages:
        for table in language.grammar.tables.values():
            if not table.tag or table.shared:
                continue
            for split in SPLITS:
                for forms in table.fillers[split]:
                    for form, text in forms.items():
                        if not form.startswith("~"):
                            name = re.sub(r".*\[(.*)\].*", r"\1", text)
                            result[split] |= {name, name[0].upper() + name[1:]}
    return result


def spaced(tokens):
    return " ".join(tokens)


def entities(tagged):
    """The entities of a tagged sentence, each as its tokens with spaces between."""
    spans = []
    for token, tag in tagged:
        if tag[0] == "B":
            spans.append([token])
        elif tag[0] == "I":
            spans[-1].append(token)
    return {spaced(span) for span in spans}


def template_faults(language):
    """Tries every template in every split. Raises ValueError where a slot or an entity is wrong."""
    for template in language.text_templates + language.ner_templates["test"]:
        for split in SPLITS:
            try:
                language.grammar.sentence(template, split, Choices("check")).tagged()
            except ValueError as error:
                raise ValueError("%s: '%s': %s" % (language.code, template, error)) from None


def sentence_faults(path, sentence):
    """What is wrong with one sentence, a line each."""
    if re.search(r"[\[\]{}|~@*\x00-\x1f]|  |\.\.", sentence.text):
        yield "%s: left-over markup in: %s" % (path, sentence.text)
    if unicodedata.normalize("NFC", sentence.text) != sentence.text:
        yield "%s: expected NFC, found: %s" % (path, sentence.text)
    previous = "O"
    for token, tag in sentence.tagged():
        if not re.match(r"(O|[BI]-(PER|ORG|LOC))$", tag):
            yield "%s: expected an IOB2 tag, found '%s' in: %s" % (path, tag, sentence.text)
        if tag[0] == "I" and previous[2:] != tag[2:]:
            yield "%s: '%s' follows '%s' in: %s" % (path, tag, previous, sentence.text)
        previous = tag


def leaks(languages, files):
    """Names of one split that occur in another, in any language and any form, a line each."""
    known = names(languages)
    spoken = {split: [] for split in SPLITS}
    for split, sentences in files.values():
        for sentence in sentences:
            tagged = sentence.tagged()
            known[split] |= entities(tagged)
            spoken[split].append(" %s " % spaced(token for token, _ in tagged))
    for split in SPLITS:
        for other in SPLITS:
            text = "\n".join(spoken[other]) if other != split else ""
            for name in sorted(known[split]):
                if " %s " % name in text:
                    yield "'%s' is a name of %s, but occurs in %s" % (name, split, other)


def generate():
    """{path: bytes} of all files, and a line about each. Raises ValueError if a check fails."""
    languages = [Language(code) for code in LANGUAGES]
    files = {}
    for language in languages:
        template_faults(language)
        files.update(language.files())
    found = [f for p, (_, ss) in sorted(files.items()) for s in ss for f in sentence_faults(p, s)]
    found += leaks(languages, files)
    contents = {}
    summary = []
    for path, (_, sentences) in sorted(files.items()):
        writer = conll if path.endswith(".conll") else text
        contents[path] = writer(sentences).encode("utf-8")
        bare = sum(1 for s in sentences if not s.entities)
        summary.append(
            "%-20s %5d sentences, %4d without a name, %7d bytes"
            % (path, len(sentences), bare, len(contents[path]))
        )
    size = sum(len(c) for c in contents.values())
    if size > MAX_BYTES:
        found.append("expected at most %d bytes in all, found %d" % (MAX_BYTES, size))
    if found:
        raise ValueError("\n".join(found))
    return contents, summary + ["%d bytes in all" % size]


def differences(contents):
    """A line for each file on disk that is not as `contents` has it."""
    found = []
    for path, content in contents.items():
        if not (HERE / path).is_file():
            found.append("%s: expected a file, found none" % path)
        elif (HERE / path).read_bytes() != content:
            found.append("%s: differs from what generate.py writes" % path)
    on_disk = [p for folder in ("text", "ner") for p in (HERE / folder).rglob("*") if p.is_file()]
    extra = sorted({p.relative_to(HERE).as_posix() for p in on_disk} - set(contents))
    return found + ["%s: not written by generate.py" % path for path in extra]


def main():
    parser = argparse.ArgumentParser(description="Writes the demo data, or checks it.")
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    check = parser.parse_args().check
    try:
        contents, summary = generate()
    except ValueError as error:
        sys.exit(str(error))
    if check:
        found = differences(contents)
        if found:
            sys.exit("\n".join(found + ["run generate.py without --check to write the files anew"]))
        print("%d files are as generate.py writes them" % len(contents))
        return
    for path, content in contents.items():
        (HERE / path).parent.mkdir(parents=True, exist_ok=True)
        (HERE / path).write_bytes(content)
    print("\n".join(summary))


if __name__ == "__main__":
    main()
