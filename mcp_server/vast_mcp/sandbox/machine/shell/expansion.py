"""Words become texts: parameters, substitutions, numbers, fields, and the paths that fit."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from . import patterns
from .arithmetic import evaluated
from .syntax import Arithmetic, Parameter, Part, Substitution, Text, Word

if TYPE_CHECKING:
    from .running import Shell

BLANK = " \t\n"
LONGEST = 8_000_000  # characters of one text


class ExpansionFault(Exception):
    """A word cannot be expanded; a shell that runs a script ends with that."""


@dataclass(frozen=True)
class Piece:
    """A piece of a word; what `splits` is cut into fields, and a `breaks` stands between two."""

    text: str = ""
    quoted: bool = False
    splits: bool = False
    breaks: bool = False


BREAK = Piece(breaks=True)


class Expansion:
    """Words are expanded with the variables of a shell."""

    def __init__(self, shell: "Shell") -> None:
        self._shell = shell

    async def fields(self, words: Iterable[Word]) -> list[str]:
        """Expand words to fields: none, one or several each."""
        found = list[str]()
        for word in words:
            for field in self._split(await self._pieces(word, tilde=True)):
                found += self._paths(field)
        return found

    async def text(self, word: Word) -> str:
        """Expand a word to one text."""
        return patterns.text_of(await self._unsplit(word, tilde=True))

    async def pattern(self, word: Word) -> re.Pattern[str]:
        """Expand a word to a pattern."""
        return patterns.fitting(await self._unsplit(word, tilde=False))

    async def _unsplit(self, word: Word, *, tilde: bool) -> patterns.Field:
        pieces = await self._pieces(word, tilde=tilde)
        return [(" " if one.breaks else one.text, one.quoted or one.breaks) for one in pieces]

    # Pieces

    async def _pieces(self, word: Word, *, tilde: bool = False) -> list[Piece]:
        found = list[Piece]()
        for place, part in enumerate(word):
            if tilde and place == 0 and isinstance(part, Text) and not part.quoted:
                found += self._at_home(part)
            else:
                found += await self._piece(part)
        if sum(len(one.text) for one in found) > LONGEST:
            raise ExpansionFault("the text is too long")
        return found

    def _at_home(self, part: Text) -> list[Piece]:
        head, slash, rest = part.text.partition("/")
        home = self._shell.get("HOME")
        if head != "~" or home is None:
            return [Piece(part.text)]
        return [Piece(home, quoted=True), Piece(slash + rest)]

    async def _piece(self, part: Part) -> list[Piece]:
        if isinstance(part, Text):
            return [Piece(part.text, part.quoted)]
        if isinstance(part, Substitution):
            text = await self._shell.substituted(part.script)
            return [Piece(text, part.quoted, not part.quoted)]
        if isinstance(part, Arithmetic):
            text = patterns.text_of(await self._unsplit(part.word, tilde=False))
            value = evaluated(text, lambda name: self._known(name) or "", self._shell.put)
            return [Piece(str(value), part.quoted, not part.quoted)]
        return await self._parameter(part)

    async def _parameter(self, part: Parameter) -> list[Piece]:
        value = self._shell.get(part.name)
        if part.of_length:
            length = len(self._known(part.name) or "")
            return [Piece(str(length), part.quoted, not part.quoted)]
        operator = part.operator
        if not operator:
            self._known(part.name)
            return self._values(part)
        if operator[0] in "%#":
            fits = await self.pattern(part.word)
            text = _trimmed(self._known(part.name) or "", fits, operator)
            return [Piece(text, part.quoted, not part.quoted)]
        is_there = value is not None and not (operator[0] == ":" and value == "")
        if operator[-1] == "+":
            return await self._instead(part) if is_there else self._nothing(part)
        if is_there:
            return self._values(part)
        return await self._absent(part)

    async def _absent(self, part: Parameter) -> list[Piece]:
        operator = part.operator[-1]
        if operator == "-":
            return await self._instead(part)
        if operator == "?":
            usual = "parameter not set" if part.operator == "?" else "parameter not set or null"
            raise ExpansionFault(f"{part.name}: {await self.text(part.word) or usual}")
        text = await self.text(part.word)
        self._shell.put(part.name, text)
        return [Piece(text, part.quoted, not part.quoted)]

    async def _instead(self, part: Parameter) -> list[Piece]:
        pieces = await self._pieces(part.word, tilde=True)
        if not pieces:
            return self._nothing(part)
        return [one if one.quoted or one.breaks else replace(one, splits=True) for one in pieces]

    @staticmethod
    def _nothing(part: Parameter) -> list[Piece]:
        return [Piece("", part.quoted, not part.quoted)]

    def _values(self, part: Parameter) -> list[Piece]:
        if part.name == "@" or (part.name == "*" and not part.quoted):
            found = list[Piece]()
            for one in self._shell.arguments:
                found += [BREAK, Piece(one, part.quoted, not part.quoted)]
            return found[1:]
        return [Piece(self._shell.get(part.name) or "", part.quoted, not part.quoted)]

    def _known(self, name: str) -> str | None:
        value = self._shell.get(name)
        if value is None and "u" in self._shell.options and name not in {"@", "*"}:
            raise ExpansionFault(f"{name}: parameter not set")
        return value

    # Fields

    def _split(self, pieces: list[Piece]) -> list[list[tuple[str, bool]]]:
        given = self._shell.get("IFS")
        ifs = BLANK if given is None else given
        fields, current = list[list[tuple[str, bool]]](), list[tuple[str, bool]]()
        for piece in pieces:
            if piece.breaks:
                fields.append(current)
                current = []
            elif piece.splits:
                current = _cut(piece.text, ifs, fields, current)
            elif piece.text or piece.quoted:
                current.append((piece.text, piece.quoted))
        fields.append(current)
        return [field for field in fields if field]

    def _paths(self, field: list[tuple[str, bool]]) -> list[str]:
        if "f" not in self._shell.options and patterns.is_magic(field):
            process = self._shell.process
            found = patterns.paths(field, process.machine.tree, process.cwd)
            if found:
                return found
        return [patterns.text_of(field)]


def _cut(
    text: str,
    ifs: str,
    fields: list[list[tuple[str, bool]]],
    current: list[tuple[str, bool]],
) -> list[tuple[str, bool]]:
    """Cut a text into fields; the last one may go on."""
    if not ifs:
        return [*current, (text, False)] if text else current
    at = 0
    for separator in _separators(ifs).finditer(text):
        chunk = text[at : separator.start()]
        at = separator.end()
        if chunk:
            current.append((chunk, False))
        if separator[0].strip(BLANK) and not current:
            current.append(("", True))
        fields.append(current)
        current = []
    if text[at:]:
        current.append((text[at:], False))
    return current


def _separators(ifs: str) -> re.Pattern[str]:
    blank = "".join(char for char in ifs if char in BLANK)
    other = "".join(char for char in ifs if char not in BLANK)
    blanks = f"[{re.escape(blank)}]" if blank else "(?!)"
    others = f"[{re.escape(other)}]" if other else "(?!)"
    return re.compile(f"{blanks}*{others}{blanks}*|{blanks}+")


def split_line(line: str, ifs: str, count: int) -> list[str]:
    """Cut a line as `read` does: the last of so many fields has the rest."""
    blank = "".join(char for char in ifs if char in BLANK)
    rest, found = line.strip(blank) if blank else line, list[str]()
    while len(found) < count - 1 and ifs and rest:
        separator = _separators(ifs).search(rest)
        if separator is None:
            break
        found.append(rest[: separator.start()])
        rest = rest[separator.end() :]
    return [*found, rest]


def _trimmed(text: str, fits: re.Pattern[str], operator: str) -> str:
    """Take away the shortest or the longest head or tail that fits."""
    lengths = range(len(text) + 1)
    for length in lengths if len(operator) == 1 else reversed(lengths):
        head, tail = text[:length], text[length:]
        if operator[0] == "%":
            head, tail = text[: len(text) - length], text[len(text) - length :]
        if fits.fullmatch(head if operator[0] == "#" else tail):
            return tail if operator[0] == "#" else head
    return text
