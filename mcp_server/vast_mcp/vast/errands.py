"""The calls that Vast carries out on machines by itself: another container in place, commands on a
disk at rest, copies between places.
"""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.vast import replies, verdicts
from vast_mcp.vast.account import Cloud
from vast_mcp.vast.requests import Requests
from vast_mcp.vast.retry import READ_TRIES
from vast_mcp.vast.rows import Listing, rows_of


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

    async def execute(self, instance_id: int, command: str, *, once: bool) -> str:
        """PUT /instances/command/{id}/: the address that what it prints will appear at, in Vast's
        word only (docs/vast-api.md C.7). `once`: it is never repeated by itself.
        """
        path = f"/api/v0/instances/command/{instance_id}/"
        tries = 1 if once else READ_TRIES
        reply = await self._read("execute", "PUT", path, body={"command": command}, tries=tries)
        address: object = reply.body.get("result_url")
        if not isinstance(address, str):
            raise errors.UnexpectedReply(
                "Vast did not say where the output is.", http_status=reply.status
            )
        return address

    async def copy(self, src_id: str, src_path: str, dst_id: str, dst_path: str) -> None:
        """PUT /commands/copy_direct/, once (docs/vast-api.md C.10): Vast took it, and goes on by
        itself.
        """
        body: Json = {
            "client_id": "me",
            "src_id": src_id,
            "dst_id": dst_id,
            "src_path": src_path,
            "dst_path": dst_path,
        }
        await self._read("data", "PUT", "/api/v0/commands/copy_direct/", body=body, tries=1)

    async def cloud_copy(
        self, instance_id: int, cloud_id: int, src: str, dst: str, transfer: str
    ) -> str | None:
        """POST /commands/rclone/, once (docs/vast-api.md C.10): the address of its outcome, where
        Vast names one.
        """
        body: Json = {
            "instance_id": str(instance_id),
            "src": src,
            "dst": dst,
            "selected": str(cloud_id),
            "transfer": transfer,
            "flags": [],
        }
        reply = await self._read("data", "POST", "/api/v0/commands/rclone/", body=body, tries=1)
        if not verdicts.says_yes(reply):
            raise errors.UnexpectedReply(
                "Vast did not say that it copies.", http_status=reply.status
            )
        address: object = reply.body.get("result_url")
        return address if isinstance(address, str) else None

    async def stop_copy(self, dst_id: str, *, of_cloud: bool) -> None:
        """DELETE on the route that it was begun by: every copy to that place is cancelled
        (docs/vast-api.md C.10). A cloud's goes by its machine's id alone.
        """
        kind = "rclone" if of_cloud else "copy_direct"
        dst = dst_id.removeprefix("C.") if of_cloud else dst_id
        body: Json = {"client_id": "me", "dst_id": dst}
        paths = {
            "rclone": "/api/v0/commands/rclone/",
            "copy_direct": "/api/v0/commands/copy_direct/",
        }
        await self._read("data", "DELETE", paths[kind], body=body)

    async def clouds(self) -> Listing[Cloud]:
        """GET /users/cloud_integrations/: the clouds that the person connected (docs/vast-api.md
        C.10).
        """
        reply = await self._read("clouds", "GET", "/api/v0/users/cloud_integrations/")
        rows = replies.as_list(reply.data)
        if rows is None:
            raise errors.UnexpectedReply(
                "Vast's answer holds no list of clouds.", http_status=reply.status
            )
        return self.unread.note_all(Cloud, rows_of(Cloud, rows))
