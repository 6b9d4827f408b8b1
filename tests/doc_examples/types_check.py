"""Holds the examples of the reference to the public types.

  python3 tests/doc_examples/types_check.py [--list]

Fails, a line a type, where a class, struct or enum of include/madx is named in no snippet of tests/doc_examples/*_test.cpp: what
stands between two marks //! [name]. CTest compiles and runs them, and the reference shows them (docs/site/build.py). A class that
TORCH_MODULE wraps (AdapterImpl) counts where its wrapper is named. Types of a `detail` namespace and private ones are not public.
--list prints each with its snippet.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = re.compile(r"(?:inline )?namespace ([\w:]+) \{")
TYPE = re.compile(r"(?:enum )?(class|struct) (\w+)(?: final)?(?: : [^;{]*)?\s*\{")
ACCESS = re.compile(r"(public|protected|private):")
TOKEN = re.compile("|".join([NAMESPACE.pattern, TYPE.pattern, ACCESS.pattern, "[{}]"]))


def without_text(source):
    """The code alone: comments and strings are blank."""
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\])\'', " ", source, flags=re.S)


def public_types(source):
    """A header's public types with their namespaces: {"madx::AdamW::State": "struct", ...}."""
    types, scopes = {}, []  # a scope: kind, name, whether what comes next in it is public
    for token in TOKEN.finditer(without_text(source)):
        text = token.group(0)
        if token.group(1):
            scopes.append(["namespace", token.group(1), "detail" not in token.group(1)])
        elif token.group(2):
            if all(scope[2] for scope in scopes):
                kind = "enum" if text.startswith("enum") else token.group(2)
                types["::".join([*(scope[1] for scope in scopes), token.group(3)])] = kind
            scopes.append([token.group(2), token.group(3), token.group(2) == "struct"])
        elif token.group(4):
            scopes[-1][2] = token.group(4) == "public"
        elif text == "{":
            scopes.append(["block", "", False])
        else:
            scopes.pop()
    return types


def snippets(path):
    """A file's snippets: {name: code}."""
    source = path.read_text(encoding="utf-8")
    return {found[1]: without_text(found[2]) for found in re.finditer(r"//! \[(.+?)\]\n(.*?)//! \[\1\]", source, re.S)}


def snippet_of(name, found):
    """The first of the snippets {(file, name): code} that names the type, by itself or behind what it is in; or None."""
    *outer, last = name.split("::")
    pattern = re.compile(rf"(?:(?<!::)|(?<={outer[-1]}::))\b{last.removesuffix('Impl')}(?:Impl)?\b")
    return next((where for where, code in found.items() if pattern.search(code)), None)


def load():
    """All public types, {name: (header, kind)}, and the snippet of each, {name: (file, snippet) or None}."""
    types = {}
    for path in sorted((ROOT / "include/madx").rglob("*.h")):
        for name, kind in public_types(path.read_text(encoding="utf-8")).items():
            types[name] = (str(path.relative_to(ROOT)), kind)
    found = {(path.name, name): code for path in sorted(Path(__file__).parent.glob("*_test.cpp")) for name, code in snippets(path).items()}
    return types, {name: snippet_of(name, found) for name in types}


def main():
    types, shown = load()
    missing = [name for name, where in shown.items() if where is None]
    if "--list" in sys.argv[1:]:
        for name, where in shown.items():
            print(name, *(where or ()))
    for name in missing:
        print(f"{types[name][0]}: {name}: expected a snippet in tests/doc_examples that names it, but found none")
    few = len(types) < 100
    if few:
        print(f"expected 100 public types or more, but found {len(types)}; is the pattern still right?")
    print(f"{len(types)} public types, {len(types) - len(missing)} with an example")
    return 1 if missing or few else 0


if __name__ == "__main__":
    sys.exit(main())
