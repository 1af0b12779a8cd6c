"""The labels of machines that exist, as they are to be written: name, lease and token.

A label keeps the token that its machine was born with, which says whose the machine is
(docs/protocol.md), and the lease that it has.
"""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.errors import NextStep, Problem
from vast_mcp.journal.records import token_of
from vast_mcp.leases import labels, lifetimes
from vast_mcp.masking import Hidden
from vast_mcp.session import Call, Session
from vast_mcp.vast.models import Instance

UNNAMED = "vast-mcp"


def renamed(call: Call, instance_id: int, row: Instance | None, wanted: str) -> str:
    """The label with the name that was asked for, and the lease that the machine has.

    Raises BadArguments for a name that would read as a lease or a token, or is not printable, and
    NoSuchInstance where the label is hidden and the journal has none.
    """
    if row is not None and _is_hidden(row) and born_as(call.session, instance_id) is None:
        raise _hidden(instance_id)
    label = _marked(wanted, _token(call.session, instance_id, row))
    leases = lifetimes.known(call)
    # That a machine has no end stays in its label too: its watchdog reads it at its next boot.
    endless = labels.ends_at(row, leases.journalled.get(instance_id))
    until = leases.end_of(instance_id, row) or endless
    return label if until is None else labels.leased(label, until)


def with_lease(call: Call, instance_id: int, row: Instance | None, until: float) -> str:
    """The label that the machine has, with this lease. A token that somebody took out of it comes
    back: other computers know the machine by that.

    `until`: epoch seconds. Raises NoSuchInstance where no label of the machine is known.
    """
    label = born_as(call.session, instance_id) if row is None or _is_hidden(row) else row.label
    token = _born_token(call.session, instance_id)
    if label is None and token is None:
        raise _hidden(instance_id)
    if token is not None and token_of(label) is None:
        label = f"{label or UNNAMED}#{token}"
    return labels.leased(label or "", until)


def _is_hidden(row: Instance) -> bool:
    """Whether a row does not show its label, or not as it is: what repeats a secret of the person's
    was heard without it, and is not written back.
    """
    return row.hides_label or isinstance(row.label, Hidden)


def _hidden(instance_id: int) -> errors.NoSuchInstance:
    return errors.NoSuchInstance(
        f"Vast does not show machine {instance_id}, or its label, at the moment, or a secret of "
        "the person's stands in it.",
        instance_id=instance_id,
        next_steps=[NextStep("show_instances", {}, "whether it shows")],
    )


def born_as(session: Session, instance_id: int) -> str | None:
    """The label that a machine of ours was rented with."""
    record = session.record_of(instance_id)
    return None if record is None else record.label


def _marked(wanted: str, token: str | None) -> str:
    """The name with the machine's token."""
    given = token_of(wanted)
    if labels.lease_of(wanted) is not None:
        raise _bad(
            "must not end in lease-until=…: a lease stays as it is, and extend_lease moves it"
        )
    if not wanted.isprintable():
        raise _bad("printable characters only")
    if given is not None and given != token:
        raise _bad(
            "must not end in # and 16 hexadecimal digits: vast-mcp marks its own machines so"
        )
    if token is None or given == token:
        return wanted
    return f"{wanted}#{token}"


def _bad(problem: str) -> errors.BadArguments:
    return errors.bad("manage_instance", [Problem("label", problem)])


def _token(session: Session, instance_id: int, row: Instance | None) -> str | None:
    """The token in a machine's label; the journal's, for one of ours too young to be listed."""
    if row is not None and not _is_hidden(row):
        return token_of(row.label)
    return _born_token(session, instance_id)


def _born_token(session: Session, instance_id: int) -> str | None:
    record = session.record_of(instance_id)
    return None if record is None else record.token
