"""The programs of a storm as children of this one: the sandbox, and the server over stdio, which
may be stopped anywhere and killed in four ways.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0  # for anything a loaded machine may be slow at
LINE_LIMIT = 1 << 22
TESTS = Path(__file__).resolve().parent.parent

Json = dict[str, Any]
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Died(Exception):
    """The server ended before it answered."""


def least_env(home: Path) -> dict[str, str]:
    """What a process needs and nothing of the person's own."""
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(TESTS),
    }


class Sandbox:
    """A pretended Vast.ai in a process of its own, and its control routes."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0

    async def start(self, **options: Any) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "vast_mcp",
            "sandbox",
            "--port",
            "0",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=least_env(self._home),
        )
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_S)
        self.port = int(line.decode().rpartition(":")[2])
        await self.set(rent_again=True, **options)

    async def set(self, **options: Any) -> Any:
        """Options and acts of the world."""
        return await self._ask("world", options)

    async def ledger(self) -> Any:
        """What was committed, and every rental there ever was."""
        return await self._ask("ledger")

    async def received(self) -> list[Json]:
        """Every request that reached the service."""
        return (await self._ask("requests"))["requests"]

    async def rent(self, offer_id: int, label: str) -> int:
        """A machine of somebody else's making."""
        body = {"image": "example/image", "label": label, "disk": 16}
        return (await asyncio.to_thread(self._http, f"/api/v0/asks/{offer_id}/", "PUT", body))[
            "new_contract"
        ]

    async def label(self, instance_id: int, label: str) -> None:
        """A machine writes its own label."""
        path = f"/api/v0/instances/{instance_id}/"
        with contextlib.suppress(urllib.error.HTTPError):  # it is gone by now
            await asyncio.to_thread(self._http, path, "PUT", {"label": label})

    async def _ask(self, route: str, body: Json | None = None) -> Any:
        method = "GET" if body is None else "POST"
        return await asyncio.to_thread(self._http, f"/_sandbox/{route}", method, body)

    def _http(self, path: str, method: str, body: Json | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": "Bearer storm"}
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data, headers, method=method)
        with _DIRECT.open(request, timeout=PATIENCE_S) as reply:
            return json.load(reply)

    async def close(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


class Control:
    """Where a server that reached a stop says so, and waits until the storm has done its worst."""

    def __init__(self) -> None:
        self.on_stop: Callable[[str], Awaitable[None]] | None = None
        self.reached: list[str] = []
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            name = (await reader.readline()).decode().strip()
            self.reached.append(name)
            if self.on_stop is not None:
                await self.on_stop(name)
        writer.close()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()


KILLS: dict[str, int | None] = {
    "SIGKILL": signal.SIGKILL,
    "SIGTERM": signal.SIGTERM,
    "SIGINT": signal.SIGINT,
    "end of stdin": None,
}


class Spawned:
    """A plain child process."""

    def __init__(self, module: str, env: Mapping[str, str], log: Path) -> None:
        self._module, self._env, self._log = module, dict(env), log
        self._process: asyncio.subprocess.Process | None = None
        self.pid = 0

    async def start(self) -> tuple[asyncio.StreamReader, asyncio.WriteTransport]:
        """Its stdout, and the way to its stdin."""
        pipe = asyncio.subprocess.PIPE
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                stdin=pipe,
                stdout=pipe,
                stderr=log,
                env=self._env,
                limit=LINE_LIMIT,
            )
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        self.pid = self._process.pid
        return self._process.stdout, self._process.stdin.transport

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def wait(self) -> None:
        if self._process is not None:
            await self._process.wait()


class Nursery:
    """The process that forks servers, and the way to ask it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = str(folder / "nursery")
        self._process: asyncio.subprocess.Process | None = None

    async def open(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "storm.nursery",
            self._path,
            stdout=asyncio.subprocess.PIPE,
            env=least_env(self.folder),
        )
        assert self._process.stdout is not None
        if not await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_S):
            raise Died

    def fork(self, env: Mapping[str, str], descriptors: list[int]) -> int:
        """A server on these three descriptors; its process id."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(PATIENCE_S)
            line.connect(self._path)
            socket.send_fds(line, [json.dumps(dict(env)).encode()], descriptors)
            return int(line.makefile().readline())

    async def close(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


class Forked:
    """A child of the nursery, watched and signalled by a descriptor of its own: its number may be
    another's by then.
    """

    def __init__(self, nursery: Nursery, env: Mapping[str, str], log: Path) -> None:
        self._nursery, self._env, self._log = nursery, env, log
        self._ended = asyncio.Event()
        self._handle: int | None = None
        self.pid = 0

    async def start(self) -> tuple[asyncio.StreamReader, asyncio.WriteTransport]:
        loop = asyncio.get_running_loop()
        (theirs_in, ours_in), (ours_out, theirs_out) = os.pipe(), os.pipe()
        log = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            self.pid = await asyncio.to_thread(
                self._nursery.fork, self._env, [theirs_in, theirs_out, log]
            )
        finally:
            for one in (theirs_in, theirs_out, log):
                os.close(one)
        try:
            self._handle = os.pidfd_open(self.pid)
            loop.add_reader(self._handle, self._on_end)
        except ProcessLookupError:
            self._ended.set()
        reader = asyncio.StreamReader(LINE_LIMIT)
        await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours_out, "rb", 0)
        )
        transport, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(ours_in, "wb", 0))
        return reader, transport

    def _on_end(self) -> None:
        assert self._handle is not None
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)
        self._handle = None
        self._ended.set()

    @property
    def alive(self) -> bool:
        return self._handle is not None

    def signal(self, number: int) -> None:
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    async def wait(self) -> None:
        await self._ended.wait()


