"""A template's hash, and what people have in its place: a link that shares one, its name, the hash
that it had before an edit.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.session import Session
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


def no_such(session: Session, hash_id: str) -> errors.NoSuchTemplate:
    """That Vast shows no template by a hash: an edit gives another one, which is told where this
    process knows it.
    """
    now = current(session, hash_id)
    if now is not None and now != hash_id:
        return errors.NoSuchTemplate(
            f"This template was edited since, and its template_hash_id is {now} now.",
            problems=[Problem(FIELD, f"write {now}")],
            next_steps=[NextStep("search_templates", {"words": now, "mine": True}, "what it is")],
        )
    return errors.NoSuchTemplate(
        "Vast shows no template by this template_hash_id. It is a hash, not an id, and editing a "
        "template changes it.",
        problems=[Problem(FIELD, "one of search_templates")],
        next_steps=[
            NextStep("search_templates", {"mine": True}, "your own"),
            NextStep("search_templates", {}, "recommended ones"),
        ],
    )


def current(session: Session, hash_id: str) -> str | None:
    """The hash of a template by one that it had, as far as this process edited it; None where it
    deleted it.
    """
    now: str | None = hash_id
    for _ in range(len(session.templates_now)):
        if now is None or now not in session.templates_now:
            break
        now = session.templates_now[now]
    return now


def _hash_in(text: str) -> str | None:
    """The one hash that a link or a text holds."""
    found = {word.lower() for word in _HASH_AS_WORD.findall(text)}
    return found.pop() if len(found) == 1 else None


def _has_capitals(text: str) -> bool:
    return _HASH.fullmatch(text) is not None and text != text.lower()
