"""An error as an agent reads it: its fields, its JSON, and how foreign text is cleaned for it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

Json = dict[str, Any]

_UNTRUSTED_LIMIT = 300
_FORM_OF_A_CHARACTER = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def is_text(text: str) -> bool:
    """Whether it can be written at all: half an emoji (a lone surrogate) cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def clean(text: str, limit: int = _UNTRUSTED_LIMIT) -> str:
    """Strip control, bidirectional and unseen characters from text that somebody else wrote, and
    bound it.

    Whitespace runs become one space. `limit` is in characters; a cut is marked with "…".
    """
    looked_at = text[: 8 * limit + 1000]  # work does not grow with what is cut off
    shown = "".join(filter(_is_shown, looked_at))
    plain = " ".join(shown.split())
    if len(plain) <= limit and len(looked_at) == len(text):
        return plain
    return plain[: limit - 1] + "…"


def _is_shown(char: str) -> bool:
    """Whether a reader sees it: marks that choose another form of a character may carry a text."""
    if char.isspace():
        return True
    return unicodedata.category(char)[0] != "C" and not _FORM_OF_A_CHARACTER.match(char)


def clean_or_none(text: str | None, limit: int = _UNTRUSTED_LIMIT) -> str | None:
    """Clean a text that may be absent; an absent or empty one is left out of an answer."""
    if not text:
        return None
    return clean(text, limit)


@dataclass(frozen=True)
class NextStep:
    """A call that leads on: a real tool, arguments ready to send, and why."""

    tool: str
    arguments: Json
    why: str

    def as_json(self) -> Json:
        return {"tool": self.tool, "arguments": self.arguments, "why": self.why}


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one argument: `field` is a dotted path, `problem` says what to do."""

    field: str
    problem: str

    def as_json(self) -> Json:
        return {"field": self.field, "problem": self.problem}


@dataclass(eq=False, repr=False)
class VastMcpError(Exception):
    """Base of everything an agent can be told. Raise a leaf, never this."""

    code: ClassVar[str] = ""
    retryable: ClassVar[bool] = False
    billing_possible: ClassVar[bool] = False

    message: str
    http_status: int | None = None
    retry_after_s: float | None = None
    instance_id: int | None = None
    offer_id: int | None = None
    request_key: str | None = None
    token: str | None = None
    vast_message: str | None = None
    problems: Sequence[Problem] = ()
    results: Sequence[Json] = ()
    next_steps: Sequence[NextStep] = field(default_factory=tuple)
    may_bill: bool = False  # what this one is about may, whatever its kind
    no_refusal: bool = False  # no words of Vast's: a gateway may say this of what was done
    never_left: bool = False  # the request that this became of

    def __post_init__(self) -> None:
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message

    def as_json(self) -> Json:
        """The `error` object: absent facts are left out, the verdicts are always there."""
        shown: Json = {
            "code": self.code,
            "message": self.message,
            "http_status": self.http_status,
            "retryable": self.retryable,
            "retry_after_s": self.retry_after_s,
            "billing_possible": self.billing_possible or self.may_bill,
            "instance_id": self.instance_id,
            "offer_id": self.offer_id,
            "request_key": self.request_key,
            "token": self.token,
            "problems": [p.as_json() for p in self.problems] or None,
            "results": list(self.results) or None,
            "untrusted_vast_message": clean_or_none(self.vast_message),
            "next_steps": [s.as_json() for s in self.next_steps],
        }
        return {key: value for key, value in shown.items() if value is not None}
