"""The calls about SSH keys: those of the account, and those of a machine (docs/vast-api.md D)."""

from __future__ import annotations

import contextlib
import json
import re

from vast_mcp import errors
from vast_mcp.vast import replies
from vast_mcp.vast.account import SshKey
from vast_mcp.vast.requests import Requests
from vast_mcp.vast.rows import Listing, row_of, rows_of
from vast_mcp.vast.verdicts import Means, says_yes

_IS_ATTACHED = re.compile(r"already (?:associated|attached|added|exists)", re.I)
# Said of a key that is not there, or another's.
OF_A_KEY: Means = {"no_ssh_key": errors.NotFound}


class Keys(Requests):
    """The part of Vast.ai's API that is about SSH keys."""

    async def ssh_keys(self) -> Listing[SshKey]:
        """GET /ssh/. No keys answers 404, which is an empty list. Raises UnexpectedReply where
        there is no list: that is not known to be none.
        """
        try:
            reply = await self._read("keys", "GET", "/api/v0/ssh/")
        except errors.NotFound:
            return Listing()
        rows = replies.as_list(reply.data)
        if rows is None:
            rows = replies.as_list(reply.body.get("ssh_keys"))
        if rows is None:
            raise errors.UnexpectedReply(
                "Vast's answer holds no list of SSH keys.", http_status=reply.status
            )
        return self.unread.note_all(SshKey, _keys_in(rows))

    async def create_ssh_key(self, public_key: str) -> SshKey:
        """POST /ssh/."""
        reply = await self._read("keys", "POST", "/api/v0/ssh/", body={"ssh_key": public_key})
        key = row_of(SshKey, _key_named(reply.body.get("key")))
        if key is None:
            self.deeds.doubt("keys")
            raise errors.UnexpectedReply("Vast did not confirm the key.", http_status=reply.status)
        return key

    async def delete_ssh_key(self, key_id: int) -> bool:
        """DELETE /ssh/{id}/: True when Vast accepted it, False when the account has no such key."""
        try:
            await self._read(
                "delete_key", "DELETE", f"/api/v0/ssh/{key_id}/", body={}, means=OF_A_KEY
            )
        except errors.NotFound:
            return False
        return True

    async def attached_ssh_keys(self, instance_id: int) -> Listing[SshKey]:
        """GET /instances/{id}/ssh/: the keys that a machine has, which come as a text of JSON.
        Raises NoSuchInstance, and UnexpectedReply where there is no list.
        """
        path = f"/api/v0/instances/{instance_id}/ssh/"
        reply = await self._read("attached", "GET", path)
        listed: object = reply.body.get("ssh_keys")
        if isinstance(listed, str):
            with contextlib.suppress(ValueError, RecursionError):
                listed = json.loads(listed)
        rows = replies.as_list(listed)
        if rows is None:
            raise errors.UnexpectedReply(
                "Vast's answer holds no list of the machine's SSH keys.", http_status=reply.status
            )
        return self.unread.note_all(SshKey, _keys_in(rows))

    async def attach_ssh_key(self, instance_id: int, public_key: str) -> None:
        """POST /instances/{id}/ssh/: a key that is attached is done."""
        path = f"/api/v0/instances/{instance_id}/ssh/"
        try:
            reply = await self._read("attach", "POST", path, body={"ssh_key": public_key})
        except errors.VastMcpError as exc:
            if not _IS_ATTACHED.search(exc.vast_message or ""):
                raise
            return
        if not says_yes(reply):
            self.deeds.doubt("attach")
            raise errors.UnexpectedReply("Vast did not confirm it.", http_status=reply.status)

    async def detach_ssh_key(self, instance_id: int, key_id: int) -> bool:
        """DELETE /instances/{id}/ssh/{key_id}/: True when Vast accepted it, False when the machine
        has no such key. Raises NoSuchInstance.
        """
        path = f"/api/v0/instances/{instance_id}/ssh/{key_id}/"
        try:
            await self._read("detach", "DELETE", path, body={})
        except errors.NotFound:
            return False
        return True


def _keys_in(rows: list[object]) -> Listing[SshKey]:
    """The keys that open something: a deleted one may be listed on, with the time of that."""
    live = [row for row in rows if not (replies.as_object(row) or {}).get("deleted_at")]
    return rows_of(SshKey, map(_key_named, live))


def _key_named(row: object) -> object:
    """A key's row with its text under the service's name."""
    key = replies.as_object(row)
    if key is None or key.get("public_key") is not None:
        return row
    return {**key, "public_key": key.get("key")}
