"""The letters and digits of a text, escapes undone, and where in the text they stand."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterable

HIDDEN = "***"

# What nobody sees as a letter: spaces, soft hyphens, marks of direction, the lines of tables.
_MARKS = (
    rb"(?<=\xc2)[\xa0\xad]|(?<=\xef)\xbb\xbf"
    rb"|(?<=\xe2)(?:\x80[\x80-\x8f\xa8-\xaf]|\x81[\xa0-\xaf]|[\x94\x95][\x80-\xbf])"
)
_UNSEEN = re.compile(rb"[\xc2\xe2\xef](?:" + _MARKS + rb")")
# Escapes, by their first byte; backslashes and %25 repeat where a text was escaped more than once.
_ESCAPE = re.compile(
    rb"[\\%&0\x1b\xc2\xe2\xef](?:"
    rb"(?<=\\)(?<!\\\\)\\*+(?:"  # from the first of them on, so that many take no longer
    rb"u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\+u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|u(?P<code>[0-9a-fA-F]{4})|[ux]\{0*(?P<braced>[0-9a-fA-F]{1,6})\}|U(?P<long>[0-9a-fA-F]{8})"
    rb"|x(?P<byte>[0-9a-fA-F]{2})|(?P<octal>[0-3][0-7]{2})|[abefnrtv0])"
    rb"|(?<=%)(?:25)*(?:(?P<percent>[0-9a-fA-F]{2})|[uU](?P<unit>[0-9a-fA-F]{4}))"
    rb"|(?<=&)(?:amp;)*(?:(?P<entity>[A-Za-z]{2,8})|\#0*(?P<decimal>[1-9][0-9]{0,6})"
    rb"|\#[xX]0*(?P<hex>[1-9a-fA-F][0-9a-fA-F]{0,5}));"
    # Of a list of bytes; inside of a word it is no such thing.
    rb"|(?<=0)(?<![0-9A-Za-z\x80-\xff]0)[xX](?=[0-9a-fA-F]{2}(?![0-9A-Za-z]))"
    rb"|(?<=\x1b)\[[0-?]*[ -/]*[@-~]"  # colours
    rb"|" + _MARKS + rb")"
)
_ENTITIES = {"entity": "&", "decimal": "&#", "hex": "&#x"}  # how each kind begins
_DROPPED = bytes(byte for byte in range(128) if not chr(byte).isalnum())
_TOKEN = re.compile(
    _ESCAPE.pattern
    + rb"|(?P<plain>[0-9A-Za-z\x80-\xc1\xc3-\xe1\xe3-\xee\xf0-\xff]+|[\xc2\xe2\xef])"
)
_CHUNK = 65_536  # bytes of a text whose letters are counted together


def letters_of(text: str) -> bytes:
    """The letters and digits of a text."""
    return letters_in(text.encode("utf-8", "surrogatepass"))


def letters_in(raw: bytes) -> bytes:
    """The letters and digits, escapes undone."""
    return only_letters(_ESCAPE.sub(_undone, raw))


def only_letters(raw: bytes) -> bytes:
    """The letters and digits as they stand, and whatever is not ASCII."""
    return raw.translate(None, _DROPPED)


def _undone(escape: re.Match[bytes]) -> bytes:
    """What an escape stands for; nothing for an end of line and the like."""
    kind = escape.lastgroup
    if kind is None:
        return b""
    text = escape[kind]
    match kind:
        case "byte" | "percent":
            return bytes([int(text, 16)])
        case "octal":
            return bytes([int(text, 8)])
        case "entity" | "decimal" | "hex":
            return _seen(html.unescape(f"{_ENTITIES[kind]}{text.decode()};"))
        case "low":
            units = escape["high"] + text
            return bytes.fromhex(units.decode()).decode("utf-16-be").encode()
        case _:
            return _character(int(text, 16))


def _character(code: int) -> bytes:
    if code > sys.maxunicode:
        return b""
    return _seen(chr(code))


def _seen(text: str) -> bytes:
    return _UNSEEN.sub(b"", text.encode("utf-8", "surrogatepass"))


class Read:
    """A text and its letters."""

    def __init__(self, text: str) -> None:
        self.raw = text.encode("utf-8", "surrogatepass")
        # Begin, end, number of the first letter, number of the first letter behind it.
        self._chunks: list[tuple[int, int, int, int]] = []
        letters: list[bytes] = []
        begin = count = 0
        while begin < len(self.raw):
            end = self.raw.find(b"\n", begin + _CHUNK) + 1 or len(self.raw)  # inside no escape
            letters.append(letters_in(self.raw[begin:end]))
            following = count + len(letters[-1])
            self._chunks.append((begin, end, count, following))
            begin, count = end, following
        self.letters = b"".join(letters)

    def without(self, found: Iterable[tuple[int, int]]) -> str:
        """The text with what stands behind these letters replaced."""
        raw, spans = self.raw, _joined(found)
        where = self._where({at for start, end in spans for at in (start, end - 1)})
        shown, done = bytearray(), 0
        for start, end in spans:
            begin, stop = where[start][0], where[end - 1][1]
            while begin > done and raw[begin] & 0xC0 == 0x80:  # inside a character
                begin -= 1
            while stop < len(raw) and raw[stop] & 0xC0 == 0x80:
                stop += 1
            shown += raw[done:begin] + HIDDEN.encode()
            done = stop
        return bytes(shown + raw[done:]).decode("utf-8", "surrogatepass")

    def _where(self, wanted: set[int]) -> dict[int, tuple[int, int]]:
        """Where the letters of these numbers stand in the text."""
        found: dict[int, tuple[int, int]] = {}
        left = sorted(wanted, reverse=True)
        for begin, end, number, following in self._chunks:
            if left and left[-1] < following:
                _find(_TOKEN.finditer(self.raw, begin, end), number, left, found)
        return found


def _find(
    tokens: Iterable[re.Match[bytes]],
    number: int,
    left: list[int],
    found: dict[int, tuple[int, int]],
) -> None:
    """Take those of the letters that are left, the last of them first, whose tokens these are.
    `number`: of the first letter here.
    """
    for token in tokens:
        start, end = token.span()
        is_plain = token.lastgroup == "plain"
        many = end - start if is_plain else len(only_letters(_undone(token)))
        while left and left[-1] < number + many:
            at = left.pop()
            letter = start + at - number
            found[at] = (letter, letter + 1) if is_plain else (start, end)
        number += many


def _joined(found: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, those that touch as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
