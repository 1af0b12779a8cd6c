"""A link that keeps what it hears: for whoever compares Vast's answers with what is relied on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from vast_mcp.settings import Settings
from vast_mcp.vast.link import Link
from vast_mcp.vast.replies import Reply


@dataclass(frozen=True)
class Heard:
    """One request and its answer, secrets masked."""

    method: str
    path: str
    reply: Reply


class HearingLink(Link):
    """The link that all calls share, which keeps every answer besides."""

    def __init__(self, settings: Settings, app: Any = None) -> None:
        super().__init__(settings, app)
        self.heard: list[Heard] = []

    async def ask(self, http: httpx.AsyncClient, method: str, path: str, **sent: Any) -> Reply:
        """Send one request, and keep its answer."""
        reply = await super().ask(http, method, path, **sent)
        self.heard.append(Heard(method, path, reply))
        return reply
