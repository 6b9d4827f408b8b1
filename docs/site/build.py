"""Builds the site: build/site/index.html. Called by tools/docs, which sees to pandoc, Doxygen and the programs.

Pages are the Markdown of docs/, README.md, CONTRIBUTING.md and CHANGELOG.md, by pandoc; a page for every program, of what its --help
says; short examples with their code; the API by Doxygen, with a compiled example for every type. Ends with status 1, a line a link,
where a link leads nowhere.
"""
import html
import os
import re
import shutil
import string
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/doc_examples"), str(ROOT / "docs/site")]
import links  # noqa: E402
import types_check  # noqa: E402

SITE = ROOT / "build/site"
BIN = ROOT / "build/bin"
MENU = [  # pages of docs/ that are named nowhere here come under "More"
    ("Start", ["README.md", "docs/getting_started.md", "docs/your_language.md", "docs/adapterhub.md"]),
    ("Use", ["docs/programs.md", "docs/package.md", "docs/compositions.md", "docs/data.md", "docs/experiments.md", "docs/scaling.md",
             "docs/cuda.md"]),
    ("Figures", ["docs/results.md", "docs/performance.md", "docs/reliability.md", "docs/log/language_adapters.md",
                 "docs/log/performance.md"]),
    ("Inside", ["docs/design.md", "docs/limits.md", "CHANGELOG.md", "CONTRIBUTING.md"]),
]
TITLES = {"README.md": "Overview", "docs/your_language.md": "Your own language", "docs/adapterhub.md": "Coming from AdapterHub",
          "docs/design.md": "How it works", "docs/log/performance.md": "What was tried for speed"}
FOLDERS = {"examples": "examples.html"}  # links to folders of the repository
CODE = {".cpp": "cpp", ".h": "cpp", ".json": "json", ".py": "python", ".sh": "sh"}


def page_of(path):
    """The page that a file of the repository becomes."""
    if path == "README.md":
        return "index.html"
    if path.endswith(".md"):
        return path.removeprefix("docs/")[:-3] + ".html"
    return f"source/{path}.html"


def title_of(path):
    """What the menu calls a page: its first heading, where TITLES has no other."""
    heading = re.search(r"^# (.+)", (ROOT / path).read_text(encoding="utf-8"), re.M)
    return TITLES.get(path) or heading[1]


def pandoc(text):
    run = subprocess.run(["pandoc", "--from=gfm", "--to=html5", "--wrap=none"], input=text, capture_output=True, text=True, check=True)
    return re.sub(r"(<table.*?</table>)", r'<div class="scroll">\1</div>', run.stdout, flags=re.S)


class Site:
    def __init__(self):
        self.template = string.Template((ROOT / "docs/site/page.html").read_text(encoding="utf-8"))
        self.menu = []  # (title of a part, [(page, title)])
        self.sources = set()  # files that pages link to

    def write(self, page, title, body):
        root = "../" * page.count("/")
        nav = []
        for part, pages in self.menu:
            items = "".join(
                f'<li><a href="{root}{to}"{" aria-current=page" if to == page else ""}>{html.escape(name)}</a></li>'
                for to, name in pages)
            nav.append(f"<h2>{part}</h2><ul>{items}</ul>")
        path = SITE / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.template.substitute(
            title=f"{html.escape(title)} - madx", root=root, nav="\n".join(nav), body=body), encoding="utf-8")

    def relink(self, body, path):
        """Links between files of the repository as links between pages; what is shown is copied."""
        page = page_of(path)

        def new(match):
            attribute, to = match[1], html.unescape(match[2])
            if re.match(r"[a-z]+:|#", to):
                return match[0]
            file, _, anchor = to.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(path), file))
            if target in FOLDERS:
                place = FOLDERS[target]
            elif not (ROOT / target).is_file():
                raise SystemExit(f"{path}: expected a file of the repository behind the link {to}, but found none")
            elif target.endswith((".svg", ".png")):
                place = target.removeprefix("docs/")
                shutil.copy(ROOT / target, SITE / place)
            else:
                place = page_of(target)
                self.sources.add(target)
            place = os.path.relpath(place, os.path.dirname(page) or ".")
            return f'{attribute}="{html.escape(place + ("#" + anchor if anchor else ""))}"'

        return re.sub(r'\b(href|src)="([^"]*)"', new, body)

    def markdown(self, path):
        body = pandoc((ROOT / path).read_text(encoding="utf-8"))
        self.write(page_of(path), title_of(path), self.relink(body, path))

    def source(self, path):
        kind = CODE.get(Path(path).suffix, "text")
        body = pandoc(f"# {path}\n\n````{kind}\n{(ROOT / path).read_text(encoding='utf-8')}\n````\n")
        self.write(page_of(path), path, body)


def programs():
    """Programs with flags, and short examples without, by their sources."""
    sources = sorted(path for folder in ("apps", "examples", "tools", "benchmarks") for path in (ROOT / folder).glob("*.cpp"))
    flagged = [path for path in sources if re.search(r'#include ["<](apps/command_line/|CLI/)', path.read_text(encoding="utf-8"))]
    return flagged, [path for path in sources if path not in flagged]


