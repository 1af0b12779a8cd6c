"""Which machines there are and which of them vast-mcp made: what every act on a machine asks before
it acts.

An id that nobody has seen may be a typing error for a machine that goes on billing, and a machine
that somebody else made may hold their work: neither is touched by a guess.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from vast_mcp import errors
from vast_mcp.account.seen import learn_from
from vast_mcp.account.whose import account_unlisted
from vast_mcp.errors import NextStep, Problem
from vast_mcp.journal.records import token_of
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance
from vast_mcp.vast.rows import Listing

SHOWN = 20


@dataclass(frozen=True)
class Roll:
    """The machines of a whole list by id, newest first, and the ids of ours, listed or not."""

    living: dict[int, Instance]
    ours: set[int]
    unread: frozenset[int] = frozenset()  # of which nothing says whether they exist

    def is_known(self, instance_id: int) -> bool:
        """Listed, or one of ours that may be too young to be listed."""
        return instance_id in self.living or instance_id in self.ours

    def hides_owner(self, instance_id: int) -> bool:
        """Whether nothing says whose the machine is: neither journal nor label."""
        row = self.living.get(instance_id)
        hidden = instance_id in self.unread or (row is not None and row.hides_label)
        return hidden and instance_id not in self.ours


async def roll(call: Call) -> Roll:
    """Read the whole list, and learn from it. Raises where it cannot be read."""
    listed = await call.vast.list_instances()
    seen = await learn_from(call, listed)
    return Roll({instance.id: instance for instance in listed}, seen.ours)


async def roll_to_end(call: Call, ids: Collection[int]) -> Roll:
    """What is known of machines that are to be ended or stopped: by the whole list, else each by a
    read of its own, since no end needs the list. Raises AuthFailed, and what no request survives.
    """
    listed: Listing[Instance] | None = None
    ours = set(call.session.created)
    try:
        listed = await call.in_passing().list_instances()
        ours = (await learn_from(call, listed)).ours
    except errors.AuthFailed:
        raise
    except (errors.Rejected, errors.Unreachable):
        pass
    living = {instance.id: instance for instance in listed or ()}
    if listed is not None and listed.is_whole:
        return Roll(living, ours)
    unread: set[int] = set()
    ours |= await _journalled(call, ids)
    for instance_id in ids:
        if instance_id in living:
            continue
        try:
            row = await call.in_passing().show_instance(instance_id)
        except (errors.Rejected, errors.Unreachable):
            unread.add(instance_id)
            continue
        if row is not None:
            living[instance_id] = row
    ours |= {row.id for row in living.values() if token_of(row.label)}
    return Roll(living, ours, frozenset(unread))


async def _journalled(call: Call, ids: Iterable[int]) -> set[int]:
    """Those of the ids that live by the journal. Another account's are none, where this key's can
    be read.
    """
    records = [record for one in ids if (record := call.record_of(one)) and record.lives]
    account: str | None = None
    if records:
        with contextlib.suppress(errors.Rejected, errors.Unreachable):
            account = await account_unlisted(call)
    return {one.instance_id or 0 for one in records if account in {None, one.account}}


def check_known(
    ids: Iterable[int], there: Roll, *, argument: str, formerly: Collection[int] = ()
) -> None:
    """Raises NoSuchInstance for ids that the account never showed.

    `argument`: the one that holds the ids. `formerly`: ids that count although they are gone.
    """
    known = {*formerly, *there.unread}  # what cannot be read may exist
    unknown = [i for i in ids if not there.is_known(i) and i not in known]
    if not unknown:
        return
    wanted = "ids of machines that exist" if argument.endswith("s") else "a living machine's"
    names = ", ".join(map(str, unknown))
    raise errors.NoSuchInstance(
        f"The account has no machine {names}. {_living(there)}",
        problems=[Problem(argument, wanted)],
        next_steps=[NextStep("show_instances", {}, "see what exists")],
    )


def _living(there: Roll) -> str:
    """A sentence that names the machines that there are."""
    if not there.living:
        return "The account has no machines."
    shown = ", ".join(str(i) for i in itertools.islice(there.living, SHOWN))
    more = len(there.living) - SHOWN
    if more > 0:
        return f"Living: {shown} and {more} more."
    return f"Living: {shown}."


def check_ours(
    ids: Iterable[int],
    there: Roll,
    *,
    loses: str,
    again: Callable[[list[int]], list[NextStep]],
) -> None:
    """Raises NotOurs for machines that vast-mcp did not make, and names them.

    `loses`: what the act costs them. `again`: the calls that mean these too, which a look at the
    first of them comes before.
    """
    hidden = [i for i in ids if there.hides_owner(i)]
    others = hidden or [i for i in ids if i in there.living and i not in there.ours]
    if not others:
        return
    names = ", ".join(map(str, others))
    why = (
        f"whose machine {names} is could not be read"
        if hidden
        else f"vast-mcp did not make {names}"
    )
    look = NextStep("show_instance", {"instance_id": others[0]}, "what it is; the person decides")
    raise errors.NotOurs(
        f"{why}, and {loses}.",
        problems=[Problem("not_ours", f"true lifts this for {names}, if the person wants that")],
        next_steps=[look, *again(others)],
    )
