"""A template's hash, and what people have in its place: a link that shares one, its name. Pure."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.vast import names

FIELD = "template_hash_id"

_HASH = re.compile(r"[0-9a-f]{32}", re.I)
_HASH_AS_WORD = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{32}(?![0-9A-Za-z])")
_PLAIN = re.compile(r"[\w .()+-]{1,60}")


def problems_of(text: str | None) -> list[Problem]:
    """Why a text is no hash, with the one that stands in it."""
    if text is None or (names.template_hash(text) == text and not _has_capitals(text)):
        return []
    held = _hash_in(text)
    if held is not None:
        return [Problem(FIELD, f"is more than a template's hash: write {held}")]
    return [
        Problem(FIELD, "is no template's hash, which is 32 letters and digits: search_templates")
    ]


def steps_of(text: str) -> list[NextStep]:
    """How a template's hash is found: by the name in its link, where there is one."""
    wanted: Json = {}
    name = " ".join(parse_qs(text.partition("?")[2]).get("name", []))
    if _PLAIN.fullmatch(name):
        wanted = {"words": name, "recommended": False}
    return [NextStep("search_templates", wanted, "shows templates with their hashes")]


def _hash_in(text: str) -> str | None:
    """The one hash that a link or a text holds."""
    found = {word.lower() for word in _HASH_AS_WORD.findall(text)}
    return found.pop() if len(found) == 1 else None


def _has_capitals(text: str) -> bool:
    return _HASH.fullmatch(text) is not None and text != text.lower()