def help_of(name, *subcommand):
    program = BIN / name
    if not program.exists():
        raise SystemExit(f"{program}: expected the program, but found none; cmake --build build --target madx_programs builds it")
    run = subprocess.run([f"build/bin/{name}", *subcommand, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout


def flags_html(text):
    """The help of CLI11 as HTML: what the program does, how it is called, its flags."""
    about, _, rest = text.partition("Usage:")
    usage, *lines = rest.strip("\n").split("\n")
    out = [f"<p>{html.escape(about.strip().rstrip('.'))}.</p>", f"<pre><code>{html.escape(usage.strip())}</code></pre>"]
    is_open = False
    for line in lines:
        if re.match(r"\S", line):  # "Options:", or a group's name
            out.append(("</dl>" if is_open else "") + f"<h2>{html.escape(line.rstrip(':'))}</h2><dl class=\"flags\">")
            is_open = True
        elif flag := re.match(r"  (\S.*?)(?:\s{2,}(.*))?$", line):
            name, needed = re.subn(r" REQUIRED\b", "", flag[1])
            mark = ' <span class="needed">required</span>' if needed else ""
            out.append(f"<dt><code>{html.escape(name)}</code>{mark}</dt><dd>{html.escape(flag[2] or '')}</dd>")
        elif line.strip():  # its text on a line of its own
            out[-1] = out[-1].removesuffix("</dd>") + " " + html.escape(line.strip()) + "</dd>"
    return "\n".join(out + ["</dl>"] * is_open)


def write_programs(site, flagged, short):
    for path in flagged:
        text = help_of(path.stem)
        body = f"<h1>{path.stem}</h1>\n" + flags_html(text)
        for sub in re.findall(r"^  (\w+)", text.partition("Subcommands:")[2], re.M):
            body += f"<h2>{path.stem} {sub}</h2>\n" + flags_html(help_of(path.stem, sub))
        body += '<p>More on flags, files and exit status: <a href="../programs.html">Programs</a>.</p>'
        site.write(f"programs/{path.stem}.html", path.stem, body)
    text = "# Short examples\n\nPrograms over the library alone, to start from. `cmake --build build --target madx_programs` builds them.\n"
    for path in short:
        if path.parent.name == "examples":
            text += f"\n## {path.stem}\n\n````cpp\n{path.read_text(encoding='utf-8')}\n````\n"
    site.write("examples.html", "Short examples", pandoc(text))


def write_api():
    """The reference. Of each type, the snippet that names it goes to its page, unless its header shows that one already."""
    types, shown = types_check.load()
    blocks = []
    for name, (header, kind) in types.items():
        if shown[name] is None:
            raise SystemExit(f"{name}: expected a snippet in tests/doc_examples, but found none; add one")
        snippet = f"\\snippet {' '.join(shown[name])}"
        shows = re.escape(snippet) + r"\n(?:///.*\n)*(?:class|struct) " + name.split("::")[-1] + r"\b"
        if not re.search(shows, (ROOT / header).read_text(encoding="utf-8")):
            blocks.append(f"/** \\{kind} {name}\n\\par Example\n{snippet}\n*/")
        if kind == "class" and name.endswith("Impl"):  # what users hold
            blocks.append(f"/** \\class {name.removesuffix('Impl')}\n\\par Example\n{snippet}\n*/")
    (SITE / "examples.dox").write_text("\n".join(blocks), encoding="utf-8")
    layout = SITE / "layout.xml"
    subprocess.run(["doxygen", "-l", layout], check=True)
    text = layout.read_text(encoding="utf-8")
    layout.write_text(text.replace("<navindex>", '<navindex>\n<tab type="user" url="../index.html" title="Guide"/>'), encoding="utf-8")
    if subprocess.run(["doxygen", "docs/site/Doxyfile"], cwd=ROOT).returncode != 0:
        raise SystemExit("the API reference: expected no warning of Doxygen, but found those above; mend the comments")
    for page in (SITE / "api").glob("*.html"):  # Doxygen links to the list of nested classes where all are private, and there is none
        text = page.read_text(encoding="utf-8")
        if 'name="nested-classes"' not in text and "#nested-classes" in text:
            page.write_text(re.sub(r'<a href="#nested-classes">\w+</a> &#124;\s*', "", text), encoding="utf-8")
    layout.unlink()
    (SITE / "examples.dox").unlink()


def main():
    shutil.rmtree(SITE, ignore_errors=True)
    SITE.mkdir(parents=True)
    shutil.copy(ROOT / "docs/site/style.css", SITE)
    site = Site()
    flagged, short = programs()
    named = [path for _, paths in MENU for path in paths]
    more = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md") if str(path.relative_to(ROOT)) not in named)
    parts = [(part, [path for path in paths if (ROOT / path).exists()]) for part, paths in MENU] + ([("More", more)] if more else [])
    site.menu = [(part, [(page_of(path), title_of(path)) for path in paths]) for part, paths in parts]
    site.menu[1][1].append(("examples.html", "Short examples"))
    site.menu.insert(2, ("Programs", [(f"programs/{path.stem}.html", path.stem) for path in flagged]))
    site.menu.append(("Reference", [("api/index.html", "C++ API")]))
    pages = [path for _, paths in parts for path in paths]
    write_programs(site, flagged, short)
    for path in pages:
        site.markdown(path)
    for path in sorted(site.sources - set(pages)):
        if path.endswith(".md"):
            site.markdown(path)
        else:
            site.source(path)
    write_api()
    dead, count, files = links.check(SITE)
    for line in dead:
        print(line, file=sys.stderr)
    print(f"{files} pages, {count} links within the site, {len(dead)} dead: {SITE.relative_to(ROOT)}/index.html")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
