"""Everything that can go wrong with one request, by name: acts for proxy rules.

`commits` says whether the service hears of the request before it breaks: the two look alike to a
client, and one of them costs money.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from storm.proxy import Act, Exchange, Reply, Seen

# ── which requests ─────────────────────────────────────────────────────────────────────────────


def is_rent(seen: Seen) -> bool:
    """The one request that spends."""
    return seen.method == "PUT" and seen.path.startswith("/api/v0/asks/")


def is_list(seen: Seen) -> bool:
    """A page of the list that decides; the one-row look that tests a key's permission is not
    one.
    """
    return (
        seen.method == "GET"
        and seen.path.rstrip("/") == "/api/v1/instances"
        and "order_by" in seen.target
    )


def is_search(seen: Seen) -> bool:
    return seen.method == "POST" and seen.path.rstrip("/") == "/api/v0/bundles"


# ── no answer ──────────────────────────────────────────────────────────────────────────────────


def resets(*, commits: bool) -> Act:
    """Cut after the request was sent, before any byte of the answer."""

    async def act(exchange: Exchange) -> None:
        if commits:
            await exchange.forward()
        exchange.reset()

    return act


def resets_mid_body(*, commits: bool) -> Act:
    """Cut in the middle of the answer."""

    async def act(exchange: Exchange) -> None:
        whole = (
            await exchange.forward()
            if commits
            else Reply.json(200, {"success": True, "new_contract": 0})
        )
        await exchange.send_part(whole.head() + whole.body[: len(whole.body) // 2])
        await asyncio.sleep(0)
        exchange.reset()

    return act


def ends(*, commits: bool) -> Act:
    """The polite form of the same: an end instead of a reset."""

    async def act(exchange: Exchange) -> None:
        if commits:
            await exchange.forward()
        exchange.over = True

    return act


def hangs(*, commits: bool) -> Act:
    """Never answer; the client leaves first."""

    async def act(exchange: Exchange) -> None:
        if commits:
            await exchange.forward()
        await exchange.client_gone()

    return act


def drips(*, commits: bool, every_s: float) -> Act:
    """Answer byte by byte, each before anybody's read timeout, the last after everybody's
    patience.
    """

    async def act(exchange: Exchange) -> None:
        whole = (
            await exchange.forward()
            if commits
            else Reply.json(200, {"success": True, "new_contract": 0})
        )
        for byte in whole.head() + whole.body:
            if not await exchange.send_part(bytes([byte])):
                break
            await asyncio.sleep(every_s)
        exchange.over = True

    return act


def commits_late(after_s: float) -> Act:
    """The service acts on the request `after_s` after it was sent, long after the client gave
    up.
    """

    async def act(exchange: Exchange) -> None:
        exchange.proxy.later(_commit_at(exchange, exchange.seen.at + after_s))
        await exchange.client_gone()

    return act


async def _commit_at(exchange: Exchange, at: float) -> None:
    await asyncio.sleep(max(0.0, at - time.monotonic()))
    await exchange.forward()


def stale(inner: Act) -> Act:
    """A far side that closes connections it thinks idle: a request on a used one dies, a fresh
    one meets `inner`.
    """

    async def act(exchange: Exchange) -> None:
        if exchange.seen.fresh:
            await inner(exchange)
        else:
            exchange.reset()

    return act


# ── wrong answers ──────────────────────────────────────────────────────────────────────────────


def answers(make: Callable[[], Reply], *, commits: bool = False) -> Act:
    """Somebody else's answer in place of the service's."""

    async def act(exchange: Exchange) -> None:
        if commits:
            await exchange.forward()
        exchange.seen.edited = True
        await exchange.send(make())

    return act


def page(status: int) -> Callable[[], Reply]:
    """A gateway's page."""
    html = (
        f"<html><head><title>{status}</title></head><body><h1>Please wait or log "
        f"in</h1></body></html>"
    )
    return lambda: Reply.text(status, html, "text/html")


def success_false() -> Reply:
    return Reply.json(
        200, {"success": False, "error": "server_error", "msg": "The request was not carried out."}
    )


def no_id() -> Reply:
    return Reply.json(200, {"success": True})


def gone() -> Reply:
    """What renting a taken offer is told."""
    msg = "error 410/3907: no_such_ask Instance type 1 is no longer available."
    return Reply.json(410, {"success": False, "error": "no_such_ask", "msg": msg})


def no_credit() -> Reply:
    return Reply.json(
        400,
        {"error": "insufficient_credit", "msg": "Your account lacks credit; see the billing page."},
    )


def truncated(*, commits: bool) -> Act:
    """Half of the answer with a length that agrees: JSON that stops."""

    async def act(exchange: Exchange) -> None:
        whole = (
            await exchange.forward()
            if commits
            else Reply.json(200, {"success": True, "new_contract": 30_000_000})
        )
        exchange.seen.edited = True
        await exchange.send(Reply(200, whole.headers, whole.body[: len(whole.body) // 2]))

    return act


_OFTEN = "API requests too frequent"

# The five recorded forms of "too many requests", and one that nobody has recorded.
TOO_MANY: dict[str, Callable[[], Reply]] = {
    "plain text": lambda: Reply.text(429, f"{_OFTEN}: endpoint threshold=4.5"),
    "detail": lambda: Reply.json(429, {"detail": f"{_OFTEN} endpoint threshold=4.5"}),
    "rate_limit_exceeded": lambda: Reply.json(
        429, {"success": False, "error": "rate_limit_exceeded", "msg": _OFTEN}
    ),
    "HTTPTooManyRequests": lambda: Reply.json(
        429,
        {
            "error": "HTTPTooManyRequests",
            "msg": _OFTEN,
            "retry_after": 1,
            "limit": 5.0,
            "remaining": 0,
        },
        {"retry-after": "1"},
    ),
    "search_quota_exceeded": lambda: Reply.json(
        429, {"success": False, "error": "search_quota_exceeded", "msg": "Search quota exceeded"}
    ),
}
UNKNOWN_429 = lambda: Reply.json(429, {"status": "busy"})  # noqa: E731  beside its five sisters


def edits(change: Callable[[Any], Any]) -> Act:
    """The service's own answer, its JSON changed."""

    async def act(exchange: Exchange) -> None:
        whole = await exchange.forward()
        changed = json.dumps(change(whole.data)).encode()
        exchange.seen.edited = True
        await exchange.send(Reply(whole.status, whole.headers, changed))

    return act


# ── lists that cannot be relied on ─────────────────────────────────────────────────────────────


def without_rows(listed: Any) -> Any:
    """A whole and consistent list that happens to lack every machine of ours."""
    rows = [row for row in listed["instances"] if not str(row.get("label")).startswith("storm-")]
    lost = len(listed["instances"]) - len(rows)
    return listed | {
        "instances": rows,
        "instances_found": len(rows),
        "total_instances": listed["total_instances"] - lost,
    }


def repeated(listed: Any) -> Any:
    """A page that names itself as the next one."""
    return listed | {"instances": [], "next_token": "WzFd"}


def inconsistent(listed: Any) -> Any:
    """Rows missing, though the count says that there are more."""
    return without_rows(listed) | {"total_instances": listed["total_instances"] + 1}


def no_rows(listed: Any) -> Any:
    """No list at all under the key."""
    return {key: value for key, value in listed.items() if key != "instances"}
