"""What this server refuses by itself: nothing was sent that could cost money."""

from __future__ import annotations

from collections.abc import Sequence

from vast_mcp.errors.base import Problem, VastMcpError

MOST_PROBLEMS = 10  # in one answer


class Refused(VastMcpError):
    """Nothing was sent that could cost money."""


class BadArguments(Refused):
    """An argument is missing, unknown, out of bounds, contradicts another, or asks for what the
    offer does not have.
    """

    code = "bad_arguments"


def bad(tool: str, problems: Sequence[Problem]) -> BadArguments:
    """The one wording for arguments that cannot be sent; many problems are cut short."""
    first = problems[:MOST_PROBLEMS]
    names = ", ".join(dict.fromkeys(problem.field for problem in first))
    if len(problems) > len(first):
        names += " and more"
    return BadArguments(
        f"Correct these arguments of {tool} and call again: {names}.", problems=first
    )


class UnknownTool(Refused):
    """The host called a tool that this server does not have."""

    code = "unknown_tool"


class NoApiKey(Refused):
    """This server was started without a key of Vast.ai."""

    code = "no_api_key"


class NoSshKey(Refused):
    """There is no SSH key: a VM was asked for and the account has none, which a VM takes at birth
    only (docs/vast-api.md A.5); or this server has none with which to enter a machine.
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
    """A call would change or destroy a machine, or delete a volume, that vast-mcp did not make."""

    code = "not_ours"


class NotStopped(Refused):
    """A call destroys only what is stopped (`only_if_stopped`), and a machine runs, starts or is
    not to be seen.
    """

    code = "not_stopped"


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
    the credit's hours, or a lease; or a machine turned out to cost more and was ended again.
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


class NotEntered(Refused):
    """Nobody logged in to a machine that was to be worked on: no way in, or another host key."""

    code = "not_entered"
    retryable = True


class LeaseOver(Refused):
    """The machine's lease has ended or is about to: its watchdog would destroy it at boot, or in
    the middle of the work.
    """

    code = "lease_over"
