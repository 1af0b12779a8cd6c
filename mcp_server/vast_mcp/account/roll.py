"""Which machines there are and which of them vast-mcp made: what every act on a machine asks before
it acts.

An id that nobody has seen may be a typing error for a machine that goes on billing, and a machine
that somebody else made may hold their work: neither is touched by a guess.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from vast_mcp import errors
from vast_mcp.account.seen import learn_from
from vast_mcp.errors import NextStep, Problem
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance

SHOWN = 20


@dataclass(frozen=True)
class Roll:
    """The machines of a whole list by id, newest first, and the ids of ours, listed or not."""

    living: dict[int, Instance]
    ours: set[int]

    def is_known(self, instance_id: int) -> bool:
        """Listed, or one of ours that may be too young to be listed."""
        return instance_id in self.living or instance_id in self.ours


async def roll(call: Call) -> Roll:
    """Read the whole list, and learn from it. Raises where it cannot be read."""
    listed = await call.vast.list_instances()
    seen = await learn_from(call, listed)
    return Roll({instance.id: instance for instance in listed}, seen.ours)


def check_known(
    ids: Iterable[int], there: Roll, *, nothing: str, argument: str, formerly: Collection[int] = ()
) -> None:
    """Raises NoSuchInstance for ids that the account never showed.

    `nothing`: what was not done, such as "sent". `argument`: the one that holds the ids.
    `formerly`: ids that count although they are gone by now.
    """
    unknown = [i for i in ids if not there.is_known(i) and i not in formerly]
    if not unknown:
        return
    wanted = "ids of machines that exist" if argument.endswith("s") else "a living machine's"
    names = ", ".join(map(str, unknown))
    raise errors.NoSuchInstance(
        f"Nothing was {nothing}: the account has no machine {names}. {_living(there)}",
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
    ids: Iterable[int], there: Roll, *, nothing: str, loses: str, again: NextStep
) -> None:
    """Raises NotOurs for machines that vast-mcp did not make.

    `nothing`: what was not done. `loses`: what the act costs them. `again`: the call that means
    them too.
    """
    strangers = [i for i in ids if i in there.living and i not in there.ours]
    if not strangers:
        return
    names = ", ".join(map(str, strangers))
    raise errors.NotOurs(
        f"Nothing was {nothing}: vast-mcp did not make {names}, and {loses}.",
        problems=[Problem("not_ours", "true, if the person wants this for these as well")],
        next_steps=[again],
    )
