"""How much a call may hold, whatever its tool.

Work on what comes from outside grows with its size, and an agent's mistake can have any: so every
text, list and number has a bound before anything else looks at it. The bounds are far from what
Vast takes, and no host needs to read them in a schema.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Container, Generator, Mapping
from itertools import islice
from typing import Any, cast

from vast_mcp import errors
from vast_mcp.errors import Json, Problem

TEXT = 4_096  # characters of a text, where the tool says nothing else
CHARACTERS = 200_000  # of all texts together
VALUES = 10_000
DEPTH = 20
NUMBER = 10**15  # no gigabytes, seconds or dollars are more
WHOLE_NUMBER = 10**40  # whatever id a machine has, it can be ended

Path = tuple[str | int, ...]

_TOO_MUCH = f"more than {VALUES} values, or {CHARACTERS} characters, in one call"


def beyond(
    given: Json, longer: Mapping[str, int], quantities: Container[str] = ()
) -> list[Problem]:
    """What is too long, too many, too deep, too large, or no text. `longer`: arguments whose texts
    may be longer than others; `quantities`: those whose whole numbers are no ids.
    """
    problems: list[Problem] = []
    characters = 0
    for values, (path, value) in enumerate(_all_in(given), 1):
        if isinstance(value, str):
            characters += len(value)
        if values > VALUES or characters > CHARACTERS:
            return [Problem("(arguments)", _TOO_MUCH)]
        name = str(path[0])
        largest = NUMBER if name in quantities or isinstance(value, float) else WHOLE_NUMBER
        problem = _problem_with(value, longer.get(name, TEXT), largest)
        if len(path) > DEPTH:
            problem = f"nested deeper than {DEPTH} levels"
        if problem is not None:
            problems.append(Problem(shown(path), problem))
    return problems


def shown(path: Path) -> str:
    """A path as an error may show it."""
    return errors.clean(".".join(str(part)[:80] for part in path[:DEPTH]), 80) or "(arguments)"


def _all_in(given: Json) -> Generator[tuple[Path, Any]]:
    """Every value, and every name as a text of its own, with its path; those too deep are not
    entered.
    """
    waiting: deque[tuple[Path, Any]] = deque([((), given)])
    while waiting:
        path, value = waiting.popleft()
        if path:
            yield path, value
        if len(path) > DEPTH:
            continue
        if isinstance(value, dict):
            for name, item in cast("Json", value).items():
                yield (*path, name), name
                waiting.append(((*path, name), item))
        elif isinstance(value, list):
            items = islice(enumerate(cast("list[Any]", value)), VALUES + 1)
            waiting += [((*path, at), item) for at, item in items]


def _problem_with(value: Any, longest: int, largest: int) -> str | None:
    if isinstance(value, str):
        return _problem_with_text(value, longest)
    if isinstance(value, int | float):
        return _problem_with_number(value, largest)
    return None


def _problem_with_text(text: str, longest: int) -> str | None:
    if len(text) > longest:
        return f"{len(text)} characters; at most {longest}"
    if not errors.is_text(text):
        return "half a character (a lone surrogate)"
    return None


def _problem_with_number(number: float, largest: int) -> str | None:
    if isinstance(number, float) and not math.isfinite(number):
        return "no number"
    if abs(number) > largest:
        return f"a number beyond {largest:.0e}"
    return None
