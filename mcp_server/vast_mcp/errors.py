"""What an agent reads when something is not a success.

VastMcpError
├─ Refused                never sent; no money moved
│   ├─ BadArguments           bad_arguments
│   ├─ UnknownTool            unknown_tool
│   ├─ NoApiKey               no_api_key
│   ├─ NoSshKey               no_ssh_key
│   ├─ TeamAccount            team_account
│   ├─ BidTooLow              bid_too_low
│   ├─ VmNotPossible          vm_not_possible
│   ├─ NoSuchTemplate         no_such_template
│   ├─ NoSuchInstance         no_such_instance
│   ├─ NotOurs                not_ours
│   ├─ KeyReused              key_reused
│   ├─ OfferAlreadyRented     offer_already_rented
│   ├─ UnresolvedIntent       unresolved_intent    (an earlier rental may exist and bill)
│   ├─ EarlierRentalFound     earlier_rental_found (a machine of ours bills, and nobody was told)
│   ├─ CannotReconcile        cannot_reconcile
│   ├─ JournalUnavailable     journal_unavailable
│   ├─ ReadOnly               read_only
│   ├─ OverLimit              over_limit
│   ├─ PriceUnknown           price_unknown        (a limit needs a price that cannot be learned)
│   ├─ Declined               declined             (a person was asked and said no)
│   ├─ NeedsConfirmation      needs_confirmation
│   ├─ LeaseOver              lease_over           (starting it would delete it)
│   └─ Unreachable            unreachable          (no connection was made, or a read got no answer)
├─ Rejected               Vast said no
│   ├─ AuthFailed             auth_failed
│   ├─ TwoFactorRequired      two_factor_required
│   ├─ Forbidden              forbidden
│   ├─ OfferGone              offer_gone
│   ├─ OfferPrivate           offer_private
│   ├─ InvalidPrice           invalid_price
│   ├─ InvalidRequest         invalid_request
│   ├─ InsufficientCredit     insufficient_credit
│   ├─ BillingNotSetUp        billing_not_set_up
│   ├─ SpendRateLimited       spend_rate_limited
│   ├─ RateLimited            rate_limited
│   ├─ SearchQuotaExceeded    search_quota_exceeded
│   ├─ StartQueued            start_queued         (may bill later)
│   ├─ CreatedStopped         created_stopped      (an instance exists and bills)
│   ├─ DestroyUnverified      destroy_unverified   (may still bill)
│   ├─ NotFound               not_found
│   ├─ EndpointGone           endpoint_gone
│   ├─ VastUnavailable        vast_unavailable
│   ├─ IncompleteList         incomplete_list
│   └─ UnexpectedReply        unexpected_reply
├─ OutcomeUnknown         outcome_unknown: sent, no verdict; a machine may bill
│   ├─ RentalMissing          rental_missing       (it existed; a list lacks it)
│   └─ DuplicateRentals       duplicate_rentals    (one request, several machines)
├─ NotRented              not_rented: sent earlier, proven to have made nothing
└─ InternalFault          internal_error: a defect of this server

Two questions decide the shape: could money have moved (`billing_possible`), and what next
(`next_steps`)? A message never contains a value the caller gave, other than ids and numbers;
what Vast wrote is under `untrusted_vast_message`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

Json = dict[str, Any]

_UNTRUSTED_LIMIT = 300


def clean(text: str, limit: int = _UNTRUSTED_LIMIT) -> str:
    """Strip control and bidirectional characters from text that somebody else wrote, and bound
    it.

    Whitespace runs become one space. `limit` is in characters; a cut is marked with "…".
    """
    plain = "".join(
        " " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C"
    )
    plain = re.sub(r" +", " ", plain).strip()
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


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
            "billing_possible": self.billing_possible,
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


def redacted(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret of at least four characters, and every such line of one, replaced
    by `***`.
    """
    known = {
        part
        for secret in secrets
        for part in (secret, secret.strip(), *secret.splitlines())
        if len(part) >= 4
    }
    for part in sorted(known, key=len, reverse=True):
        text = text.replace(part, "***")
    return text


# ── Refused: never sent ────────────────────────────────────────────────────────────────────────


