"""The connection that all calls of a process share: its key, its pace, and Vast's clock."""

from __future__ import annotations

import ssl
import time
from dataclasses import replace
from typing import Any

import httpx

from vast_mcp import __version__, errors
from vast_mcp.masking import Mask
from vast_mcp.settings import KEYS_PAGE, Settings
from vast_mcp.vast.bodies import ACCEPTED, body_of
from vast_mcp.vast.pace import Pace
from vast_mcp.vast.redirects import MOST_REDIRECTS, is_elsewhere, keep_location, onward
from vast_mcp.vast.replies import Reply
from vast_mcp.vast.sharing import Shared

SANDBOX_HEADER = "Vast-Mcp-Sandbox"  # the sandbox's mark on everything it answers


class InProcess(httpx.AsyncBaseTransport):
    """The in-process sandbox: an app that dies mid-request is a connection that dropped."""

    def __init__(self, app: Any) -> None:
        self._app = httpx.ASGITransport(app=app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._app.handle_async_request(request)
        except Exception as exc:
            raise httpx.RemoteProtocolError(
                "the sandbox closed the connection", request=request
            ) from exc


class Link:
    """What all calls of a process share: settings, the connection pool for reads, the pace, and
    reads that one answer is enough for. Opened on first use.

    The storm stops here: it makes `fresh` hand out the pool of the reads (tests/storm/served.py).
    """

    def __init__(self, settings: Settings, app: Any = None) -> None:
        self.settings = settings
        self.pace = Pace(settings.times.pace)
        self.shared = Shared()
        self.app = app
        # Whether the last answer said that it is the sandbox's.
        self.pretended = False
        self._behind_s = 0.0  # how far this computer's clock is behind Vast's
        self._pool: httpx.AsyncClient | None = None
        self._tls: ssl.SSLContext | None = None

    def pool(self) -> httpx.AsyncClient:
        """The client whose connections all reads share."""
        if self._pool is None:
            self._pool = self.fresh()
        return self._pool

    def fresh(self) -> httpx.AsyncClient:
        """A client with no connection yet. Raises NoApiKey."""
        settings = self.settings
        if settings.api_key is None:
            said = [
                "No Vast.ai API key is set.",
                *settings.key_notes,
                f"A person sets VAST_API_KEY in this server's configuration (keys: {KEYS_PAGE}) "
                "and restarts it, or starts it with --sandbox to try it without money.",
            ]
            raise errors.NoApiKey(" ".join(said))
        return httpx.AsyncClient(
            base_url=settings.base_url,
            headers={
                "Authorization": f"Bearer {settings.api_key.get_secret_value()}",
                "User-Agent": f"vast-mcp/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": ACCEPTED,
            },
            transport=self.transport(),
            verify=self.verified_by(),
            trust_env=not settings.loopback,  # a proxy must never see loopback traffic
            follow_redirects=False,  # redirects.py says where one leads
            event_hooks={"response": [keep_location]},
        )

    def transport(self) -> InProcess | None:
        """The way to the in-process sandbox; None where requests go over a network."""
        if self.app is None:
            return None
        return InProcess(self.app)

    def verified_by(self) -> ssl.SSLContext | bool:
        """What a server's certificate is checked by: the system's authorities. There is none to
        check over plain http, which is loopback only.
        """
        if self.settings.in_clear:
            return False
        if self._tls is None:
            self._tls = ssl.create_default_context()  # built once: it takes 30 ms and more
        return self._tls

    async def ask(self, http: httpx.AsyncClient, method: str, path: str, **sent: Any) -> Reply:
        """Send one request, and read its answer up to the bound; a GET goes on where a redirect
        leads on the same origin (redirects.py). Raises TooLong, and httpx's errors.
        """
        first, asked = await self._once(http, method, path, **sent)
        if method != "GET":
            return first
        reply, sent["params"] = first, None  # where an answer leads has a query of its own
        for _ in range(MOST_REDIRECTS):
            there = onward(asked, reply)
            if there is None:
                break
            reply, _ = await self._once(http, method, there, **sent)
            if reply.status == 404 and is_elsewhere(asked, there):
                return first  # what is not there says nothing of what was asked for
            asked = there
        return reply

    async def _once(
        self, http: httpx.AsyncClient, method: str, where: str | httpx.URL, **sent: Any
    ) -> tuple[Reply, httpx.URL]:
        """The answer, and the whole address that was asked."""
        async with http.stream(method, where, **sent) as answer:
            # Only of this machine is it believed: elsewhere it would hide what costs money.
            self.pretended = self.settings.loopback and SANDBOX_HEADER in answer.headers
            text = (await body_of(answer)).decode("utf-8", "replace")
            reply = self._heard(self._masked(Reply.of(answer.status_code, text, answer.headers)))
            return reply, answer.request.url

    def _heard(self, reply: Reply) -> Reply:
        """The reply. A success's Date tells how far our clock is off, from below: cut to a second,
        and old by its way here. Another answer may be that of a gateway with a clock of its own.
        """
        if reply.ok and reply.date is not None:
            self._behind_s = reply.date - time.time()
        return reply

    def now(self) -> float:
        """Epoch seconds by Vast's clock, never ahead of it; by this computer's until Vast has said
        a Date.
        """
        return time.time() + self._behind_s

    def _masked(self, reply: Reply) -> Reply:
        """The reply without the person's secrets, which Vast and hosts may repeat: before anything
        is cut off, and in every row and error alike.
        """
        masks = [self.settings.mask]
        own: object = reply.body.get("instance_api_key")  # which its words may repeat
        if isinstance(own, str):
            masks.append(Mask([own]))
        for mask in masks:
            text = mask.hide(reply.text)
            if text != reply.text:
                reply = replace(reply, text=text, data=mask.hide_in(reply.data))
        return reply

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()
