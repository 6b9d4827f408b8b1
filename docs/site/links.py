"""Finds links of a folder of HTML that lead nowhere: to a file, or to a place in one, that is not there.

  python3 docs/site/links.py FOLDER
"""
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, and the places in it that can be linked to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.places = [], set()
        self.feed(path.read_text(encoding="utf-8", errors="replace"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if value and (name == "id" or (name == "name" and tag == "a")):
                self.places.add(value)
            elif value and name in ("href", "src"):
                self.links.append(value)


def check(folder):
    """The dead links as lines, the number of links within the folder, and of pages."""
    pages = {path.resolve(): Page(path) for path in sorted(folder.rglob("*.html"))}
    dead, count = [], 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            count += 1
            to = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            where = f"{path.relative_to(folder.resolve())}: the link {link}"
            if not to.exists():
                dead.append(f"{where} leads to no file")
            elif parts.fragment and to in pages and unquote(parts.fragment) not in pages[to].places:
                dead.append(f"{where} leads to no place in {to.name}")
    return dead, count, len(pages)


if __name__ == "__main__":
    found = check(Path(sys.argv[1]))
    print("\n".join(found[0]))
    sys.exit(1 if found[0] else 0)
