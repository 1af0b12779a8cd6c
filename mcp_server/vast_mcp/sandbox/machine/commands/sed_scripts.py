"""What a script of sed says."""

import re
from dataclasses import dataclass, field

from vast_mcp.sandbox.machine.calls import Usage

from .expressions import expression, translated

_ADDRESS = re.compile(r"\s*(?:(\d+)|(\$)|/((?:\\.|[^/\\])*)/(I?))")
_FLAGS = re.compile(r"[gpIi0-9]*")


@dataclass
class Act:
    """An act has addresses, a letter, and what the letter needs."""

    letter: str
    addresses: list[str | int | re.Pattern[bytes]] = field(
        default_factory=list[str | int | re.Pattern[bytes]]
    )
    negated: bool = False
    fits: re.Pattern[bytes] | None = None
    text: bytes = b""
    flags: str = ""
    is_open: bool = False  # within a range
    body: "list[Act]" = field(default_factory=list["Act"])


class SedScript:
    """A script is read, act by act."""

    def __init__(self, text: str, *, extended: bool) -> None:
        self._text, self._at, self._extended = text, 0, extended

    def acts(self, end: str = "") -> list[Act]:
        """Read acts up to an end."""
        found = list[Act]()
        while True:
            self._skip(" \t\n;")
            if self._at >= len(self._text):
                if end:
                    raise Usage("unmatched `{'")
                return found
            if end and self._text[self._at] == end:
                self._at += 1
                return found
            if self._text[self._at] == "#":
                self._upto("\n")
                continue
            found.append(self._act())

    def _skip(self, chars: str) -> None:
        while self._at < len(self._text) and self._text[self._at] in chars:
            self._at += 1

    def _upto(self, end: str) -> str:
        stop = self._text.find(end, self._at)
        stop = len(self._text) if stop < 0 else stop
        taken, self._at = self._text[self._at : stop], stop + 1
        return taken

    def _act(self) -> Act:
        addresses = list[str | int | re.Pattern[bytes]]()
        while (address := _ADDRESS.match(self._text, self._at)) is not None:
            self._at = address.end()
            addresses.append(self._address(address))
            self._skip(" \t")
            if not self._text.startswith(",", self._at):
                break
            self._at += 1
        self._skip(" \t")
        negated = self._text.startswith("!", self._at)
        self._at += negated
        self._skip(" \t")
        letter = self._text[self._at : self._at + 1]
        self._at += 1
        act = Act(letter, addresses, negated)
        self._fill(act)
        return act

    def _address(self, found: re.Match[str]) -> str | int | re.Pattern[bytes]:
        if found[1]:
            return int(found[1])
        if found[2]:
            return "$"
        text = translated(found[3].replace("\\/", "/"), extended=self._extended)
        return expression(text, ignores_case=found[4] == "I")

    def _fill(self, act: Act) -> None:
        if act.letter == "{":
            act.body = self.acts("}")
        elif act.letter == "s":
            self._substitution(act)
        elif act.letter == "y":
            delimiter = self._delimiter()
            one, other = self._part(delimiter), self._part(delimiter)
            act.text = bytes.maketrans(one.encode(), other.encode())
        elif act.letter in {"a", "i", "c"}:
            self._skip(" \t")
            text = self._upto("\n").removeprefix("\\").lstrip(" \t\n")
            act.text = f"{text}\n".encode("utf-8", "surrogateescape")
        elif act.letter not in {"p", "d", "q", "=", "D", "n"} or not act.letter:
            raise Usage(f"unknown command: `{act.letter}'")

    def _delimiter(self) -> str:
        self._at += 1
        return self._text[self._at - 1 : self._at]

    def _substitution(self, act: Act) -> None:
        delimiter = self._delimiter()
        pattern, text = self._part(delimiter), self._part(delimiter)
        flags = _FLAGS.match(self._text, self._at)
        act.flags = flags[0] if flags else ""
        self._at += len(act.flags)
        ignores = bool({"I", "i"} & set(act.flags))
        made = translated(pattern, extended=self._extended)
        act.fits = expression(made, ignores_case=ignores)
        act.text = text.encode("utf-8", "surrogateescape")

    def _part(self, delimiter: str) -> str:
        found, depth = "", False
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            if char == "\\" and self._at < len(self._text):
                after = self._text[self._at]
                self._at += 1
                found += after if after == delimiter else char + after
                continue
            if char == delimiter and not depth:
                return found
            depth = (char == "[" and not depth) or (depth and char != "]")
            found += char
        raise Usage("unterminated `s' command")
