"""Requests whose repetition changes nothing: one is sent in its turn, and repeated by
retry.py.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio
import httpx

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.vast.bodies import MOST_BYTES, TooLong
from vast_mcp.vast.link import Link
from vast_mcp.vast.replies import Reply
from vast_mcp.vast.retry import READ_TRIES, read
from vast_mcp.vast.verdicts import OF_ANY, Means, refusal


@dataclass(frozen=True)
class _Request:
    """What is sent. `kind`: whose pace it keeps (retry.INTERVALS)."""

    kind: str
    method: str
    path: str
    params: Mapping[str, str] | None
    body: Json | None = field(repr=False)


class Requests:
    """The wire until a deadline on anyio's clock."""

    def __init__(self, link: Link, deadline: float) -> None:
        self._link = link
        self._deadline = deadline

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
    ) -> Reply:
        """The reply if it is a success, its leaf if it is not. `means`: what words of its `error`
        mean to this request.
        """
        request = _Request(kind, method, path, params, body)
        send = functools.partial(self._send, request)
        judge = functools.partial(refusal, method=method, means=means)
        times = self._link.settings.times
        return await read(send, judge, times, self._deadline, tries, acts=method == "PUT")

    async def _send(self, request: _Request) -> Reply:
        """Wait for the turn of its kind, and send it once. Raises Unreachable, RateLimited, and
        UnexpectedReply for an answer without end.
        """
        link = self._link
        http = link.pool()
        await link.pace.turn(request.kind, self._deadline)
        left = max(0.1, self._deadline - anyio.current_time())
        limit = min(link.settings.times.read_s, left)
        try:
            with anyio.fail_after(limit):
                return await link.ask(
                    http,
                    request.method,
                    request.path,
                    params=request.params,
                    json=request.body,
                    timeout=limit,
                )
        except TooLong:
            raise errors.UnexpectedReply(
                f"Vast's answer is longer than {MOST_BYTES // 1_000_000} MB, which none of its "
                "answers is; it was not read to its end."
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError) as exc:
            raise errors.Unreachable(f"Vast did not answer ({type(exc).__name__}).") from exc