@dataclass
class Server:
    """One `vast-mcp` over stdio: newline-delimited JSON-RPC, the handshake of the older era."""

    process: Spawned | Forked
    stops: str = ""
    _answers: dict[int, asyncio.Future[Json]] = field(default_factory=dict)
    _reader: asyncio.Task[None] | None = None
    _stdin: asyncio.WriteTransport | None = None
    _stdout: asyncio.StreamReader | None = None
    _mute: bool = False

    def __post_init__(self) -> None:
        self._ids = itertools.count(1)

    @property
    def alive(self) -> bool:
        """Whether it can be asked: it runs, its stdin is open, and its stdout has not ended."""
        open_in = self._stdin is not None and not self._stdin.is_closing()
        return self.process.alive and open_in and not self._mute

    async def start(self) -> None:
        self._stdout, self._stdin = await self.process.start()
        self._reader = asyncio.create_task(self._read(self._stdout))
        hello = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "storm", "version": "0"},
        }
        await self._request("initialize", hello)
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def call(self, tool: str, **arguments: Any) -> Json:
        """The JSON that an agent reads. Raises Died when the server ends first."""
        result = await self._request("tools/call", {"name": tool, "arguments": arguments})
        if "result" not in result:  # the SDK's word for what was under way when stdin ended
            raise Died
        told = result["result"].get("structuredContent")
        if (
            told is None
        ):  # an answer in no shape of ours: a defect, and a refusal as far as an agent can tell
            return {
                "error": {
                    "code": "no_structure",
                    "message": str(result["result"])[:300],
                    "retryable": False,
                }
            }
        return told

    async def _request(self, method: str, params: Json) -> Json:
        number = next(self._ids)
        self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            if self._mute:
                raise Died
            self._write({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
            return await asyncio.wait_for(self._answers[number], PATIENCE_S * 2)
        finally:
            del self._answers[number]

    def _write(self, message: Json) -> None:
        if self._stdin is None or self._stdin.is_closing():
            raise Died
        self._stdin.write(json.dumps(message).encode() + b"\n")

    def cancel_all(self) -> None:
        """What a host sends when it cuts its calls short."""
        for number in self._answers:
            self._write(
                {
                    "jsonrpc": "2.0",
                    "method": "notifications/cancelled",
                    "params": {"requestId": number, "reason": "timeout"},
                }
            )

    async def heard(self) -> None:
        """Return when the server has read everything that was sent to it."""
        await self._request("ping", {})

    async def _read(self, stdout: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await stdout.readline():
                message = json.loads(line)
                waiting = self._answers.get(message.get("id"))
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
        self._mute = True
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(Died())

    def deafen(self) -> None:
        """Close our end of its stdout: what it writes from now on cannot be written."""
        assert self._stdout is not None
        self._stdout._transport.close()  # type: ignore[attr-defined]  # no other way to it

    def limit_files(self, size: int) -> None:
        """Let it write no file beyond so many bytes; -1 lets it write all again."""
        import resource

        if size < 0:
            size = resource.RLIM_INFINITY
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    # ── ends ──────────────────────────────────────────────────────────────────────────────────────

    def strike(self, how: str) -> None:
        """Begin its end: a signal, or the end of its stdin."""
        number = KILLS[how]
        if number is not None:
            self.process.signal(number)
        elif self._stdin is not None:
            self._stdin.close()

    async def ended(self) -> None:
        """Wait for the end, within bounds."""
        try:
            await asyncio.wait_for(self.process.wait(), PATIENCE_S)
        finally:
            await self.close()

    async def close(self) -> None:
        """At once, whatever it does."""
        self.process.signal(signal.SIGKILL)
        await self.process.wait()
        if self._reader is not None:
            await self._reader
            self._reader = None
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.abort()  # a close would wait for what nobody reads any more
            await asyncio.sleep(0)


async def insist(
    server_of: Callable[[str], Server],
    asked: Callable[[Server], Awaitable[bool]],
    stop: str,
    tries: int,
) -> int:
    """Ask until there is an answer, each server that was killed followed by another; how many were.
    `server_of`: a server that stops there. `asked`: whether it answered.
    """
    killed = 0
    for _ in range(tries):
        server = server_of(stop)
        try:
            await server.start()
            if await asked(server):
                return killed
        except Died:
            killed += 1
        finally:
            await server.close()
        stop = ""
    raise AssertionError(f"no answer after {tries} servers")
