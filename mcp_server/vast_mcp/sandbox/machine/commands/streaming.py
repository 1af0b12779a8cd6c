"""sed: lines are edited as they come."""

import re

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, opened

from .sed_scripts import Act, SedScript


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
    acts = SedScript("\n".join(scripts), extended=extended).acts()
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
