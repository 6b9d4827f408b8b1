"""The grammar engine: templates and tables of fillers in, tagged sentences out.

A template is a sentence with slots in braces:

    {person} aliwasili {city} {day}.     a filler of table `person`, then one of `city`, ...
    {city.in}                            the form `in` of the filler ("Helsingissä")
    {person@p} ... {p.gen} ... {p.family}
                                         `@p` names the filler, later slots speak of the same one:
                                         another form of it, or a part that it was made of
    {2..9}                               a whole number from the range, in digits

Two slots of one template never get the same filler, so "{city} and {city}" is two cities.

A table lists fillers, separated by commas or line ends, each with its forms separated by `|`:

    Table("LOC", forms="nom in", train="Rwanda|mu [Rwanda], Kenya|muri [Kenya]", dev=..., test=...)

`train`, `dev` and `test` are disjoint fillers; `all` is for words that every split shares. A filler
may hold slots itself ("Chuo Kikuu cha {city}"); in it `{family.*}` takes the form asked of the
whole. In a table with a tag (PER, ORG, LOC) the whole filler is an entity, or the part in
[brackets] where it has them; an entity within an entity is part of the outer one. A form whose name
starts with `~` is never an entity: it holds what other words of the sentence agree with.
"""

import random
import re

SPLITS = ("train", "dev", "test")

MARKUP = re.compile(r"\{[^{}]*\}|\[|\]")
NUMBER = re.compile(r"(\d+)\.\.(\d+)$")
# A number, an ordinal or abbreviation with its full stop, a word (hyphens, apostrophes and Finnish
# colons within it belong to it), the English possessive, or one mark of punctuation.
TOKEN = re.compile(
    r"\d+(?:[.,:]\d+)+"
    r"|\d{1,2}\.(?=\s)"
    r"|(?:Dr|St|[A-Z])\.(?=\s)"
    r"|\w+(?:(?:[-:]|['’](?!s\b))\w+)*"
    r"|['’]s\b"
    r"|\S"
)


class Choices:
    """A seeded stream of choices. Only random() is drawn from: its sequence is the same in every
    version of Python, which is not promised of choice() and shuffle()."""

    def __init__(self, seed):
        self._random = random.Random(seed).random

    def below(self, n):
        return int(self._random() * n)

    def one_of(self, items):
        return items[self.below(len(items))]


def lines(text):
    """The lines of a block of text, without blank ones and `#` comments."""
    stripped = (line.strip() for line in text.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def joined(fillers, more):
    """Fillers of two tables as one: {split: text}."""
    return {split: fillers[split] + ", " + more[split] for split in SPLITS}


class Table:
    """Fillers of one kind. `inflect` (filler -> {form: text}) stands in for written-out forms."""

    def __init__(self, tag=None, forms="nom", inflect=None, all=None, **splits):
        self.tag = tag
        self.forms = forms.split()
        self.shared = all is not None
        texts = {split: all for split in SPLITS} if self.shared else splits
        if set(texts) != set(SPLITS):
            raise ValueError("a table needs either `all`, or each of train, dev and test")
        self.fillers = {}
        for split in SPLITS:
            entries = [e.strip() for line in lines(texts[split]) for e in line.split(",")]
            self.fillers[split] = [self._forms_of(e, inflect) for e in entries if e]

    def _forms_of(self, entry, inflect):
        if inflect:
            return inflect(entry)
        texts = [part.strip() for part in entry.split("|")]
        if len(texts) != len(self.forms):
            raise ValueError("filler '%s': expected the forms %s" % (entry, self.forms))
        return dict(zip(self.forms, texts))


class _Pick:
    """A filler that a sentence chose, and the fillers that it is made of."""

    def __init__(self, table, forms):
        self.table = table
        self.forms = forms
        self.parts = {}


class Sentence:
    """Raw text with, for every character, the entity it is in: (number, tag) or None."""

    def __init__(self):
        self.text = ""
        self.entity = []
        self.entities = 0

    def add(self, text, entity):
        self.text += text
        self.entity += [entity] * len(text)

    def new_entity(self, tag):
        self.entities += 1
        return (self.entities, tag)

    def capitalise(self):
        for i, c in enumerate(self.text):
            if c.isalnum():
                self.text = self.text[:i] + c.upper() + self.text[i + 1 :]
                return

    def tagged(self):
        """[(token, IOB2 tag)]."""
        result = []
        previous = None
        for match in TOKEN.finditer(self.text):
            inside = self.entity[match.start() : match.end()]
            if any(e != inside[0] for e in inside):
                raise ValueError("an entity ends within token '%s' of: %s" % (match[0], self.text))
            entity = inside[0]
            tag = "O" if not entity else ("I-" if entity == previous else "B-") + entity[1]
            result.append((match[0], tag))
            previous = entity
        return result


class Grammar:
    """The tables of one language, and the rule that makes sentences of them."""

    def __init__(self, tables):
        self.tables = tables

    def sentence(self, template, split, choices):
        """One `Sentence` of `template`, with fillers of `split`."""
        sentence = Sentence()
        self._expand(template, None, _Scope(split, choices), {}, sentence)
        sentence.capitalise()
        return sentence

    def _expand(self, text, form, scope, names, sentence, tag=None, entity=None, within=False):
        """Writes `text`: `tag` is what its [brackets] mean, `entity` what it is in already, `names`
        its named fillers. Within a filler every part is named after its table, so that all forms of
        the filler have the same parts."""
        position = 0
        outer = entity
        for match in MARKUP.finditer(text):
            sentence.add(text[position : match.start()], entity)
            position = match.end()
            if match[0] == "[":
                entity = outer or sentence.new_entity(tag)
            elif match[0] == "]":
                entity = outer
            else:
                self._slot(match[0][1:-1], form, scope, names, sentence, entity, within)
        sentence.add(text[position:], entity)

    def _slot(self, slot, form, scope, names, sentence, entity, within):
        number = NUMBER.match(slot)
        if number:
            low, high = int(number[1]), int(number[2])
            sentence.add(str(low + scope.choices.below(high - low + 1)), entity)
            return
        head, *path = slot.split(".")
        kind, _, name = head.partition("@")
        pick = names.get(name or kind)
        if pick is None:
            pick = scope.pick(self.tables, kind)
            if name or within:
                names[name or kind] = pick
        while path and path[0] in pick.parts:
            pick = pick.parts[path.pop(0)]
        wanted = (form if path[0] == "*" else path[0]) if path else None
        self._write(pick, wanted, scope, sentence, entity)

    def _write(self, pick, form, scope, sentence, entity):
        first = next(iter(pick.forms))
        form = form or first
        text = pick.forms.get(form)
        if text is None and ".*}" in pick.forms[first]:
            text = pick.forms[first]  # The parts have the form, the whole is only put together.
        if text is None:
            raise ValueError("no form '%s' of '%s'" % (form, pick.forms[first]))
        tag = None if form.startswith("~") else pick.table.tag
        if tag and "[" not in text:
            text = "[%s]" % text
        self._expand(text, form, scope, pick.parts, sentence, tag, entity, within=True)


class _Scope:
    """What a sentence has used so far."""

    def __init__(self, split, choices):
        self.split = split
        self.choices = choices
        self.used = []

    def pick(self, tables, kind):
        if kind not in tables:
            raise ValueError("no table '%s'; expected one of %s" % (kind, sorted(tables)))
        table = tables[kind]
        fillers = table.fillers[self.split]
        free = [f for f in fillers if next(iter(f.values())) not in self.used] or fillers
        forms = self.choices.one_of(free)
        self.used.append(next(iter(forms.values())))
        return _Pick(table, forms)
