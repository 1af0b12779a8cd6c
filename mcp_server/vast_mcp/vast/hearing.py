"""A link that keeps what it hears: for whoever compares Vast's answers with what is relied on."""

from __future__ import annotations

from typing import Any

import httpx

from vast_mcp.settings import Settings
from vast_mcp.vast.link import Link
from vast_mcp.vast.replies import Reply


class HearingLink(Link):
    """The link that all calls share, which keeps every answer besides."""

    def __init__(self, settings: Settings, app: Any = None) -> None:
        super().__init__(settings, app)
        self.heard: list[Reply] = []

    async def _once(
        self, http: httpx.AsyncClient, method: str, where: str | httpx.URL, **sent: Any
    ) -> tuple[Reply, httpx.URL]:
        """Send one request, and keep its answer, that of a redirect too."""
        reply, asked = await super()._once(http, method, where, **sent)
        self.heard.append(reply)
        return reply, asked
