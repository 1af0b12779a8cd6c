"""Where a machine may stand: Vast filters by two-letter codes of countries, and people name
countries, regions and states (docs/vast-api.md B.2, B.6).
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vast_mcp.errors import Problem
from vast_mcp.offers import gazetteer, place_table

FIELD = "geolocation"

_ANYWHERE = frozenset({"any", "anywhere", "all", "everywhere", "world", "worldwide", "global", ""})
_NEGATED = re.compile(r"[!-]")
_EXCEPT = re.compile(r"(?:not?|non|except|excluding|exclude|without|outside)[ -]", re.I)
_SEPARATORS = re.compile(r"\s*(?:[/|;+&]|\bor\b|\band\b)\s*", re.I)


class NoPlace(ValueError):
    """A text that is no place, or not one alone. Its message says what to write."""


@dataclass(frozen=True)
class Place:
    """The countries that a text means; `part` is the part of a single one, as rows write it.

    `told` is what an answer says of it, for what is not plainly one country.
    """

    codes: tuple[str, ...]
    part: str = ""
    told: str = ""


def read(text: str) -> Place:
    """The place that a text means. Raises NoPlace."""
    key = gazetteer.key(text)
    if text.strip(" *") == "" or key in _ANYWHERE:
        raise NoPlace("leave it out for any place")
    if _NEGATED.match(text.strip()) or (_EXCEPT.match(text.strip()) and not _found(key)):
        raise NoPlace('what is not wanted goes into filters: {"geolocation": {"notin": ["CN"]}}')
    if key in place_table.SEVERAL:
        raise NoPlace(f"is {place_table.SEVERAL[key]}")
    found = _found(key) or _turned(text) or _part(text)
    if found is None:
        raise NoPlace(_no_such(key))
    return found


def _found(key: str) -> Place | None:
    code = place_table.OTHER_CODES.get(key.upper(), key.upper())
    if code in gazetteer.codes():
        return Place((code,), told=_code_told(code))
    country = gazetteer.names().get(key)
    if country is not None:
        return Place((country,))
    if key in gazetteer.regions():
        name, codes = gazetteer.regions()[key]
        return Place(codes, told=f"{name} is {_counted(codes)}")
    return None


def _turned(text: str) -> Place | None:
    """A name as lists have it: "Korea, Republic of"."""
    before, _, behind = text.partition(",")
    return _found(gazetteer.key(f"{behind} {before}"))


def _code_told(code: str) -> str:
    """What to say of a code that is another client's word for a region."""
    region = place_table.REGION_CODES.get(code)
    if region is None:
        return ""
    return f"{code} is {gazetteer.codes()[code]}, not {region}"


def _counted(codes: Sequence[str]) -> str:
    return " ".join(codes) if len(codes) <= 8 else f"{len(codes)} countries"


def _part(text: str) -> Place | None:
    """A part of a country: "Texas, US", "US-TX", "Texas", "Quebec, CA"."""
    part, comma, country = (one.strip() for one in text.rpartition(","))
    if not comma or gazetteer.key(text) in gazetteer.states():
        part, country = re.sub(r"^us-", "", text.strip(), flags=re.I), "US"
    code = _one_country(country)
    name = gazetteer.states().get(gazetteer.key(part))
    if code == "US":
        return None if name is None else _of_country(name, code)
    if code is None or name is not None:
        return None
    if _one_country(part) == code:
        return Place((code,))  # "Sweden, SE", as a row says it
    return None if _is_country(part) else _of_country(part, code)


def _one_country(text: str) -> str | None:
    found = _found(gazetteer.key(text))
    return found.codes[0] if found is not None and len(found.codes) == 1 else None


def _of_country(part: str, code: str) -> Place | None:
    if not re.fullmatch(r"[^\W\d_][\w .'-]{0,40}", part):
        return None
    told = f"Vast filters by country alone: {part} is sought among its rows of {code}"
    return Place((code,), part, told)


def _no_such(key: str) -> str:
    near = _near(key, [*gazetteer.names(), *gazetteer.regions(), *gazetteer.states()])
    if near:
        return f"no such place; nearest: {', '.join(dict.fromkeys(map(_shown, near)))}"
    regions = ", ".join([*filter(None, place_table.COUNTRIES), *_named(place_table.REGIONS)])
    return (
        'a country by name or code (US, Germany), a state ("Texas, US") or one of these regions: '
        f"{regions}"
    )


def _near(key: str, known: Iterable[str]) -> list[str]:
    """Names that differ by a slip behind the first letter; codes are too short to tell one."""
    names = [name for name in known if len(name) > 3 and name[0] == key[:1]]
    return difflib.get_close_matches(key, names, n=2, cutoff=0.8) if len(key) > 3 else []


def _shown(key: str) -> str:
    """A place's name as one writes it."""
    if key in gazetteer.names():
        return gazetteer.codes()[gazetteer.names()[key]]
    return (
        gazetteer.regions()[key][0]
        if key in gazetteer.regions()
        else f"{gazetteer.states()[key]}, US"
    )


def _named(table: Mapping[str, str]) -> list[str]:
    return [names.split("/")[0] for names in table]


# ── Several places ─────────────────────────────────────────────────────────────────────────────


def as_list(value: object) -> object:
    """Read one text, several between commas, or a list, as JSON or in the official client's
    brackets. "Texas, US" is one place.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            text = text.strip("[]")
    key = gazetteer.key(text)
    if _found(key) or _turned(text) or key in gazetteer.states():
        return [text]
    return _joined([part.strip(" \"'") for part in re.split("[,;]", text)])


def _joined(parts: list[str]) -> list[str]:
    """The parts, those that are a place only together ("Texas", "US") in one."""
    joined: list[str] = []
    for part in parts:
        before = joined[-1] if joined else ""
        if before and not _is_country(before) and _part(f"{before}, {part}"):
            joined[-1] = f"{before}, {part}"
        else:
            joined.append(part)
    return joined


def _is_country(text: str) -> bool:
    """Whether it is a country or a region, or nearly is."""
    key = gazetteer.key(text)
    if key in place_table.SEVERAL:
        return False
    return _found(key) is not None or (
        key not in gazetteer.states() and bool(_near(key, gazetteer.names()))
    )


def read_all(texts: Iterable[str]) -> list[Place]:
    """The places that texts mean; one text may hold several ("US or CA"). Raises NoPlace."""
    return [place for text in texts for place in _read_several(text)]


def problem_with(texts: Iterable[str]) -> Problem | None:
    """What is wrong with the argument; the text itself is the caller's, and is not repeated."""
    try:
        read_all(texts)
    except NoPlace as exc:
        return Problem(FIELD, str(exc))
    return None


def _read_several(text: str) -> list[Place]:
    try:
        return [read(text)]
    except NoPlace:
        parts = [part for part in _SEPARATORS.split(text) if part]
        if len(parts) == 1 and re.fullmatch(r"\s*[A-Z]{2}(\s+[A-Z]{2})+\s*", text):
            parts = text.split()
        if len(parts) == 1:
            raise
        return [read(part) for part in parts]
