"""What Vast's bytes mean: replies to verdicts, rows to models.

Every refusal is judged by its `error` and its text before its status (docs/vast-api.md A.11, H, I):
a bad key answers 404, a gone offer any 4xx, and a 2xx is not yet a success.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, cast

from vast_mcp import errors

Json = dict[str, Any]


def as_object(value: object) -> Json | None:
    """The value if it is a JSON object."""
    return cast("Json", value) if isinstance(value, dict) else None


def as_objects(value: object) -> list[Json] | None:
    """The value if it is a JSON array of objects only."""
    if not isinstance(value, list):
        return None
    items = [as_object(item) for item in cast("list[object]", value)]
    return None if None in items else cast("list[Json]", items)


# ── Replies ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Reply:
    """One answer: `data` is the parsed JSON or None, `text` the raw body, headers in lower case."""

    status: int
    text: str = field(repr=False)  # may hold the key of an instance, and more
    headers: Mapping[str, str] = field(repr=False)
    data: Any = field(repr=False)

    @classmethod
    def of(cls, status: int, text: str, headers: Mapping[str, str]) -> Reply:
        try:
            data: Any = json.loads(text, parse_constant=_nothing, parse_float=_finite)
        except (ValueError, RecursionError):
            data = None
        return cls(status, text, {k.lower(): v for k, v in headers.items()}, data)

    @property
    def body(self) -> Json:
        """The JSON object, or an empty one for anything else."""
        return as_object(self.data) or {}

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
        value = self.body.get("error")
        return value.strip().lower() if isinstance(value, str) else ""

    @property
    def said(self) -> str:
        """What a person would read: msg, message, detail, error, raw text, in that order (A.11).

        Raw text only where it is prose: a page is noise, and JSON that broke off may hold a key.
        """
        for key in ("msg", "message", "detail", "error"):
            value = self.body.get(key)
            if isinstance(value, str) and value.strip():
                return value.strip()
        return (
            ""
            if self.data is not None or self.text.lstrip()[:1] in {"<", "{", "["}
            else self.text.strip()
        )

    @property
    def retry_after_s(self) -> float | None:
        """`Retry-After` (seconds or a date), else the body's `retry_after` (form 4 of section
        H).
        """
        for value in (self.headers.get("retry-after"), self.body.get("retry_after")):
            seconds = _seconds(value, self.headers.get("date"))
            if seconds is not None:
                return seconds
        return None

    @property
    def date(self) -> float | None:
        """When it was answered by Vast's clock, in epoch seconds; whole ones, as the header has
        them.
        """
        try:
            date = parsedate_to_datetime(self.headers.get("date", ""))
        except (ValueError, TypeError):
            return None
        return (
            date.timestamp() if date.tzinfo else None
        )  # without a zone it would be taken for local time


def _nothing(_constant: str) -> None:
    """NaN and Infinity, which are no JSON and no price: any limit would let them pass."""


def _finite(text: str) -> float | None:
    """1e999 is none either."""
    return number if math.isfinite(number := float(text)) else None


def _seconds(value: object, date: str | None) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        seconds = float(str(value))
    except ValueError:
        try:
            seconds = (
                parsedate_to_datetime(str(value)) - parsedate_to_datetime(date or "")
            ).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


# ── Verdicts ───────────────────────────────────────────────────────────────────────────────────

# `error` words with one meaning wherever they appear.
_BY_ERROR: dict[str, type[errors.VastMcpError]] = {
    "auth_error": errors.AuthFailed,
    "no_such_ask": errors.OfferGone,
    "invalid_price": errors.InvalidPrice,
    "no_ssh_key_for_vm": errors.NoSshKey,
    "team_ssh_keys_not_supported": errors.TeamAccount,
    "insufficient_credit": errors.InsufficientCredit,
    "missing_billing": errors.BillingNotSetUp,
    "spend_rate_limit": errors.SpendRateLimited,
    "search_quota_exceeded": errors.SearchQuotaExceeded,
    "rate_limit_exceeded": errors.RateLimited,
    "httptoomanyrequests": errors.RateLimited,
    "resources_unavailable": errors.StartQueued,
    "no_such_instance": errors.NoSuchInstance,
    "deprecated_endpoint": errors.EndpointGone,
    "server_error": errors.VastUnavailable,
}


# Phrases that decide where `error` is missing or says something vaguer (A.11: gone arrives as
# `invalid_args`).
_BY_TEXT: tuple[tuple[str, type[errors.VastMcpError]], ...] = (
    ("two factor authentication", errors.TwoFactorRequired),
    ("session expired", errors.AuthFailed),
    ("invalid user key", errors.AuthFailed),
    ("requires login", errors.AuthFailed),
    ("log in or sign up", errors.AuthFailed),
    ("is not your own", errors.OfferPrivate),
    ("no_such_ask", errors.OfferGone),
    ("no longer available", errors.OfferGone),
    ("already rented", errors.OfferGone),
    ("no_ssh_key_for_vm", errors.NoSshKey),
    ("team ssh keys are not supported", errors.TeamAccount),
    ("lacks credit", errors.InsufficientCredit),
    ("insufficient credit", errors.InsufficientCredit),
    ("spend_rate_limit", errors.SpendRateLimited),
    ("search quota", errors.SearchQuotaExceeded),
    ("no ssh keys found", errors.NotFound),
    ("too frequent", errors.RateLimited),
)


_MESSAGES: dict[type[errors.VastMcpError], str] = {
    errors.AuthFailed: "Vast does not accept the API key (or it expired).",
    errors.TwoFactorRequired: "Vast wants a two-factor login; the key of the official client's "
    "tfa "
    "login works.",
    errors.Forbidden: "The API key lacks a permission that this needs.",
    errors.OfferGone: "The offer is no longer available: somebody rented it or the host "
    "withdrew "
    "it.",
    errors.OfferPrivate: "The offer is private: only its host can rent it.",
    errors.InvalidPrice: "Vast refused the bid price.",
    errors.InvalidRequest: "Vast refused the request as invalid.",
    errors.NoSshKey: "The account has no SSH key, and a VM takes its keys at birth only.",
    errors.TeamAccount: "This is a team account, and Vast keeps SSH keys in personal accounts "
    "only.",
    errors.InsufficientCredit: "The account lacks credit.",
    errors.BillingNotSetUp: "The account has no billing set up.",
    errors.SpendRateLimited: "Vast's spending limit for this account is reached.",
    errors.RateLimited: "Vast wants fewer requests.",
    errors.SearchQuotaExceeded: "The account's search quota is used up; it resets at UTC midnight.",
    errors.StartQueued: "The GPU is in use: Vast queued the change, and billing starts when it "
    "becomes free.",
    errors.NoSuchInstance: "Vast knows no such instance.",
    errors.NotFound: "Vast knows nothing by that id.",
    errors.EndpointGone: "Vast has retired the endpoint that this used; a newer vast-mcp is "
    "needed.",
    errors.VastUnavailable: "Vast is failing or unavailable at the moment.",
    errors.UnexpectedReply: "Vast answered something that could not be understood.",
}


_NAMES_A_PERMISSION = (
    "permission",
    "not authorized",
    "unauthorized",
    "_read",
    "_write",
    "requires access",
)


def meaning(reply: Reply) -> type[errors.VastMcpError]:
    """The one leaf for a reply that is not a success."""
    if leaf := _typed(reply):
        return leaf
    if reply.status in {401, 403}:
        return (
            errors.Forbidden
            if reply.status == 403 or _names_a_permission(reply)
            else errors.AuthFailed
        )
    if reply.status == 429:
        return errors.RateLimited
    if reply.status == 404:
        # Vast's own 404 is JSON; a gateway's page says nothing about what exists.
        return errors.NotFound if reply.body else errors.UnexpectedReply
    if reply.status >= 500 or reply.status in {408, 425}:
        return errors.VastUnavailable
    return errors.UnexpectedReply


def _typed(reply: Reply) -> type[errors.VastMcpError] | None:
    """The leaf that the reply's own words name, whatever its status."""
    text = reply.said.lower()
    for phrase, leaf in _BY_TEXT:
        if phrase in text:
            return leaf
    # A scoped key is told which permission it lacks, at times under the same `auth_error` as a
    # wrong key (section I).
    if reply.status in {401, 403} and _names_a_permission(reply):
        return errors.Forbidden
    if leaf := _BY_ERROR.get(reply.error):
        return leaf
    if reply.error in {"not_found", "no_such_template"}:
        return errors.NotFound
    if reply.error in {"forbidden", "unauthorized"}:
        return errors.Forbidden
    if reply.error and reply.status == 401:
        return errors.AuthFailed
    if reply.error and 200 <= reply.status < 500 and reply.status not in {408, 409, 425, 429}:
        return errors.InvalidRequest
    return None


