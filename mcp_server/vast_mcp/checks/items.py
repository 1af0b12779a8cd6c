"""One thing that was promised beside what was found, and the words for numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "worse", "better", "unknown"]

SIZE = 0.95  # of a memory, or of cores, that counts as all of it
MUCH_MORE = 1.25  # of a size, that is worth saying


@dataclass(frozen=True)
class Item:
    """One thing that was promised, and what was found; the texts are ours, but for numbers, and
    names that have the shape of a card's name.
    """

    name: str
    promised: str
    found: str
    verdict: Verdict


UNKNOWN = "not known"


def text_of(number: float | None, unit: str = "") -> str:
    if number is None:
        return UNKNOWN
    shown = f"{number:.0f}" if number >= 100 else f"{round(number, 1):g}"
    return f"{shown} {unit}".rstrip()


def least(numbers: Iterable[float | None]) -> float | None:
    """The least of them; None where one is not known, or there is none."""
    known = list(numbers)
    if not known or None in known:
        return None
    return min(number for number in known if number is not None)


def version_text(number: float | None, _: str = "") -> str:
    return UNKNOWN if number is None else f"{number:.1f}"


def at_least(
    name: str,
    promised: float | None,
    found: float | None,
    unit: str = "",
    *,
    text: Callable[[float | None, str], str] = text_of,
) -> Item:
    """A number that has to be reached."""
    said = text(promised, unit), text(found, unit)
    if promised is None or found is None:
        return Item(name, *said, "unknown")
    return Item(name, *said, beside(found, promised))


def size(
    name: str,
    promised: float | None,
    found: float | None,
    unit: str = "",
    *,
    enough: float = SIZE,
) -> Item:
    """A size that has to be reached, within the tolerance."""
    verdict: Verdict = "unknown"
    if promised is not None and found is not None:
        verdict = "ok"
        if found < enough * promised:
            verdict = "worse"
        elif found > MUCH_MORE * promised:
            verdict = "better"
    return Item(name, text_of(promised, unit), text_of(found, unit), verdict)


def beside(found: float, promised: float) -> Verdict:
    if found == promised:
        return "ok"
    return "worse" if found < promised else "better"
