"""Holds the examples of the reference to the public types.

  python3 tests/doc_examples/types_check.py [--list]

Fails, a line a type, where a class, struct or enum of include/madx is named in none of tests/doc_examples/*_test.cpp, which
CTest compiles and runs, and which the reference shows. A class that TORCH_MODULE wraps (AdapterImpl) counts where its wrapper
is named, too. Types of a `detail` namespace and private ones are not public. --list prints them all.
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
    """Names of a header's public types, those of a class's inside as Outer::Inner."""
    types, scopes = [], []  # a scope: kind, name, whether what comes next in it is public
    for token in TOKEN.finditer(without_text(source)):
        text = token.group(0)
        if token.group(1):
            scopes.append(["namespace", token.group(1), "detail" not in token.group(1)])
        elif token.group(2):
            visible = all(scope[2] for scope in scopes) and not any(scope[0] == "block" for scope in scopes)
            outer = [scope[1] for scope in scopes if scope[0] != "namespace"]
            if visible:
                types.append("::".join([*outer, token.group(3)]))
            scopes.append([token.group(2), token.group(3), token.group(2) == "struct"])
        elif token.group(4):
            scopes[-1][2] = token.group(4) == "public"
        elif text == "{":
            scopes.append(["block", "", True])
        else:
            scopes.pop()
    return types


def is_named(name, examples):
    """Whether the code names it: of an inner type the last part, of a module the wrapper, too."""
    last = name.split("::")[-1]
    names = {last, last.removesuffix("Impl")}
    return any(re.search(rf"\b{each}\b", examples) for each in names)


def main():
    headers = sorted((ROOT / "include/madx").rglob("*.h"))
    examples = "\n".join(without_text(path.read_text(encoding="utf-8")) for path in Path(__file__).parent.glob("*_test.cpp"))
    found = {}
    for path in headers:
        for name in public_types(path.read_text(encoding="utf-8")):
            found.setdefault(f"{path.relative_to(ROOT)}: {name}", name)
    if "--list" in sys.argv[1:]:
        print("\n".join(found))
    missing = [where for where, name in found.items() if not is_named(name, examples)]
    for where in missing:
        print(f"{where}: expected an example in tests/doc_examples that names it, but found none")
    if len(found) < 100:
        missing.append("")
        print(f"expected 100 public types or more, but found {len(found)}; is the pattern still right?")
    print(f"{len(found)} public types in {len(headers)} headers, {len(found) - len(missing)} with an example")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
