"""A machine gets another name; its token and its lease stay."""

from __future__ import annotations

from vast_mcp.errors import NextStep
from vast_mcp.leases import naming
from vast_mcp.renting.acts import SHOW_INSTANCES
from vast_mcp.renting.target import Target
from vast_mcp.renting.verbs.relabel import Relabel
from vast_mcp.renting.verbs.verb import Wanted
from vast_mcp.session import Call


class Label(Relabel):
    name = "label"
    argument = "label"
    loses = "its label may be how they know it"

    def __init__(self, wanted: Wanted, target: Target, call: Call) -> None:
        super().__init__(wanted, target, call)
        self.label = naming.renamed(call, target.instance_id, target.row, wanted.label or "")

    def for_others(self) -> NextStep:
        return SHOW_INSTANCES  # an answer repeats no label, and so not the call

    def steps_if_unsure(self) -> list[NextStep]:
        return [SHOW_INSTANCES]