class Refused(VastMcpError):
    """Nothing was sent that could cost money."""


class BadArguments(Refused):
    """An argument is missing, unknown, out of bounds, or contradicts another."""

    code = "bad_arguments"


def bad(tool: str, problems: Sequence[Problem]) -> BadArguments:
    """The one wording for arguments that cannot be sent."""
    names = ", ".join(dict.fromkeys(problem.field for problem in problems))
    return BadArguments(
        f"{tool}: nothing was sent. Correct and call again: {names}.", problems=problems
    )


class UnknownTool(Refused):
    """The host called a tool that this server does not have."""

    code = "unknown_tool"


class NoApiKey(Refused):
    """This server was started without a key of Vast.ai."""

    code = "no_api_key"


class NoSshKey(Refused):
    """A VM was asked for and the account has no SSH key; a VM takes its keys at birth only
    (docs/vast-api.md A.5).
    """

    code = "no_ssh_key"


class TeamAccount(Refused):
    """A VM was asked for on a team account, which holds no SSH keys, so nobody could enter
    it (docs/vast-api.md D).
    """

    code = "team_account"


class BidTooLow(Refused):
    """A bid is under its floor; Vast would make a stopped machine of it that bills its disk
    (docs/vast-api.md A.6).
    """

    code = "bid_too_low"


class VmNotPossible(Refused):
    """Vast would silently make a container, or a VM that nobody can enter (docs/vast-api.md
    A.5).
    """

    code = "vm_not_possible"


class NoSuchTemplate(Refused):
    """A request names a template that Vast does not show."""

    code = "no_such_template"


class NoSuchInstance(Refused):
    """A call names a machine that the account does not have."""

    code = "no_such_instance"


class NotOurs(Refused):
    """A call would stop, recycle, destroy or lease a machine that vast-mcp did not make."""

    code = "not_ours"


class Unreachable(Refused):
    """No connection was made, or a request that changes nothing got no answer."""

    code = "unreachable"
    retryable = True


class KeyReused(Refused):
    """A `request_key` was used before, for another wish."""

    code = "key_reused"


class OfferAlreadyRented(Refused):
    """A living machine of ours came from this offer, and this call asks for something else
    on it.
    """

    code = "offer_already_rented"


class UnresolvedIntent(Refused):
    """An earlier rental is in doubt, and renting now may pay twice."""

    code = "unresolved_intent"
    retryable = True
    billing_possible = True


class EarlierRentalFound(Refused):
    """A machine of an earlier call bills whose answer never arrived; the caller may be
    replacing it.
    """

    code = "earlier_rental_found"
    billing_possible = True


class CannotReconcile(Refused):
    """The key may not list instances, so a lost reply could never be settled."""

    code = "cannot_reconcile"


class JournalUnavailable(Refused):
    """The journal cannot be read or written: full, read-only, damaged, or of a newer version."""

    code = "journal_unavailable"


class ReadOnly(Refused):
    """The person allows this server to look only (`VAST_MCP_READ_ONLY`), and the tool acts."""

    code = "read_only"


class OverLimit(Refused):
    """More was asked for than the person allows: one machine, all machines, their number,
    the credit's hours, or a lease.
    """

    code = "over_limit"


class PriceUnknown(Refused):
    """A limit or a question to the person needs a price that cannot be learned."""

    code = "price_unknown"


class Declined(Refused):
    """A person was asked and said no, or a host answered no by itself."""

    code = "declined"


class NeedsConfirmation(Refused):
    """The person wants to be asked and this host cannot ask: a code, approved in a shell,
    stands for the answer.
    """

    code = "needs_confirmation"


class LeaseOver(Refused):
    """The machine's lease has ended or is about to: its watchdog would destroy it at boot."""

    code = "lease_over"


# ── Rejected: Vast said no ─────────────────────────────────────────────────────────────────────


class Rejected(VastMcpError):
    """Vast answered, and the answer was no."""


class AuthFailed(Rejected):
    """Vast does not accept the key, or the key has expired (docs/vast-api.md I)."""

    code = "auth_failed"


