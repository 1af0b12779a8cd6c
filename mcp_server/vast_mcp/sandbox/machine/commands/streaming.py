"""sed: lines are edited as they come."""

import re
from dataclasses import dataclass, field

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, opened

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


class Over(Exception):
    """`q` was reached."""


async def stream_edit(call: Call) -> int:
    """Edit the lines of files, or with -i the files."""
    scripts, flags = _options(call)
    if not scripts:
        if not call.words:
            raise Usage("usage: sed [OPTION]... {script} [input-file]...", 1)
        scripts = [call.words.pop(0)]
    extended = bool({"E", "r"} & flags)
    acts = _Script("\n".join(scripts), extended=extended).acts()
    if "i" in flags:
        for path in call.words:
            edited = _Editing(acts, quiet="n" in flags).lines(await call.lines(path))
            sink = opened(call.process, path, may="w", cut=True)
            await sink.write(edited)
            sink.drop()
        return 0
    lines = list[bytes]()
    status = 0
    for path in call.words or ["-"]:
        try:
            lines += await call.lines(path)
        except OSError as error:
            await call.complain(f"can't read {path}: {error.strerror}")
            status = 2
    await call.out(_Editing(acts, quiet="n" in flags).lines(lines))
    return status


def _options(call: Call) -> tuple[list[str], set[str]]:
    scripts, flags, rest = list[str](), set[str](), list[str]()
    words = call.words
    while words:
        word = words.pop(0)
        if word == "--":
            rest += words
            break
        if word.startswith("-e") or word == "--expression":
            scripts.append(word[2:] if len(word) > 2 and word[1] == "e" else words.pop(0))
        elif word.startswith("-") and len(word) > 1:
            if not set(word[1:]) <= set("nErisuz"):
                raise Usage(f"invalid option -- '{word[1:]}'")
            flags |= set(word[1:])
        else:
            rest.append(word)
    call.words = rest
    return scripts, flags


class _Script:
    def __init__(self, text: str, *, extended: bool) -> None:
        self._text, self._at, self._extended = text, 0, extended

    def acts(self, end: str = "") -> list[Act]:
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


class _Editing:
    def __init__(self, acts: list[Act], *, quiet: bool) -> None:
        self._acts, self._quiet = acts, quiet
        self._out = bytearray()
        self._after = b""
        self._number = 0
        self._is_last = False

    def lines(self, lines: list[bytes]) -> bytes:
        """Edit lines: what is written."""
        for place, line in enumerate(lines, 1):
            self._number, self._is_last, self._after = place, place == len(lines), b""
            end = b"\n" if line.endswith(b"\n") else b""
            try:
                text = self._edited(line.removesuffix(b"\n"), self._acts)
            except Over as over:
                self._show(over.args[0], end)
                break
            self._show(text, end)
        return bytes(self._out)

    def _show(self, text: bytes | None, end: bytes) -> None:
        if text is not None and not self._quiet:
            self._out += text + end
        self._out += self._after

    def _edited(self, text: bytes, acts: list[Act]) -> bytes | None:
        """Do each act: the line, or None where it is deleted."""
        for act in acts:
            if self._is_meant(act, text) == act.negated:
                continue
            edited = self._done(act, text)
            if edited is None:
                return None
            text = edited
        return text

    def _done(self, act: Act, text: bytes) -> bytes | None:
        if act.letter == "{":
            return self._edited(text, act.body)
        if act.letter == "s":
            return self._substituted(act, text)
        if act.letter == "y":
            return text.translate(act.text)
        if act.letter == "q":
            raise Over(text)
        if act.letter in {"d", "D"}:
            return None
        if act.letter == "p":
            self._out += text + b"\n"
        elif act.letter == "=":
            self._out += b"%d\n" % self._number
        elif act.letter == "a":
            self._after += act.text
        elif act.letter in {"i", "c"}:
            self._out += act.text
        return None if act.letter == "c" else text

    def _substituted(self, act: Act, text: bytes) -> bytes:
        assert act.fits is not None  # noqa: S101
        which = int("".join(char for char in act.flags if char.isdigit()) or "1")
        seen = changed = 0

        def replaced(found: re.Match[bytes]) -> bytes:
            nonlocal seen, changed
            seen += 1
            if seen < which or (seen > which and "g" not in act.flags):
                return found[0]
            changed += 1
            return _replacement(act.text, found)

        text = act.fits.sub(replaced, text)
        if changed and "p" in act.flags:
            self._out += text + b"\n"
        return text

    def _is_meant(self, act: Act, text: bytes) -> bool:
        if not act.addresses:
            return True
        if len(act.addresses) == 1:
            return self._is_at(act.addresses[0], text)
        first, last = act.addresses
        if not act.is_open:
            act.is_open = self._is_at(first, text)
            if act.is_open and isinstance(last, int) and last <= self._number:
                act.is_open = False
                return True
            return act.is_open
        act.is_open = not self._is_at(last, text)
        return True

    def _is_at(self, address: str | int | re.Pattern[bytes], text: bytes) -> bool:
        if isinstance(address, int):
            return address == self._number
        if isinstance(address, str):
            return self._is_last
        return address.search(text) is not None


def _replacement(text: bytes, found: re.Match[bytes]) -> bytes:
    made, at = b"", 0
    while at < len(text):
        char = text[at : at + 1]
        if char == b"&":
            made, at = made + found[0], at + 1
        elif char == b"\\" and at + 1 < len(text):
            after = text[at + 1 : at + 2]
            if after.isdigit():
                made += (found[int(after)] if found.re.groups >= int(after) else b"") or b""
            else:
                made += {b"n": b"\n", b"t": b"\t"}.get(after, after)
            at += 2
        else:
            made, at = made + char, at + 1
    return made


STREAMING: dict[str, Command] = {"sed": stream_edit}
