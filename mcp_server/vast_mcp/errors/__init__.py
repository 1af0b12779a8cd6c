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
│   ├─ NotStopped             not_stopped
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
│   ├─ NotEntered             not_entered          (nobody logged in to the machine)
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
│   ├─ NotRunning             not_running
│   ├─ StartQueued            start_queued         (may bill later)
│   ├─ CreatedStopped         created_stopped      (an instance exists and bills)
│   ├─ DestroyUnverified      destroy_unverified   (may still bill)
│   ├─ VolumeInUse            volume_in_use        (a machine holds it)
│   ├─ NotFound               not_found
│   ├─ EndpointGone           endpoint_gone
│   ├─ Redirected             redirected           (VAST_URL leads elsewhere)
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

from vast_mcp.errors.base import (
    Json,
    NextStep,
    Problem,
    VastMcpError,
    clean,
    clean_or_none,
    is_text,
)
from vast_mcp.errors.outcome import (
    DuplicateRentals,
    InternalFault,
    NotRented,
    OutcomeUnknown,
    RentalMissing,
)
from vast_mcp.errors.refused import (
    BadArguments,
    BidTooLow,
    CannotReconcile,
    Declined,
    EarlierRentalFound,
    JournalUnavailable,
    KeyReused,
    LeaseOver,
    NeedsConfirmation,
    NoApiKey,
    NoSshKey,
    NoSuchInstance,
    NoSuchTemplate,
    NotEntered,
    NotOurs,
    NotStopped,
    OfferAlreadyRented,
    OverLimit,
    PriceUnknown,
    ReadOnly,
    Refused,
    TeamAccount,
    UnknownTool,
    Unreachable,
    UnresolvedIntent,
    VmNotPossible,
    bad,
)
from vast_mcp.errors.rejected import (
    AuthFailed,
    BillingNotSetUp,
    CreatedStopped,
    DestroyUnverified,
    EndpointGone,
    Forbidden,
    IncompleteList,
    InsufficientCredit,
    InvalidPrice,
    InvalidRequest,
    NotFound,
    NotRunning,
    OfferGone,
    OfferPrivate,
    RateLimited,
    Redirected,
    Rejected,
    SearchQuotaExceeded,
    SpendRateLimited,
    StartQueued,
    TwoFactorRequired,
    UnexpectedReply,
    VastUnavailable,
    VolumeInUse,
)

__all__ = [
    "AuthFailed",
    "BadArguments",
    "BidTooLow",
    "BillingNotSetUp",
    "CannotReconcile",
    "CreatedStopped",
    "Declined",
    "DestroyUnverified",
    "DuplicateRentals",
    "EarlierRentalFound",
    "EndpointGone",
    "Forbidden",
    "IncompleteList",
    "InsufficientCredit",
    "InternalFault",
    "InvalidPrice",
    "InvalidRequest",
    "JournalUnavailable",
    "Json",
    "KeyReused",
    "LeaseOver",
    "NeedsConfirmation",
    "NextStep",
    "NoApiKey",
    "NoSshKey",
    "NoSuchInstance",
    "NoSuchTemplate",
    "NotEntered",
    "NotFound",
    "NotOurs",
    "NotRented",
    "NotRunning",
    "NotStopped",
    "OfferAlreadyRented",
    "OfferGone",
    "OfferPrivate",
    "OutcomeUnknown",
    "OverLimit",
    "PriceUnknown",
    "Problem",
    "RateLimited",
    "ReadOnly",
    "Redirected",
    "Refused",
    "Rejected",
    "RentalMissing",
    "SearchQuotaExceeded",
    "SpendRateLimited",
    "StartQueued",
    "TeamAccount",
    "TwoFactorRequired",
    "UnexpectedReply",
    "UnknownTool",
    "Unreachable",
    "UnresolvedIntent",
    "VastMcpError",
    "VastUnavailable",
    "VmNotPossible",
    "VolumeInUse",
    "bad",
    "clean",
    "clean_or_none",
    "is_text",
    "leaves",
]


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
