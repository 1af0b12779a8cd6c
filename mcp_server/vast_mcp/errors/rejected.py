"""What Vast refused, or answered so that no success can be read out of it."""

from __future__ import annotations

from vast_mcp.errors.base import VastMcpError


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
    """Vast does not have the offer any more, and does not say why (docs/vast-api.md A.11)."""

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


class NotRunning(Rejected):
    """The machine does not run, so that it is not rebooted or recycled (docs/vast-api.md C.7)."""

    code = "not_running"


class StartQueued(Rejected):
    """The GPU is taken, and Vast says that it queued the start: the machine may run, and bill,
    later or never (docs/vast-api.md C.5).
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
    """The destroy was sent and has not been seen to work: the machine or the volume may still
    bill.
    """

    code = "destroy_unverified"
    retryable = True
    billing_possible = True


class VolumeInUse(Rejected):
    """A machine holds the volume, which cannot be deleted meanwhile (docs/vast-api.md F)."""

    code = "volume_in_use"


class NotFound(Rejected):
    """Vast knows nothing by an id that is no machine's."""

    code = "not_found"


class EndpointGone(Rejected):
    """Vast has retired an endpoint that this version uses."""

    code = "endpoint_gone"


class Redirected(Rejected):
    """The address in VAST_URL leads on to another one, where neither a request nor the key goes
    (docs/vast-api.md 0).
    """

    code = "redirected"


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
