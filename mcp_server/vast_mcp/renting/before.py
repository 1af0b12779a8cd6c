"""What speaks against renting a machine: it was rented from here before, and failed."""

from __future__ import annotations

from vast_mcp.account import met
from vast_mcp.session import Call
from vast_mcp.vast.models import Offer


def failed_before(call: Call, offer: Offer | None) -> str:
    """A sentence on the earlier rentals of an offer's machine, where one failed by what is the
    machine's own; else nothing.
    """
    told = met.before_on(call.session, [None if offer is None else offer.machine_id])
    failed = [before.words for before in told.values() if before.failed]
    return f"Its machine was rented here before: {failed[0]}." if failed else ""
