"""Requests whose repetition changes nothing: one is sent in its turn, repeated by retry.py, and
shared by equal reads where its caller says so.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Self

import anyio
import httpx

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.vast.bodies import MOST_BYTES, TooLong
from vast_mcp.vast.deeds import Deed, Deeds
from vast_mcp.vast.departure import NOT_SENT, Departure
from vast_mcp.vast.link import Link
from vast_mcp.vast.pace import Tell
from vast_mcp.vast.replies import Reply
from vast_mcp.vast.retry import READ_TRIES, Judge, read
from vast_mcp.vast.unread import Unread
from vast_mcp.vast.verdicts import OF_ANY, Means, meaning, refusal

# Which equal reads of others a read may take for its own.
Reuse = Literal["nothing", "flights", "recent"]

# They change nothing, and are no GET.
_ASKING = frozenset({"search", "search_volumes", "logs", "maintenances"})


@dataclass(frozen=True)
class _Request:
    """What is sent. `kind`: whose pace it keeps (pace.INTERVALS). `in_turn`: its turn is taken."""

    kind: str
    method: str
    path: str
    params: Mapping[str, str] | None
    body: Json | None = field(repr=False)
    in_turn: bool = False

    @property
    def acts(self) -> bool:
        """Whether something at Vast may be another afterwards."""
        return self.method != "GET" and self.kind not in _ASKING

    @property
    def question(self) -> str:
        """What equal reads have in common. The key is the link's."""
        asked = [self.method, self.path, dict(self.params or {}), self.body]
        return json.dumps(asked, sort_keys=True)


async def _untold(_text: str) -> None:
    """Nobody hears of a wait."""


class Requests:
    """The wire until a deadline on anyio's clock. Its reads begin after they are asked for;
    `shared` and `recent` are views of it whose reads need not.
    """

    def __init__(
        self,
        link: Link,
        deadline: float,
        tell: Tell = _untold,
        unread: Unread | None = None,
        deeds: Deeds | None = None,
    ) -> None:
        self._link = link
        self.unread = unread or Unread()
        self.deeds = Deeds() if deeds is None else deeds
        self._deadline = deadline
        self._tell = tell
        self._reuses: Reuse = "nothing"
        self.reused = False  # whether a read of this view was another's

    @property
    def shared(self) -> Self:
        """The same, whose reads join an equal one in flight: to show what there is. What is to be
        proven (gone, absent, changed, a price before it is paid) is read by this one itself.
        """
        return self._reusing("flights")

    @property
    def recent(self) -> Self:
        """The same, which also takes an equal read no older than the interval of its kind: asking
        again would have to wait for that long.
        """
        return self._reusing("recent")

    @property
    def _anew(self) -> Self:
        """The same, whose reads are its own."""
        return self._reusing("nothing")

    def _reusing(self, what: Reuse) -> Self:
        view = copy.copy(self)
        view._reuses, view.reused = what, False
        return view

    async def _read(
        self,
        kind: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Json | None = None,
        tries: int = READ_TRIES,
        means: Means = OF_ANY,
        in_turn: bool = False,
    ) -> Reply:
        """The reply if it is a success, its leaf if it is not. `means`: what words of its `error`
        mean to this request.
        """
        request = _Request(kind, method, path, params, body, in_turn)
        judge = functools.partial(refusal, method=method, means=means)
        ask = functools.partial(self._ask, request, judge, tries)
        if request.acts:
            with self.deeds.one(kind, path) as deed:
                return await ask(self._tell, deed)
        if self._reuses == "nothing":
            return await ask(self._tell)
        shared, question = self._link.shared, request.question
        reply = shared.heard(question) if self._reuses == "recent" else None
        while reply is None and shared.is_asked(question):
            reply = await shared.join(question, self._deadline, self._tell)
        if reply is None:
            return await shared.lead(question, self._deadline, self._tell, ask)
        self.reused = True
        return reply

    async def _ask(
        self, request: _Request, judge: Judge, tries: int, tell: Tell, deed: Deed | None = None
    ) -> Reply:
        """Ask until there is an answer (retry.read), which equal reads of a moment later may take;
        what acts, a `deed`, makes all that was read a thing of before.
        """
        link = self._link
        deed = deed or Deed()
        send = functools.partial(self._send, request, tell, deed)
        changes = link.shared.changes
        try:
            acts = request.method == "PUT"
            heard = functools.partial(_heard, judge, deed)
            reply = await read(send, heard, link.settings.times, self._deadline, tries, acts=acts)
        finally:
            if request.acts:
                link.shared.forget()
        if not request.acts:
            interval = link.pace.interval(request.kind)
            link.shared.remember(request.question, reply, interval, changes)
        return reply

    async def _send(self, request: _Request, tell: Tell, deed: Deed) -> Reply:
        """Wait for the turn of its kind, and send it once. Raises Unreachable, RateLimited, and
        UnexpectedReply for an answer without end.
        """
        link = self._link
        http = link.pool()
        if not request.in_turn:
            await link.pace.turn(request.kind, self._deadline, tell)
        left_at = anyio.current_time()
        try:
            with _leaving(deed) as departure:
                reply = await self._sent(http, request, departure)
        finally:
            link.pace.arrived(request.kind, left_at)
        self._heed(request.kind, reply)
        return reply

    async def _sent(
        self, http: httpx.AsyncClient, request: _Request, departure: Departure
    ) -> Reply:
        left = max(0.1, self._deadline - anyio.current_time())
        limit = min(self._link.settings.times.read_s, left)
        try:
            with anyio.fail_after(limit):
                return await self._link.ask(
                    http,
                    request.method,
                    request.path,
                    params=request.params,
                    json=request.body,
                    timeout=limit,
                    extensions={"trace": departure.trace},
                )
        except TooLong:
            raise errors.UnexpectedReply(
                f"Vast's answer is longer than {MOST_BYTES // 1_000_000} MB, which none of its "
                "answers is; it was not read to its end."
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError) as exc:
            raise errors.Unreachable(f"Vast did not answer ({type(exc).__name__}).") from exc

    def _heed(self, kind: str, reply: Reply) -> None:
        """After "too many requests" all of this kind wait, not this one alone."""
        if reply.status != 429 or meaning(reply) is not errors.RateLimited:
            return
        wait = reply.retry_after_s
        if wait is None:
            wait = self._link.settings.times.rate_limit_s
        self._link.pace.hold(kind, wait)


def _heard(judge: Judge, deed: Deed, reply: Reply) -> errors.VastMcpError | None:
    """The error of an answer that is no success, of which the deed takes note."""
    error = judge(reply)
    deed.heard(error)
    return error


@contextmanager
def _leaving(deed: Deed) -> Generator[Departure]:
    """Watch a request leave for its deed. One that nobody traced may have left, but where no
    connection was made.
    """
    departure = Departure()
    try:
        yield departure
    except BaseException as exc:
        if departure.left and not isinstance(exc.__cause__, NOT_SENT):
            deed.leaves()
            deed.lost = True
        elif isinstance(exc, errors.Unreachable):
            exc.never_left = True
        raise
    deed.leaves()
