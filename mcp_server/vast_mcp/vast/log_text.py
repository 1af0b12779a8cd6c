"""A log's text as a terminal would leave it, without what may not be shown."""

from __future__ import annotations

import functools
import json
import re
import unicodedata

from vast_mcp.masking import Mask

NO_SECRETS = Mask([])
# Colours and cursor moves (CSI), window titles (OSC) and the two-character escapes of a terminal.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[ "
    r"-/]*[0-~]"
)
_PRINTABLE = re.compile(r"[ -~]*")  # of these nearly every line is, and each is shown as it is


def plain_lines(text: str, mask: Mask = NO_SECRETS) -> list[str]:
    """The lines as a terminal would leave them: no escapes, and of a redrawn line its last state.

    Control and bidirectional characters go; tabs stay. Secrets are masked last, since any of those
    may stand in the middle of one.
    """
    plain = "\n".join(map(_plain, text.split("\n")))
    return mask.hide_foreign(plain.rstrip("\n")).split("\n") if plain.strip() else []


def _plain(line: str) -> str:
    """One line as it was last drawn, of visible characters."""
    _, _, drawn = _ESCAPES.sub("", line).rstrip("\r").rpartition("\r")
    if not _PRINTABLE.fullmatch(drawn):
        drawn = "".join(map(_visible, drawn))
    return drawn.rstrip()


@functools.lru_cache(4096)  # a log has few different characters
def _visible(char: str) -> str:
    """A character as it may be shown: spaces of every kind as one kind, control characters not."""
    if char == "\t":
        return char
    if char.isspace():
        return " "
    if _is_control(char):
        return ""
    return char


def _is_control(char: str) -> bool:
    """Whether Unicode counts a character as control, format, or not assigned (category C)."""
    return unicodedata.category(char).startswith("C")


def last(lines: list[str], most: int) -> list[str]:
    """As many lines from the end as fit into `most` bytes of JSON text; of a longer last line, its
    own end.
    """
    kept = _how_many_fit(lines, most)
    if kept == 0:
        return [_end(line, most) for line in lines[-1:]]
    return lines[-kept:]


def _how_many_fit(lines: list[str], most: int) -> int:
    """How many lines, counted from the last, take at most so many bytes of JSON text."""
    left = most
    for number, line in enumerate(reversed(lines)):
        left -= _size(line) + 2  # a line's end is \n in JSON text
        if left < 0:
            return number
    return len(lines)


def _end(line: str, most: int) -> str:
    """The end of a line that is too long by itself."""
    end = line[-most:]
    while _size(end) > most:
        excess = _size(end) - most
        end = end[(excess + 11) // 12 :]  # no character takes more than 12 bytes
    return end


def _size(line: str) -> int:
    return len(json.dumps(line, ensure_ascii=False).encode()) - 2