def _names_a_permission(reply: Reply) -> bool:
    text = reply.said.lower()
    return any(word in text for word in _NAMES_A_PERMISSION)


def failure(reply: Reply) -> errors.VastMcpError:
    """The error for a reply that is not a success and moved no money."""
    return _error(meaning(reply), reply)


def _error(leaf: type[errors.VastMcpError], reply: Reply, **facts: Any) -> errors.VastMcpError:
    waits = leaf in {errors.RateLimited, errors.SearchQuotaExceeded, errors.VastUnavailable}
    return leaf(
        facts.pop("message", None) or _MESSAGES[leaf],
        http_status=reply.status,
        retry_after_s=reply.retry_after_s if waits else None,
        vast_message=reply.said or None,
        **facts,
    )


# ── The verdict on a rent ──────────────────────────────────────────────────────────────────────


def known_429(reply: Reply) -> bool:
    """One of the five recorded forms of "too many requests" (section H): surely sent back before
    anything happened.
    """
    return reply.status == 429 and _typed(reply) in {errors.RateLimited, errors.SearchQuotaExceeded}


def contract_id(reply: Reply) -> int | None:
    """`new_contract` as a number, wherever a reply carries one; a numeric string counts (A.11)."""
    value = reply.body.get("new_contract")
    if isinstance(value, bool):
        return None
    try:
        number = int(str(value))
    except ValueError:
        return None
    return number if number > 0 else None


