"""The calls: one method an endpoint, models out, leaves of the error tree raised.

Reads are repeated by retry.py. The PUT that rents goes out once, on a connection of its own, and
whatever is not a clear verdict is OutcomeUnknown.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import cast

import anyio
import httpx
from pydantic import ValidationError

from vast_mcp import errors
from vast_mcp.vast import models, replies
from vast_mcp.vast.link import Link
from vast_mcp.vast.models import Instance, Offer, SshKey, Template, User, Volume, VolumeOffer
from vast_mcp.vast.replies import Json, Reply
from vast_mcp.vast.retry import READ_TRIES, read

PAGE = 25  # the v1 list's maximum (C.2)


LIST_TRIES = 2


# It writes whole addresses at INFO, and a log's address is a secret of its own.
logging.getLogger("httpx").setLevel(logging.WARNING)


# Failures that happen before any byte of the request can have reached Vast.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)


class Vast:
    """Vast.ai's API as this server uses it, until a deadline on anyio's clock."""

    def __init__(self, link: Link, deadline: float) -> None:
        self._link = link
        self._deadline = deadline

    # ── offers ────────────────────────────────────────────────────────────────────────────────────

    async def search_offers(self, query: Json) -> list[Offer]:
        """POST /bundles/ (B.1): a flat query, at most 64 rows whatever is asked."""
        reply = await self._read("search", "POST", "/api/v0/bundles/", body=query)
        rows = _rows(reply, "offers")
        return [offer for row in rows if (offer := models.offer_of(row)) is not None]

    async def find_offer(
        self, offer_id: int, *, bid: bool = False, disk_gb: float = 10.0
    ) -> Offer | None:
        """The offer as it stands now, free or taken; None where Vast lists none. Prices include
        `disk_gb`.
        """
        anything = {"in": [True, False]}
        query: Json = {
            "ask_contract_id": {"eq": offer_id},  # a filter on `id` finds nothing (B.2)
            "verified": anything,
            "external": anything,
            "rentable": anything,
            "rented": anything,
            "type": "bid" if bid else "on-demand",
            "allocated_storage": disk_gb,
            "limit": 1,
        }
        found = await self.search_offers(query)
        return next((offer for offer in found if offer.ask_contract_id == offer_id), None)

    async def gpu_names(self) -> list[str]:
        """GET /gpu_names/unique/ (B.4): the display names that exist."""
        reply = await self._read("gpu_names", "GET", "/api/v0/gpu_names/unique/")
        names: object = reply.body.get("gpu_names")
        return (
            [name for name in cast("list[object]", names) if isinstance(name, str)]
            if isinstance(names, list)
            else []
        )

    async def turn_to_rent(self) -> None:
        """Wait for the published interval between two rents, before anything is announced."""
        await self._link.pace.turn("create", self._deadline)

    async def rent(self, offer_id: int, body: Json) -> int:
        """PUT /asks/{id}/, once: the id of the instance it made.

        Not cancelled by the caller's going away: the answer is worth more than the wait, `put_s`
        seconds at most. Raises Unreachable only when no connection was made; see wire.rented for
        the other verdicts.
        """
        times = self._link.settings.times
        http = self._link.fresh()
        reply: Reply | None = None
        with anyio.move_on_after(times.put_s, shield=True):
            try:
                async with http:
                    answer = await http.put(
                        f"/api/v0/asks/{offer_id}/",
                        json=body,
                        timeout=httpx.Timeout(
                            times.put_s, connect=min(times.connect_s, times.put_s)
                        ),
                    )
                    reply = self._link.heard(answer)
            except _NOT_SENT as exc:
                raise errors.Unreachable(
                    f"No connection to Vast ({type(exc).__name__}); nothing was sent."
                ) from exc
            except Exception:  # noqa: S110  whatever else went wrong, the request may have arrived
                pass
        if reply is None:
            raise errors.OutcomeUnknown(
                "The request to rent was sent and no answer came; the machine may exist and bill."
            )
        with self._link.redacting():
            return replies.rented(reply)

    # ── instances ─────────────────────────────────────────────────────────────────────────────────

    async def list_instances(self) -> list[Instance]:
        """The whole v1 list, newest id first.

        Raises IncompleteList when a page is missing, repeated or inconsistent: half a list must not
        look like a list.
        """
        for attempt in range(1, LIST_TRIES + 1):
            try:
                return await self._list_once()
            except errors.IncompleteList:
                if attempt == LIST_TRIES:
                    raise
        raise AssertionError("unreachable")

    async def _list_once(self) -> list[Instance]:
        found: dict[int, Instance] = {}
        tokens: set[str] = set()
        token: str | None = None
        while True:
            if anyio.current_time() >= self._deadline:
                raise errors.IncompleteList(
                    f"The list was not read to its end in time: {len(found)} machines so far."
                )
            params = {"limit": str(PAGE), "order_by": '[{"col":"id","dir":"desc"}]'}
            if token is not None:
                params["after_token"] = token
            reply = await self._read("list", "GET", "/api/v1/instances/", params=params)
            for row in _rows(reply, "instances"):
                instance = self._instance(row)
                if instance.id in found:
                    raise errors.IncompleteList(
                        "Vast's list of instances repeated a row; it cannot be relied on."
                    )
                found[instance.id] = instance
            following = reply.body.get("next_token")
            if not following:
                break
            token = str(following)
            if token in tokens:
                raise errors.IncompleteList(
                    "Vast's list of instances repeated a page; it cannot be relied on."
                )
            tokens.add(token)
        total = reply.body.get("total_instances")
        if isinstance(total, int) and total != len(found):
            raise errors.IncompleteList(
                f"Vast says there are {total} instances and listed {len(found)}."
            )
        return list(found.values())

    async def show_instance(self, instance_id: int) -> Instance | None:
        """GET /instances/{id}/ (C.1): None where Vast shows no such instance."""
        try:
            reply = await self._read(
                "show", "GET", f"/api/v0/instances/{instance_id}/", params={"owner": "me"}
            )
        except (errors.NoSuchInstance, errors.NotFound):
            return None
        found: object = reply.body.get("instances", False)
        if found is None or found == []:
            return None
        rows = replies.as_objects([found]) or replies.as_objects(
            found
        )  # older shape: a list with one row
        if not rows:
            # Anything else is an answer about nothing, and must not prove that a machine is gone.
            raise errors.UnexpectedReply(
                "Vast's answer names no machine and no absence.", http_status=reply.status
            )
        return self._instance(rows[0])

    async def turn_to_destroy(self) -> None:
        """Wait for the published interval between two destroys, before the last look at what is to
        go.
        """
        await self._link.pace.turn("destroy", self._deadline)

    async def destroy_instance(self, instance_id: int, *, once: bool = False) -> bool:
        """DELETE /instances/{id}/ (C.7): True when Vast accepted it, False when it knows no such
        instance.

        `once`: now, in a turn already taken, and never repeated by itself: the caller looks again
        first.
        """
        kind, tries = ("in turn", 1) if once else ("destroy", READ_TRIES)
        try:
            await self._read(
                kind, "DELETE", f"/api/v0/instances/{instance_id}/", body={}, tries=tries
            )
        except (errors.NoSuchInstance, errors.NotFound):
            return False
        return True

    async def may_list(self) -> None:
        """One row of the list: raises Forbidden where the key may not."""
        await self._read("list", "GET", "/api/v1/instances/", params={"limit": "1"})

    async def change_instance(self, instance_id: int, change: Json) -> None:
        """PUT /instances/{id}/ (C.7): {"state": "running" | "stopped"} or {"label": text}.

        Raises StartQueued where the GPU is taken: Vast keeps the wish, and bills when it comes true
        (C.5).
        """
        await self._read("manage", "PUT", f"/api/v0/instances/{instance_id}/", body=change)

    async def reboot_instance(self, instance_id: int) -> None:
        """PUT /instances/reboot/{id}/: stops and starts the container, keeping GPU and disk."""
        await self._read("manage", "PUT", f"/api/v0/instances/reboot/{instance_id}/", body={})

    async def recycle_instance(self, instance_id: int) -> None:
        """PUT /instances/recycle/{id}/: a fresh container of a freshly pulled image; its disk's
        content goes.
        """
        await self._read("manage", "PUT", f"/api/v0/instances/recycle/{instance_id}/", body={})

    async def change_bid(self, instance_id: int, price: float) -> None:
        """PUT /instances/bid_price/{id}/: $/h for the whole machine."""
        body: Json = {"client_id": "me", "price": price}
        await self._read("bid", "PUT", f"/api/v0/instances/bid_price/{instance_id}/", body=body)

    async def attach_ssh_key(self, instance_id: int, public_key: str) -> None:
        """POST /instances/{id}/ssh/ (section D). A key that is attached already is done."""
        try:
            await self._read(
                "attach",
                "POST",
                f"/api/v0/instances/{instance_id}/ssh/",
                body={"ssh_key": public_key},
            )
        except errors.VastMcpError as exc:
            if "already" not in (exc.vast_message or "").lower():
                raise

    async def request_logs(
        self, instance_id: int, tail: int, *, words: str | None, daemon: bool
    ) -> str:
        """PUT /instances/request_logs/{id}/ (C.7): the address the log will appear at, in Vast's
        word only.
        """
        body: Json = {"tail": str(tail)}
        if words:
            body["filter"] = words
        if daemon:
            body["daemon_logs"] = "true"
        reply = await self._read(
            "logs", "PUT", f"/api/v0/instances/request_logs/{instance_id}/", body=body
        )
        address: object = reply.body.get("result_url")
        if not isinstance(address, str):
            raise errors.UnexpectedReply(
                "Vast did not say where the log is.", http_status=reply.status
            )
        return address

    # ── keys, templates, account ──────────────────────────────────────────────────────────────────

    async def ssh_keys(self) -> list[SshKey]:
        """GET /ssh/ (section D). No keys answers 404, which is an empty list."""
        try:
            reply = await self._read("read_keys", "GET", "/api/v0/ssh/")  # no interval published
        except errors.NotFound:
            return []
        rows = (
            replies.as_objects(reply.data) or replies.as_objects(reply.body.get("ssh_keys")) or []
        )
        return [_ssh_key(row) for row in rows]

    async def create_ssh_key(self, public_key: str) -> SshKey:
        """POST /ssh/ (section D)."""
        reply = await self._read("keys", "POST", "/api/v0/ssh/", body={"ssh_key": public_key})
        key = replies.as_object(reply.body.get("key"))
        if key is None:
            raise errors.UnexpectedReply("Vast did not confirm the key.", http_status=reply.status)
        return _ssh_key(key)

    async def template(self, hash_id: str) -> Template | None:
        """GET /template/ by hash (section E): None where no template has it."""
        params = {
            "select_cols": '["*"]',
            "select_filters": json.dumps({"hash_id": {"eq": hash_id}}),
        }
        reply = await self._read("templates", "GET", "/api/v0/template/", params=params)
        for row in _rows(reply, "templates"):
            if row.get("hash_id") == hash_id:
                try:
                    return Template.model_validate(row)
                except ValidationError as exc:
                    raise errors.UnexpectedReply(
                        "Vast's template row could not be understood."
                    ) from exc
        return None

    async def search_templates(self, filters: Json) -> list[Template]:
        """GET /template/ with `select_filters` (section E)."""
        params = {"select_cols": '["*"]', "select_filters": json.dumps(filters)}
        reply = await self._read("templates", "GET", "/api/v0/template/", params=params)
        return models.rows_of(Template, _rows(reply, "templates"))

    async def search_volumes(self, query: Json) -> list[VolumeOffer]:
        """POST /volumes/search/ (section F): a flat query, at most 64 rows."""
        reply = await self._read("volumes", "POST", "/api/v0/volumes/search/", body=query)
        return models.rows_of(VolumeOffer, _rows(reply, "offers"))

    async def list_volumes(self) -> list[Volume]:
        """GET /volumes (section F): every volume of the account. Raises IncompleteList where there
        is no list.
        """
        reply = await self._read(
            "volumes", "GET", "/api/v0/volumes", params={"owner": "me", "type": "all_volume"}
        )
        return models.rows_of(Volume, _rows(reply, "volumes"))

    async def user(self) -> User:
        """GET /users/current (section G): whose key this is, and what it can spend."""
        reply = await self._read("user", "GET", "/api/v0/users/current")
        try:
            return User.model_validate(reply.body)
        except ValidationError as exc:
            raise errors.UnexpectedReply(
                "Vast did not say whose key this is.", http_status=reply.status
            ) from exc

    def _instance(self, row: Json) -> Instance:
        """The row, without the person's secrets in the host's words: a failed start may repeat its
        whole line.
        """
        try:
            instance = Instance.model_validate(row)
        except ValidationError as exc:
            raise errors.IncompleteList(
                "A row of Vast's list of instances could not be understood."
            ) from exc
        said = instance.status_msg and errors.redacted(
            instance.status_msg, self._link.settings.secrets()
        )
        return instance.model_copy(update={"status_msg": said})

    # ── the wire ──────────────────────────────────────────────────────────────────────────────────

    async def _read(
        self,
        kind: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Json | None = None,
        tries: int = READ_TRIES,
    ) -> Reply:
        """One request whose repetition changes nothing; the reply if it is a success, its leaf if
        it is not.
        """
        link = self._link
        http = link.pool()

        async def send() -> Reply:
            await link.pace.turn(kind, self._deadline)
            limit = min(link.settings.times.read_s, max(0.1, self._deadline - anyio.current_time()))
            try:
                with anyio.fail_after(limit):
                    answer = await http.request(
                        method, path, params=params, json=body, timeout=limit
                    )
                    return link.heard(answer)
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError) as exc:
                raise errors.Unreachable(f"Vast did not answer ({type(exc).__name__}).") from exc

        with link.redacting():
            reply = await read(
                send, link.settings.times, self._deadline, tries, acts=method == "PUT"
            )
            if not reply.ok:
                raise replies.failure(reply)
        return reply


def _rows(reply: Reply, key: str) -> list[Json]:
    """The rows under `key`. Raises IncompleteList where there is no list: absence must not read as
    emptiness.
    """
    rows = replies.as_objects(reply.body.get(key))
    if rows is None:
        raise errors.IncompleteList(
            f"Vast's answer holds no list of {key}.", http_status=reply.status
        )
    return rows


def _ssh_key(row: Json) -> SshKey:
    try:
        return SshKey.model_validate({"public_key": row.get("key"), **row})
    except ValidationError as exc:
        raise errors.UnexpectedReply("Vast's SSH key row could not be understood.") from exc
