"""The agents that one try asks, each once."""

from __future__ import annotations

from dataclasses import dataclass, field

import asyncssh

from vast_mcp.ssh.agent import Agent

Held = dict[str, asyncssh.SSHKeyPair]


@dataclass(eq=False)
class Agents:
    """By socket: a link, and the keys that are held there."""

    _links: dict[str, Agent] = field(default_factory=dict[str, Agent])
    _held: dict[str, Held] = field(default_factory=dict[str, Held])

    @property
    def are_asked(self) -> bool:
        """Whether one is asked for its keys or a signature right now."""
        return any(link.is_asked for link in self._links.values())

    async def held_at(self, path: str | None) -> Held:
        """What the agent at a socket holds; nothing where there is none."""
        if path is None:
            return {}
        if path not in self._held:
            self._links[path] = Agent(path)
            self._held[path] = await self._links[path].held()
        return self._held[path]

    def close(self) -> None:
        """Leave them."""
        for link in self._links.values():
            link.close()
