"""The gazetteer: every place by each of its names, however they are written."""

from __future__ import annotations

import functools
import re
import unicodedata

from vast_mcp.offers import place_table


def key(text: str) -> str:
    """A name without case, accents and marks, and without its article."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = re.sub(r"[\W_]+", " ", plain.replace(".", "").replace("&", " and ")).strip()
    return re.sub("^the ", "", re.sub(r"\bst (?=\w)", "saint ", plain))


def _entries(text: str) -> list[list[str]]:
    return [entry.split(maxsplit=1) for entry in " ".join(text.split()).split("; ")]


@functools.cache
def codes() -> dict[str, str]:
    """Each two-letter code, with the country's name."""
    return {
        code: rest.split(maxsplit=1)[1].split("/")[0]
        for text in place_table.COUNTRIES.values()
        for code, rest in _entries(text)
    }


@functools.cache
def names() -> dict[str, str]:
    """Every name, and every three-letter code, with the two-letter one."""
    found: dict[str, str] = {}
    for text in place_table.COUNTRIES.values():
        for code, rest in _entries(text):
            long, listed = rest.split(maxsplit=1)
            found |= {key(name): code for name in [long, *listed.split("/")]}
    return found


@functools.cache
def regions() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Each region by every name it has: how it is shown, and its countries."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for name, text in place_table.COUNTRIES.items():
        found[key(name)] = name, tuple(sorted(code for code, _ in _entries(text)))
    for listed, text in place_table.REGIONS.items():
        shown, *_ = listed.split("/")
        found |= {key(name): (shown, tuple(text.split())) for name in listed.split("/")}
    for name, listed in place_table.ALSO.items():
        parts = [found[key(one)] for one in listed.split("/")]
        both = tuple(code for _, some in parts for code in some)
        found[key(name)] = parts[0][0] if len(parts) == 1 else name, both
    found.pop("")
    return found


@functools.cache
def states() -> dict[str, str]:
    """The names and codes of states, with the name as rows write it."""
    entries = _entries(place_table.STATES)
    capital = {"washington dc": "District of Columbia"}
    return {
        **{key(name): name for _, name in entries},
        **{code.lower(): name for code, name in entries},
        **capital,
    }
