"""What became of a request to rent, where the answer is neither a success nor a refusal."""

from __future__ import annotations

from vast_mcp.errors.base import VastMcpError


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
    send another; or this process stood still until its request might not leave any more.
    """

    code = "not_rented"
    retryable = True


class InternalFault(VastMcpError):
    """This server has a defect; its own text stays in the log."""

    code = "internal_error"
