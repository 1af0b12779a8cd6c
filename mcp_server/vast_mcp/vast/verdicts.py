"""What an answer of Vast's means: the one error for a reply that is no success, and the verdict on
a request to rent.

Every refusal is judged by its `error` and its text before its status (docs/vast-api.md A.11, H, I):
a bad key answers 404, a gone offer any 4xx, and a 2xx is not yet a success.
"""

from __future__ import annotations

from collections.abc import Mapping

from vast_mcp import errors
from vast_mcp.settings import DEFAULT_URL
from vast_mcp.vast import cells
from vast_mcp.vast.replies import Reply

# `error` words with one meaning wherever they appear.
_BY_ERROR: dict[str, type[errors.VastMcpError]] = {
    "auth_error": errors.AuthFailed,
    "unauthenticated": errors.AuthFailed,
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
    "instances_not_found": errors.NoSuchInstance,
    "invalid_id": errors.NoSuchInstance,
    "deprecated_endpoint": errors.EndpointGone,
    "server_error": errors.VastUnavailable,
    "not_found": errors.NotFound,
    "no_such_template": errors.NotFound,
    "no_such_volume": errors.NotFound,
    "no_such_ssh_key": errors.NotFound,
    "invalid id": errors.NotFound,
    "volume in use": errors.VolumeInUse,
    "forbidden": errors.Forbidden,
    "unauthorized": errors.Forbidden,
    "not_authorized": errors.Forbidden,
}


# Phrases that decide where `error` is missing or says something vaguer (docs/vast-api.md
# A.11: gone arrives as `invalid_args`).
_BY_TEXT: tuple[tuple[str, type[errors.VastMcpError]], ...] = (
    ("two factor", errors.TwoFactorRequired),
    ("two-factor", errors.TwoFactorRequired),
    ("2fa", errors.TwoFactorRequired),
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
    ("lack credit, see the billing", errors.BillingNotSetUp),
    ("lack credit", errors.InsufficientCredit),
    ("lacks credit", errors.InsufficientCredit),
    ("insufficient credit", errors.InsufficientCredit),
    ("spend_rate_limit", errors.SpendRateLimited),
    ("search quota", errors.SearchQuotaExceeded),
    ("no ssh keys found", errors.NotFound),
    ("no templates found", errors.NotFound),
    ("ssh key not found", errors.NotFound),
    ("could not find contract", errors.NoSuchInstance),
    ("could not find machine", errors.NotFound),
    ("invalid target state", errors.InvalidRequest),
    ("change price of on-demand", errors.InvalidRequest),
    ("please set a bid price", errors.InvalidPrice),
    ("is the container started", errors.NotRunning),
    ("change queued", errors.StartQueued),
    ("start queued", errors.StartQueued),
    ("resources are currently unavailable", errors.StartQueued),
    ("too frequent", errors.RateLimited),
    ("volume in use", errors.VolumeInUse),
    ("deleted by their creator", errors.InvalidRequest),  # as a 401, to a key that is right (E)
    ("existing instances use that volume", errors.VolumeInUse),
)


