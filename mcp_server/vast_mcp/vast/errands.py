"""The calls that Vast carries out on machines by itself: another container in place, commands on a
disk at rest, copies between places.
"""

from __future__ import annotations

from vast_mcp.errors import Json
from vast_mcp.vast import verdicts
from vast_mcp.vast.requests import Requests


class Errands(Requests):
    """The part of Vast.ai's API that sends Vast on errands (client.py)."""

    async def update_instance(self, instance_id: int, change: Json) -> None:
        """PUT /instances/update_template/{id}/ with `recycle`: the container is made anew of what
        is changed, and its disk's content goes (docs/vast-api.md C.7). Raises NotRunning, and
        NotFound for the machine or the template.
        """
        path = f"/api/v0/instances/update_template/{instance_id}/"
        body = {**change, "recycle": True}
        await self._read("update", "PUT", path, body=body, means=verdicts.OF_A_CONTAINER)
