"""What is written as a label and read back as one: a name, or a lease."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vast_mcp.renting.verbs.verb import Verb
from vast_mcp.vast.models import Instance

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast  # httpx is loaded by the first call


class Relabel(Verb):
    """An action that is written as a label, and read back as one."""

    writes_label = True
    label: str  # the whole of it

    async def send(self, vast: Vast) -> None:
        await vast.change_instance(self.target.instance_id, {"label": self.label})

    def shows(self, row: Instance) -> bool:
        return row.label == self.call.settings.mask.hide_in(self.label)  # as it is heard
