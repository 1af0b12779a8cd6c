"""One answer of Vast's, read: what JSON it holds, what it says, how long it wants us to wait."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

from vast_mcp.errors import Json


def as_object(value: object) -> Json | None:
    """The value if it is a JSON object."""
    if not isinstance(value, dict):
        return None
    return cast("Json", value)


def as_objects(value: object) -> list[Json] | None:
    """The value if it is a JSON array of objects only."""
    items = as_list(value)
    if items is None or not all(isinstance(item, dict) for item in items):
        return None
    return cast("list[Json]", items)


def as_list(value: object) -> list[object] | None:
    """The value if it is a JSON array."""
    if not isinstance(value, list):
        return None
    return cast("list[object]", value)


class NoNumber:
    """What stands for NaN, Infinity, and a number beyond what there is of anything, such as 1e308:
    no number, and not null either.
    """


NO_NUMBER = NoNumber()


LONGEST_WAIT_S = 86_400.0  # a daily quota's; no longer wait is known (docs/vast-api.md H)
JUST_PASSED_S = 60.0

# ── Replies ────────────────────────────────────────────────────────────────────────────────────

_SAID_UNDER = ("msg", "message", "detail", "error")
# Objects and arrays in one reply, far more than any list of Vast has: three characters of text
# become a hundred bytes of memory.
MOST_PARTS = 200_000
MOST_SAID = 10_000  # characters of it that anybody looks at
_LARGEST = 1e15
_LONGEST = 40  # digits
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_NOT_PROSE = ("<", "{", "[")


@dataclass(frozen=True)
class Reply:
    """One answer: `data` is the parsed JSON or None, `text` the raw body, headers in lower case."""

    status: int
    text: str = field(repr=False)  # may hold the key of an instance, and more
    headers: Mapping[str, str] = field(repr=False)
    data: Any = field(repr=False)

    @classmethod
    def of(cls, status: int, text: str, headers: Mapping[str, str]) -> Reply:
        data: Any = None
        if text.count("{") + text.count("[") <= MOST_PARTS:
            with contextlib.suppress(ValueError, RecursionError):
                data = json.loads(
                    text, parse_constant=_nothing, parse_float=_number, parse_int=_whole_number
                )
        if data is NO_NUMBER:
            data = None
        if _HALF.search(text):
            data = _written(data)
        return cls(status, text, {k.lower(): v for k, v in headers.items()}, data)

    @property
    def body(self) -> Json:
        """The JSON object, or an empty one for anything else."""
        return as_object(self.data) or {}

    @property
    def is_without_body(self) -> bool:
        """204, which says yes to what was asked and nothing else."""
        return self.status == 204 and not self.text.strip()

    @property
    def ok(self) -> bool:
        """2xx, JSON, and not `success: false`."""
        return (
            200 <= self.status < 300
            and self.data is not None
            and self.body.get("success") is not False
        )

    @property
    def error(self) -> str:
        """The machine-readable `error`, in lower case, or nothing."""
        return _words(self.body.get("error")).lower()

    @property
    def word(self) -> str:
        """The same where it is the whole body, as JSON or as it stands (docs/vast-api.md F)."""
        return self.error or (_words(self.data) or self._prose).lower()

    @property
    def said(self) -> str:
        """What a person would read: msg, message, detail, error, raw text, in that order
        (docs/vast-api.md A.11). The first of it, where it is long.
        """
        return (_text_of(self.data) or self._prose)[:MOST_SAID]

    @property
    def _prose(self) -> str:
        """The raw text where it is prose: a page is noise, and JSON that broke off may hold a
        key.
        """
        text = self.text.strip()
        if self.data is not None or text.startswith(_NOT_PROSE):
            return ""
        return text

    @property
    def retry_after_s(self) -> float | None:
        """The header `Retry-After` (seconds or a date), else the body's `retry_after`
        (docs/vast-api.md H, form 4).
        """
        waits = (_seconds(value, self.headers.get("date")) for value in self._waits())
        return next((seconds for seconds in waits if seconds is not None), None)

    @property
    def quota_anew_s(self) -> float:
        """Seconds until a daily quota begins anew: as the reply says, else until 00:00 UTC
        (docs/vast-api.md H, form 5).
        """
        if self.retry_after_s is not None:
            return self.retry_after_s
        now = self.date or time.time()
        reset = self.headers.get("x-ratelimit-reset", "")
        if reset.isdecimal() and len(reset) <= _LONGEST and 0 <= int(reset) - now <= LONGEST_WAIT_S:
            return int(reset) - now
        return LONGEST_WAIT_S - now % LONGEST_WAIT_S

    @property
    def names_a_nonsense_wait(self) -> bool:
        """Whether it names a wait that cannot be one: negative, no number, years."""
        return any(_seconds(wait, self.headers.get("date")) is None for wait in self._waits())

    def _waits(self) -> list[object]:
        named: tuple[object, ...] = (
            self.headers.get("retry-after"),
            self.body.get("retry_after"),
        )
        return [wait for wait in named if wait is not None]

    @property
    def date(self) -> float | None:
        """When it was answered by Vast's clock, in epoch seconds; whole ones, as the header has
        them.
        """
        date = _date(self.headers.get("date"))
        if date is None or date.tzinfo is None:
            return None  # without a zone it would be taken for local time
        return date.timestamp()


def _words(value: object) -> str:
    """A text without the space around it; nothing for any other value."""
    if not isinstance(value, str):
        return ""
    return value.strip()


def _text_of(value: object, depth: int = 3) -> str:
    """The first text for a person in JSON of any shape: errors come as objects, lists of them and
    bare texts.
    """
    if not depth:
        return ""
    if isinstance(value, str):
        return _words(value)
    parts: list[object] = []
    if isinstance(value, dict):
        parts = [cast("Json", value).get(key) for key in _SAID_UNDER]
    elif isinstance(value, list):
        parts = cast("list[object]", value)[:3]
    return next(filter(None, (_text_of(part, depth - 1) for part in parts)), "")


def _nothing(_constant: str) -> NoNumber:
    """Read NaN and Infinity as no number: neither is JSON or a price, and any limit would let them
    pass.
    """
    return NO_NUMBER


def _number(text: str) -> float | NoNumber:
    """Read a number. What a too large one is multiplied with would make it infinite."""
    number = float(text)
    if abs(number) > _LARGEST:
        return NO_NUMBER
    return number


def _whole_number(text: str) -> int | NoNumber:
    """Read a whole number. An id may be larger than other numbers."""
    if len(text) > _LONGEST:
        return NO_NUMBER
    return int(text)


def _written(value: Any) -> Any:
    """The value with a mark for each half of a character, which no text can hold."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_written(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {_written(name): _written(item) for name, item in cast("Json", value).items()}
    return value


def _seconds(value: object, answered: str | None) -> float | None:
    """A wait of so many seconds, or until a date as seen from the answer's own; None where it is
    none that anybody would ask for.
    """
    if isinstance(value, bool):
        return None
    try:
        seconds = float(str(value))
    except ValueError:
        return _seconds_until(str(value), answered)
    if not 0 <= seconds <= LONGEST_WAIT_S:
        return None
    return seconds


def _seconds_until(then: str, answered: str | None) -> float | None:
    """The same for a date. One that has just passed is no wait."""
    until, begun = _date(then), _date(answered) or datetime.now(UTC)
    if until is None:
        return None
    try:
        seconds = (until - begun).total_seconds()
    except TypeError:  # one has a zone and the other has none
        return None
    if not -JUST_PASSED_S <= seconds <= LONGEST_WAIT_S:
        return None
    return max(0.0, seconds)


def _date(value: str | None) -> datetime | None:
    """A date as headers have it."""
    try:
        return parsedate_to_datetime(value or "")
    except (ValueError, TypeError):
        return None
