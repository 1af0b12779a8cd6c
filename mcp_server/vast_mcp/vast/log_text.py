"""A log's text as a terminal would leave it, without what may not be shown."""

from __future__ import annotations

import re
import unicodedata

from vast_mcp.masking import Mask

NO_SECRETS = Mask([])
# Colours and cursor moves (CSI), window titles (OSC) and the two-character escapes of a terminal.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[ "
    r"-/]*[0-~]"
)


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
    return "".join(_visible(char) for char in drawn).rstrip()


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