def rented(reply: Reply) -> int:
    """The id that a PUT to /asks/ gave birth to.

    Raises CreatedStopped when an error body names an instance all the same (A.6), a leaf of
    Rejected or Refused for a typed 4xx or a known 429, and OutcomeUnknown for everything else:
    silence and riddles are never failure.
    """
    instance_id = contract_id(reply)
    if instance_id is not None and reply.ok:
        return instance_id
    if instance_id is not None:
        raise errors.CreatedStopped(
            "Vast answered with an error and made the instance all the same; it bills its disk "
            "until destroyed.",
            http_status=reply.status,
            vast_message=reply.said or None,
            instance_id=instance_id,
        )
    if known_429(reply):
        raise failure(reply)
    typed = _typed(reply)
    if 400 <= reply.status < 500 and reply.status not in {408, 409, 425, 429}:
        if typed in {errors.StartQueued, errors.VastUnavailable}:
            typed = errors.InvalidRequest if typed is errors.VastUnavailable else None
        if typed is None and reply.status == 401:
            typed = errors.AuthFailed
        if typed is not None:
            raise _error(typed, reply)
    raise errors.OutcomeUnknown(
        "Vast's answer does not say whether the machine was rented; it may exist and bill.",
        http_status=reply.status,
        vast_message=reply.said or None,
    )
