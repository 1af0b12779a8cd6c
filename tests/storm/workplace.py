"""A rented machine that is a real OpenSSH server: its API is the sandbox's, its address a wire that
breaks, its disk a folder. Servers enter it as they would any machine.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ssh.openssh import Sshd, keygen, public_line
from storm.process import (
    PATIENCE_S,
    Control,
    Died,
    Forked,
    Json,
    Nursery,
    Sandbox,
    Server,
    Spawned,
    least_env,
)
from storm.proxy import HOST, Act, Exchange, Proxy, Reply, Seen
from storm.wire import Wire
from vast_mcp.sandbox.world import World

OURS = "vast-mcp#0123456789abcdef"
SCALE = "0.01"


class Workplace:
    """One machine, the way to it, and the servers that work on it. `budget_s` is what a call may
    take, for which hosts allow 50; `files` are the folders that may be copied.
    """

    def __init__(
        self,
        folder: Path,
        *,
        budget_s: float | None = None,
        nursery: Nursery | None = None,
        mutation: str | None = None,
        direct: bool = False,
        **settings: str,
    ) -> None:
        self.folder = folder
        self.budget_s, self.nursery, self.mutation = budget_s, nursery, mutation
        self.settings = settings
        self.direct = direct  # the address is the server's own, and nothing breaks
        self.home = folder / "machine"
        self.control = Control()
        self.proxy = Proxy(0)
        self.wire = Wire(0)
        self.servers: dict[str, Server] = {}
        self.machine = 0
        self._sandbox = Sandbox(folder)
        self._starts = 0

    async def open(self) -> None:
        self.home.mkdir(parents=True)
        keys = self.folder / "sshd"
        keys.mkdir()
        self.sshd = Sshd(keys, ("ed25519",), home=self.home)
        self.key = keygen(self.folder / "id_ed25519")
        self.sshd.authorize(public_line(self.key))
        self.wire.upstream = self.sshd.port
        await self.wire.open()
        await self._sandbox.start()
        await self._sandbox.set(keys=[public_line(self.key)])
        self.proxy.upstream = self._sandbox.port
        self.proxy.add(_is_machines, self._with_address(), times=None)
        await self.proxy.open()
        await self.control.open()
        offer = next(
            one["id"]
            for one in World().offers.values()
            if one["rentable"] and not one["external"] and one["disk_space"] > 32
        )
        self.machine = await self._sandbox.rent(offer, OURS)

    async def close(self) -> None:
        for server in self.servers.values():
            await server.close()
        self.wire.close()
        self.sshd.close()
        await self.proxy.close()
        await self.control.close()
        await self._sandbox.close()

    # ── servers ────────────────────────────────────────────────────────────────────────────────

    def env(self, stops: str = "") -> dict[str, str]:
        env = least_env(self.folder) | {
            "VAST_URL": self.proxy.url,
            "VAST_API_KEY": "storm",
            "VAST_MCP_STATE_DIR": str(self.folder / "state"),
            "VAST_MCP_SSH_KEY": str(self.key),
            "VAST_MCP_TIME_SCALE": SCALE,
            **self.settings,
        }
        if self.budget_s is not None:
            env["STORM_BUDGET_S"] = str(self.budget_s)
        if self.mutation is not None:
            env["STORM_MUTATION"] = self.mutation
        if stops:
            env |= {"STORM_STOPS": stops, "STORM_CONTROL": str(self.control.port)}
        return env

    async def server(self, which: str = "first", *, stops: str = "") -> Server:
        """The living server of that name, started if need be."""
        found = self.servers.get(which)
        if found is not None and (stops or not found.alive):
            await found.close()
            found = None
        if found is None:
            found = self.servers[which] = Server(self._process(stops), stops)
            await found.start()
        return found

    def _process(self, stops: str) -> Spawned | Forked:
        """The first is a program of its own; later ones may be forks."""
        log = self.folder / "stderr"
        self._starts += 1
        if self._starts > 1 and self.nursery is not None:
            return Forked(self.nursery, self.env(stops), log)
        module = "storm.served" if stops or self.mutation or self.budget_s else "vast_mcp"
        return Spawned(module, self.env(stops), log)

    async def call(self, tool: str, which: str = "first", **arguments: Any) -> Json | None:
        """What an agent reads; None where the server died over it."""
        try:
            return await (await self.server(which)).call(tool, **arguments)
        except Died:
            return None

    async def kill(self, which: str = "first") -> None:
        """With a SIGKILL, in the middle of whatever it does."""
        self.servers[which].strike("SIGKILL")

    # ── its address ────────────────────────────────────────────────────────────────────────────

    def _with_address(self) -> Act:
        """Each row of the list says that the machine is entered over the wire."""

        async def act(exchange: Exchange) -> None:
            reply = await exchange.forward()
            if reply.data is not None:
                reply = Reply(reply.status, reply.headers, self._addressed(reply.data))
            await exchange.send(reply)

        return act

    def _addressed(self, told: Any) -> bytes:
        rows = told.get("instances") if isinstance(told, dict) else None
        for row in rows if isinstance(rows, list) else [rows]:
            if isinstance(row, dict):
                row.update(self._address)
        return json.dumps(told).encode()

    @property
    def _address(self) -> Json:
        port = self.sshd.port if self.direct else self.wire.port
        return {
            "public_ipaddr": HOST,
            "ports": {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(port)}]},  # noqa: S104
            "ssh_host": HOST,
            "ssh_port": port,
            "image_runtype": "ssh_direc ssh_proxy",
        }


def _is_machines(seen: Seen) -> bool:
    return seen.method == "GET" and "/instances" in seen.path


__all__ = ["PATIENCE_S", "Workplace"]
