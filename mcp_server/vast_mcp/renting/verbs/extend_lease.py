"""A machine lives longer, or gets a first lease."""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.account.extending import record_lease, watchdog_line
from vast_mcp.account.reading import Reading
from vast_mcp.leases import labels, lifetimes, naming
from vast_mcp.renting import reserving
from vast_mcp.renting.acts import Outcome
from vast_mcp.renting.reserving import Change
from vast_mcp.renting.target import Target
from vast_mcp.renting.verbs.relabel import Relabel
from vast_mcp.renting.verbs.verb import Said, Wanted
from vast_mcp.session import Call


class ExtendLease(Relabel):
    """A lease, a first one too, counts when it is read back."""

    name = "extend_lease"
    argument = "lease_hours"
    loses = "it has no lease of ours"
    may_cost = True
    must_be_seen = True  # a lease believed longer than it is loses somebody's work

    def __init__(self, wanted: Wanted, target: Target, call: Call) -> None:
        super().__init__(wanted, target, call)
        instance_id, row = target.instance_id, target.row
        if not target.ours:
            raise errors.NotOurs(
                f"vast-mcp did not make machine {instance_id}, and gives leases to its own only.",
                instance_id=instance_id,
            )
        self.until = lifetimes.extended_end(call, instance_id, row, wanted.lease_hours or 0.0)
        self.label = naming.with_lease(call, instance_id, row, self.until)

    @property
    def question(self) -> str:
        so_far = lifetimes.end_of(self.call, self.target.instance_id, self.target.row)
        ends = "" if so_far is None else f" It ends at {labels.utc(so_far)} so far."
        hours = f"{self.wanted.lease_hours:g} hours from when this is done"
        return f"Let {self.target.named} live for {hours}?{ends}"

    async def weigh(self) -> Change:
        target = self.target
        return await reserving.weigh_longer(self.call, target.instance_id, target.row)

    def wants_yes(self, change: Change) -> bool:
        """A lease moves past what the person agreed to; a first one only shortens a life."""
        return lifetimes.end_of(self.call, change.instance_id, change.row) is not None

    async def finish(self, outcome: Outcome, reading: Reading | None) -> Said:  # noqa: ARG002
        session, instance_id, before = self.call.session, self.target.instance_id, self.target.row
        said = Said(
            record_lease(session, instance_id, self.until),
            lease_until=labels.utc(self.until),
            lease_left_hours=lifetimes.left_hours(self.until, session.link.now()),
        )
        born_as = naming.born_as(session, instance_id)
        if born_as is None and before is not None:
            born_as = before.label
        if outcome.row is not None:
            said.ssh_line, warnings = await watchdog_line(
                self.call, outcome.row, self.until, born_as=born_as
            )
            said.warnings += warnings
        return said