_MESSAGES: dict[type[errors.VastMcpError], str] = {
    errors.AuthFailed: "Vast does not accept the API key: it is wrong, or it has expired.",
    errors.TwoFactorRequired: "Vast wants a two-factor login; the key of the official "
    "client's tfa login works.",
    errors.Forbidden: "The API key lacks a permission that this needs.",
    errors.OfferGone: "Vast does not have this offer any more, and does not say why.",
    errors.OfferPrivate: "The offer is private: only its host can rent it.",
    errors.InvalidPrice: "Vast refused the bid price.",
    errors.InvalidRequest: "Vast refused the request as invalid.",
    errors.NoSshKey: "The account has no SSH key, and a VM takes its keys at birth only.",
    errors.TeamAccount: "This is a team account, and Vast keeps SSH keys in personal accounts "
    "only.",
    errors.InsufficientCredit: "The account lacks credit.",
    errors.BillingNotSetUp: "The account has no billing set up, or no credit to start a machine "
    "with.",
    errors.SpendRateLimited: "Vast's spending limit for this account is reached.",
    errors.RateLimited: "Vast wants fewer requests.",
    errors.SearchQuotaExceeded: "The account's daily quota of searched offers is used up; it "
    "begins anew at 00:00 UTC. Which offers there are is not known until then.",
    errors.StartQueued: "The GPU is in use. Vast says that it queued the change: it may come true, "
    "and bill, later, or never.",
    errors.NotRunning: "The machine does not run.",
    errors.NoSuchInstance: "Vast knows no such instance.",
    errors.NotFound: "Vast knows nothing by that id.",
    errors.VolumeInUse: "A machine holds the volume.",
    errors.EndpointGone: "Vast has retired the endpoint that this used; a newer vast-mcp is "
    "needed.",
    errors.Redirected: "The address in VAST_URL answers with a redirect, which was not followed: "
    "only reads go on, and only on the same scheme, host and port. A person sets VAST_URL to the "
    f"address that answers; Vast's is {DEFAULT_URL}, without a path.",
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


# Statuses that say nothing of the request: it may have been done, or may be done yet.
_NO_VERDICT = frozenset({408, 409, 425, 429})
_REDIRECTS = frozenset(range(300, 400))  # no answer of who was asked, whatever the body says
_VERDICTS = frozenset(range(200, 500)) - _NO_VERDICT - _REDIRECTS


# What an `error` means to one request only: the same word is said of an id that nobody knows.
Means = Mapping[str, type[errors.VastMcpError]]
OF_ANY: Means = {}
OF_A_CONTAINER: Means = {"invalid_id": errors.NotRunning}  # docs/vast-api.md C.7, reboot
OF_AN_INCREASE: Means = {"no_pending_price_increase": errors.NotFound}
OF_LOGS: Means = {"invalid_id": errors.NoSuchInstance}

# What changes something, and is done when it is answered without a word.
_ACTS = frozenset({"PUT", "DELETE"})


def refusal(reply: Reply, method: str, means: Means = OF_ANY) -> errors.VastMcpError | None:
    """The error for an answer that is not a success; None for one that is.

    An act is answered by 204 without a body as well, and one that is said to be queued is no
    success, whatever `success` says (docs/vast-api.md C.5, C.7).
    """
    acts = method in _ACTS
    if acts and _by_known_words(reply) is errors.StartQueued:
        return failure(reply)
    if says_yes(reply) if acts else reply.ok:
        return None
    return failure(reply, means)


def says_yes(reply: Reply) -> bool:
    """Whether an act was carried out or accepted: a list, a bare text or an empty object at 200
    says nothing, and one with an `error` does not say yes.
    """
    return reply.is_without_body or (reply.ok and bool(reply.body) and not reply.error)


def meaning(reply: Reply, means: Means = OF_ANY) -> type[errors.VastMcpError]:
    """The one leaf for a reply that is not a success."""
    of_this = None if reply.status in _REDIRECTS else means.get(reply.error)
    return of_this or _by_words(reply) or _by_status(reply)


def _by_words(reply: Reply) -> type[errors.VastMcpError] | None:
    """The leaf that the reply's own words name, or that any `error` has at its status."""
    return _by_known_words(reply) or _by_unknown_error(reply)


def _by_known_words(reply: Reply) -> type[errors.VastMcpError] | None:
    """The leaf that the reply's own words name, whatever its status is but a redirect's."""
    if reply.status in _REDIRECTS:
        return None
    by_text = _by_text(reply)
    if by_text is not None:
        return by_text
    # A scoped key is told which permission it lacks, at times under the same `auth_error` as a
    # wrong key (docs/vast-api.md I).
    if reply.status in {401, 403} and _names_a_permission(reply):
        return errors.Forbidden
    return _BY_ERROR.get(reply.word)


def _by_text(reply: Reply) -> type[errors.VastMcpError] | None:
    text = reply.said.lower()
    return next((leaf for phrase, leaf in _BY_TEXT if phrase in text), None)


def _by_unknown_error(reply: Reply) -> type[errors.VastMcpError] | None:
    """The leaf for an `error` that has no meaning of its own."""
    if not reply.error:
        return None
    if reply.status == 401:
        return errors.AuthFailed
    if reply.status in _VERDICTS:
        return errors.InvalidRequest
    return None


def _by_status(reply: Reply) -> type[errors.VastMcpError]:
    """The leaf where no words help."""
    status = reply.status
    if status == 401 and not _names_a_permission(reply):
        return errors.AuthFailed
    if status in {401, 403}:
        return errors.Forbidden
    if status == 429:
        return errors.RateLimited
    if status in _REDIRECTS:
        return errors.Redirected
    if status == 404 and reply.body:
        return errors.NotFound  # Vast's own is JSON; a gateway's page says nothing of what exists
    if status >= 500 or status in {408, 425}:
        return errors.VastUnavailable
    if reply.said and (status in {400, 422} or reply.body.get("success") is False) and reply.body:
        return errors.InvalidRequest  # in Vast's words, and without an `error` (C.7, D)
    return errors.UnexpectedReply


def _names_a_permission(reply: Reply) -> bool:
    text = reply.said.lower()
    return any(word in text for word in _NAMES_A_PERMISSION)


def failure(reply: Reply, means: Means = OF_ANY) -> errors.VastMcpError:
    """The error for a reply that is not a success. Only words of Vast's own refuse for certain."""
    error = _error(meaning(reply, means), reply)
    is_vasts = _by_known_words(reply) is not None or (reply.status == 400 and bool(reply.error))
    error.no_refusal = not is_vasts or (reply.status == 429 and not is_known_429(reply))
    return error


_WAITS = frozenset({errors.RateLimited, errors.SearchQuotaExceeded, errors.VastUnavailable})


def _error(leaf: type[errors.VastMcpError], reply: Reply) -> errors.VastMcpError:
    error = leaf(_MESSAGES[leaf], http_status=reply.status, vast_message=reply.said or None)
    if leaf in _WAITS:
        error.retry_after_s = reply.retry_after_s
    if leaf is errors.SearchQuotaExceeded:
        error.retry_after_s = reply.quota_anew_s
    return error


LARGEST_ID = 2**63 - 1  # what the journal can hold; no id of Vast's comes near it


# ── The verdict on a rent ──────────────────────────────────────────────────────────────────────


def rented(reply: Reply) -> int:
    """The id that a PUT to /asks/ gave birth to.

    Raises CreatedStopped where an answer without success names an instance all the same
    (docs/vast-api.md A.6, A.7, A.11), a leaf of Rejected or Refused for a 4xx of a known form, and
    OutcomeUnknown for everything else: silence and riddles are never failure.
    """
    instance_id = contract_id(reply)
    if instance_id is not None and reply.ok:
        return instance_id
    if instance_id is not None:
        raise errors.CreatedStopped(
            "Vast made the machine, which exists and bills at least its disk until destroyed, and "
            "says that it does not run, though it was to: a bid too low, or no start.",
            http_status=reply.status,
            vast_message=reply.said or None,
            instance_id=instance_id,
        )
    refusal = _refusal_of(reply)
    if refusal is not None and not _hides_contract(reply):
        raise _error(refusal, reply)
    answer = "Vast's answer"
    if reply.status in _REDIRECTS:
        answer += ", a redirect that was not followed,"
    raise errors.OutcomeUnknown(
        f"{answer} does not say whether the machine was rented.",
        http_status=reply.status,
        vast_message=reply.said or None,
    )


def volume_made(reply: Reply) -> int:
    """The id of the volume that a request made: `volume_id`, or the number of its name, "V.123"
    (docs/vast-api.md F).

    Raises a leaf of Rejected or Refused for a 4xx of a known form, and OutcomeUnknown for
    everything else, an id beside an error among it.
    """
    volume_id = _volume_id(reply)
    if volume_id is not None and reply.ok:
        return volume_id
    refusal = _volume_refusal_of(reply)
    if refusal is not None and volume_id is None:
        raise _error(refusal, reply)
    raise errors.OutcomeUnknown(
        "Vast's answer does not say whether the volume was made.",
        http_status=reply.status,
        vast_message=reply.said or None,
    )


def _volume_id(reply: Reply) -> int | None:
    """The number that a reply gives a volume."""
    named: object = reply.body.get("volume_id")
    if named is None and isinstance(name := reply.body.get("volume_name"), str):
        named = name.removeprefix("V.")
    try:
        number = cells.an_id(named.strip() if isinstance(named, str) else named)
    except ValueError:
        return None
    return number if number <= LARGEST_ID else None


# What is said of a volume that was not made, beside what is said of a machine (docs/vast-api.md F).
_OF_VOLUMES = frozenset({errors.NotFound, errors.Forbidden})
_OF_A_NAME = "invalid volume name"


def _volume_refusal_of(reply: Reply) -> type[errors.VastMcpError] | None:
    """The leaf for a reply that proves that no volume was made; None where it proves nothing."""
    if reply.status == 422 and _OF_A_NAME in reply.said.lower():
        return errors.InvalidRequest
    words = _by_known_words(reply)
    if reply.status in _REFUSING and words in _OF_VOLUMES and reply.error:
        return words
    return _refusal_of(reply)


# The statuses of refusals to rent, and what they mean, as sources have them (docs/vast-api.md A.11,
# C.7, D, I). Another 4xx, or other words, may be a gateway's that stands in for a lost success.
_REFUSING = frozenset({400, 401, 403, 404, 410})
_REFUSALS = frozenset(
    {
        errors.AuthFailed,
        errors.TwoFactorRequired,
        errors.OfferGone,
        errors.OfferPrivate,
        errors.InvalidPrice,
        errors.NoSshKey,
        errors.TeamAccount,
        errors.InsufficientCredit,
        errors.BillingNotSetUp,
        errors.SpendRateLimited,
    }
)
# Refusals of a 400 without a leaf of their own; the second is said of an image's tag.
_INVALID = frozenset({"invalid_args", "server_error"})
_LOGIN_PAGE = "log in or sign up"


def _refusal_of(reply: Reply) -> type[errors.VastMcpError] | None:
    """The leaf for a reply that proves that nothing was rented; None where it proves nothing."""
    if is_known_429(reply):
        return _by_known_words(reply)
    if reply.status not in _REFUSING:
        return None
    words = _by_known_words(reply)
    if words in _REFUSALS or (words is errors.Forbidden and _names_a_permission(reply)):
        return words
    if reply.status == 400 and reply.error in _INVALID:
        return errors.InvalidRequest
    if reply.status == 401 and _LOGIN_PAGE in reply.text.lower():
        return errors.AuthFailed
    return None


def is_known_429(reply: Reply) -> bool:
    """Whether this is one of the five recorded forms of "too many requests" (docs/vast-api.md H),
    with a wait that makes sense where it names one: surely sent back before anything happened.
    """
    if reply.status != 429 or reply.names_a_nonsense_wait:
        return False
    return _by_known_words(reply) in {errors.RateLimited, errors.SearchQuotaExceeded}


def contract_id(reply: Reply) -> int | None:
    """`new_contract` as a number, wherever a reply carries one; a numeric string counts
    (docs/vast-api.md A.11).
    """
    value: object = reply.body.get("new_contract")
    try:
        number = cells.an_id(value.strip() if isinstance(value, str) else value)
    except ValueError:
        return None
    return number if number <= LARGEST_ID else None


def _hides_contract(reply: Reply) -> bool:
    """Whether it names an instance that cannot be read."""
    return reply.body.get("new_contract") not in (None, False, 0, "")