class TwoFactorRequired(Rejected):
    """Vast wants a two-factor login for this request (docs/vast-api.md I)."""

    code = "two_factor_required"


class Forbidden(Rejected):
    """The key lacks a permission that the request needs (docs/vast-api.md I)."""

    code = "forbidden"


class OfferGone(Rejected):
    """Somebody else has rented the offer, or its host withdrew it (docs/vast-api.md A.11)."""

    code = "offer_gone"


class OfferPrivate(Rejected):
    """The offer is private: only its host may rent it (docs/vast-api.md A.11)."""

    code = "offer_private"


class InvalidPrice(Rejected):
    """Vast refused the bid (docs/vast-api.md A.6)."""

    code = "invalid_price"


class InvalidRequest(Rejected):
    """Vast refused the request for a reason without a code of its own here;
    `untrusted_vast_message` has its words.
    """

    code = "invalid_request"


class InsufficientCredit(Rejected):
    """The account has too little credit for this (docs/vast-api.md A.11)."""

    code = "insufficient_credit"


class BillingNotSetUp(Rejected):
    """The account has no billing set up, or no credit to start a machine with
    (docs/vast-api.md C.5).
    """

    code = "billing_not_set_up"


class SpendRateLimited(Rejected):
    """The account has reached Vast's own limit on spending (docs/vast-api.md A.11)."""

    code = "spend_rate_limited"


class RateLimited(Rejected):
    """Vast wants fewer requests, or the pace that we keep leaves this call no time
    (docs/vast-api.md H).
    """

    code = "rate_limited"
    retryable = True


class SearchQuotaExceeded(Rejected):
    """The account has searched through its daily quota of offers (docs/vast-api.md H)."""

    code = "search_quota_exceeded"


class StartQueued(Rejected):
    """The GPU is taken: the machine starts, and bills, when it becomes free
    (docs/vast-api.md C.5).
    """

    code = "start_queued"
    billing_possible = True


class CreatedStopped(Rejected):
    """Vast made the machine and did not start it: it exists and bills at least its disk
    (docs/vast-api.md A.7).
    """

    code = "created_stopped"
    billing_possible = True


class DestroyUnverified(Rejected):
    """The destroy was sent and has not been seen to work: the machine may still bill."""

    code = "destroy_unverified"
    retryable = True
    billing_possible = True


class NotFound(Rejected):
    """Vast knows nothing by an id that is no machine's."""

    code = "not_found"


class EndpointGone(Rejected):
    """Vast has retired an endpoint that this version uses."""

    code = "endpoint_gone"


class VastUnavailable(Rejected):
    """Vast is failing or unavailable at the moment."""

    code = "vast_unavailable"
    retryable = True


class IncompleteList(Rejected):
    """A page of a list was missing, repeated or inconsistent: a part of a list is not a list."""

    code = "incomplete_list"
    retryable = True


class UnexpectedReply(Rejected):
    """Vast answered something that could not be understood."""

    code = "unexpected_reply"


# ── The rest ───────────────────────────────────────────────────────────────────────────────────


class OutcomeUnknown(VastMcpError):
    """The request to rent was sent and no verdict came back: a machine may exist and bill."""

    code = "outcome_unknown"
    retryable = True
    billing_possible = True


class RentalMissing(OutcomeUnknown):
    """A rental was confirmed and a whole list lacks it: it is gone, or not visible at the
    moment.
    """

    code = "rental_missing"


class DuplicateRentals(OutcomeUnknown):
    """Several machines carry the token of one request; each of them bills."""

    code = "duplicate_rentals"
    retryable = False


class NotRented(VastMcpError):
    """An earlier request is proven to have made nothing, and this call has no time left to
    send another.
    """

    code = "not_rented"
    retryable = True


class InternalFault(VastMcpError):
    """This server has a defect; its own text stays in the log."""

    code = "internal_error"


def leaves() -> dict[str, type[VastMcpError]]:
    """Every leaf by its code."""
    found: dict[str, type[VastMcpError]] = {}
    todo: list[type[VastMcpError]] = [VastMcpError]
    while todo:
        cls = todo.pop()
        todo += cls.__subclasses__()
        if cls.code:
            found[cls.code] = cls
    return found
