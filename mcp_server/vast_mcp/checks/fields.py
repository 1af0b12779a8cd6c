"""The fields that the script printed: the exit status of a command, and its lines."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import cast

LONGEST = 65_536  # characters of a line
NOT_THERE = 127  # a shell's status for a program that is not there

_FIELD = re.compile(r"([0-9]{1,3}) ([A-Za-z0-9 ;,.:/%()_-]{0,6000})", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?", re.ASCII)


@dataclass(frozen=True)
class Said:
    """What a command printed, line by line, and its exit status."""

    status: int
    lines: tuple[str, ...]


Fields = dict[str, Said]


def fields_of(text: str) -> Fields | None:
    """The fields of the script's JSON; None where it is none of ours."""
    if len(text) > LONGEST:
        return None
    try:
        there: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(there, dict):
        return None
    given = cast("dict[str, object]", there)
    if given.get("v") != 1:
        return None
    fields: Fields = {}
    for name, value in given.items():
        said = _FIELD.fullmatch(value) if isinstance(value, str) else None
        if said is not None:
            lines = (line.strip() for line in said.group(2).split(";"))
            fields[name] = Said(int(said.group(1)), tuple(line for line in lines if line))
    return fields


def number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None
