"""The calls about money: what was charged and paid, and what all costs now (docs/vast-api.md G)."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from typing import TypeVar

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.vast.charges import MOST_ROWS, ROWS, Charge, Payment, SpendRate
from vast_mcp.vast.pages import rows_under
from vast_mcp.vast.replies import Reply
from vast_mcp.vast.requests import Requests
from vast_mcp.vast.rows import Listing, Row, row_of, rows_of

R = TypeVar("R", bound=Row)

_MACHINES = ("instance",)
_ALL = ("instance", "volume", "serverless")


class Billing(Requests):
    """The part of Vast.ai's API that tells what things cost."""

    async def charges(self, since: float, until: float) -> Listing[Charge]:
        """GET /charges/: what machines were charged between two epoch seconds. Raises
        IncompleteList where that is more than one reply holds.
        """
        query = _charges_query(since, until, _MACHINES, ROWS)
        reply = await self._read("charges", "GET", "/api/v0/charges/", params=query)
        if reply.body.get("next_token"):
            raise errors.IncompleteList("Vast's charges of that time come in several replies.")
        return rows_of(Charge, rows_under(reply, "results"))

    async def every_charge(self, since: float, until: float) -> Listing[Charge]:
        """GET /charges/, all pages: what everything was charged between two epoch seconds. Raises
        IncompleteList where the pages cannot be relied on.
        """
        query = _charges_query(since, until, _ALL, MOST_ROWS)
        listed = await self._every(Charge, "charges", "/api/v0/charges/", query)
        return self.unread.note_all(Charge, listed)

    async def payments(self, since: float, until: float) -> Listing[Payment]:
        """GET /api/v1/invoices/, all pages: what was paid between two epoch seconds. Raises
        IncompleteList where the pages cannot be relied on.
        """
        when = {"gte": int(since), "lte": math.ceil(until)}
        query = {"select_filters": json.dumps({"when": when}), "latest_first": "true"}
        query["limit"] = str(ROWS)
        listed = await self._every(Payment, "invoices", "/api/v1/invoices/", query)
        return self.unread.note_all(Payment, listed)

    async def spend_rate(self) -> SpendRate:
        """GET /users/spend-rate/: what everything costs now. Raises UnexpectedReply where that is
        not said.
        """
        reply = await self._read("spend_rate", "GET", "/api/v0/users/spend-rate/")
        rate = row_of(SpendRate, reply.body)
        if rate is None:
            raise errors.UnexpectedReply(
                "Vast did not say what all costs now.", http_status=reply.status
            )
        return rate

    async def _every(
        self, model: type[R], kind: str, path: str, query: Mapping[str, str]
    ) -> Listing[R]:
        """The rows of all pages, asked for once more where they do not hang together."""
        with contextlib.suppress(errors.IncompleteList):
            return await self._every_once(model, kind, path, query)
        return await self._every_once(model, kind, path, query)

    async def _every_once(
        self, model: type[R], kind: str, path: str, query: Mapping[str, str]
    ) -> Listing[R]:
        """The rows of all pages: as many as the last of them says."""
        rows: list[object] = []
        tokens: set[str] = set()
        before: set[str] = set()  # the rows of earlier pages
        more: Json = {}
        while True:
            reply = await self._read(kind, "GET", path, params={**query, **more})
            page = rows_under(reply, "results")
            _check_new(page, before)
            rows += page
            token = _following(reply, tokens)
            if token is None:
                break
            more = {"after_token": token}
        _check_count(reply, len(rows))
        return rows_of(model, rows)


def _charges_query(
    since: float, until: float, kinds: tuple[str, ...], limit: int
) -> dict[str, str]:
    day = {"gte": int(since), "lte": int(until)}
    return {
        "select_filters": json.dumps({"day": day, "type": {"in": list(kinds)}}),
        "format": "table",
        "latest_first": "true",
        "limit": str(limit),
    }


def _following(reply: Reply, tokens: set[str]) -> str | None:
    """The token of the page after this one, which is kept; None where there is none."""
    token: object = reply.body.get("next_token")
    if token is None or token == "":
        return None
    if not isinstance(token, str) or token in tokens:
        raise errors.IncompleteList("Vast's pages of this list lead nowhere, or in a circle.")
    tokens.add(token)
    return token


def _check_new(page: list[object], before: set[str]) -> None:
    """Take the rows of a page; one that an earlier page had, too, stands where another is lost."""
    written = {json.dumps(row, sort_keys=True) for row in page}
    if written & before:
        raise errors.IncompleteList("Vast's pages of this list repeat a row.")
    before |= written


def _check_count(reply: Reply, listed: int) -> None:
    total: object = reply.body.get("total")
    if isinstance(total, int) and total != listed:
        raise errors.IncompleteList(f"Vast says there are {total} rows and listed {listed}.")
