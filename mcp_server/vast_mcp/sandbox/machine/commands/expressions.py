"""Regular expressions of grep and sed, basic and extended, as this language has them."""

import os
import re
from collections.abc import Iterable, Mapping

from vast_mcp.sandbox.machine.calls import Usage
from vast_mcp.sandbox.machine.shell.patterns import bracket

SWAPPED = frozenset(
    "+?|(){}"
)  # what a basic expression means with a backslash, and extended without


def translated(text: str, *, extended: bool) -> str:
    """Write a POSIX expression as one of this language."""
    made, at = "", 0
    while at < len(text):
        char = text[at]
        if char == "[":
            piece, at = _bracket(text, at)
            made += piece
        elif char == "\\" and at + 1 < len(text):
            made += _escaped(text[at + 1], extended=extended)
            at += 2
        elif char in SWAPPED and not extended:
            made, at = made + "\\" + char, at + 1
        elif char == "*" and _begins(made):
            made, at = made + "\\*", at + 1
        elif char == "^" and not extended and not _begins(made):
            made, at = made + "\\^", at + 1
        elif char == "$" and not extended and at + 1 < len(text) and text[at + 1 : at + 3] != "\\)":
            made, at = made + "\\$", at + 1
        else:
            made, at = made + char, at + 1
    return made


def _begins(made: str) -> bool:
    return made in {"", "^"} or (
        made.endswith(("(", "|", "(^")) and not made.endswith(("\\(", "\\|"))
    )


def _escaped(char: str, *, extended: bool) -> str:
    if char in SWAPPED and not extended:
        return char
    if char in {"<", ">"}:
        return r"\b"
    if char.isdigit() or char in "nwWsSbBt":
        return "\\" + char
    return re.escape(char)


def _bracket(text: str, at: int) -> tuple[str, int]:
    begin = at + 1 + text.startswith("^", at + 1)
    end = begin + text.startswith("]", begin)
    while end < len(text) and text[end] != "]":
        named = text.startswith("[:", end)
        end = text.find(":]", end) + 2 if named and ":]" in text[end:] else end + 1
    if end >= len(text):
        raise Usage("Unmatched [, [^, [:, [., or [=", 2)
    inside = text[begin:end].replace("\\", "\\\\")
    return bracket(inside, negated=begin > at + 1), end + 1


def compiled(patterns: Iterable[str], kind: str, given: Mapping[str, str]) -> re.Pattern[bytes]:
    """Make one expression of several; the kind is F, E or G, and -i, -x and -w count."""
    made = [
        re.escape(one) if kind == "F" else translated(one, extended=kind == "E") for one in patterns
    ]
    whole = "|".join(f"(?:{one})" for one in made) if len(made) > 1 else made[0]
    if "x" in given:
        whole = rf"\A(?:{whole})\Z"
    if "w" in given:
        whole = rf"\b(?:{whole})\b"
    return expression(whole, ignores_case="i" in given)


def expression(text: str, *, ignores_case: bool = False) -> re.Pattern[bytes]:
    """Compile an expression that is this language's already."""
    try:
        return re.compile(os.fsencode(text), re.IGNORECASE if ignores_case else 0)
    except re.error as fault:
        raise Usage(f"Invalid regular expression: {fault}", 2) from None
