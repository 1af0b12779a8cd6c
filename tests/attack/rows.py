"""The attacks. Each row counts what went wrong: real calls that starved, servers that grew, what
was never answered, and keys that went astray.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attack import service
from attack.server import ANSWER_S, KEY, Http, Stdio, Watched, message, over_http, over_stdio, timed
from certificates import certified
from messages import NO_MESSAGES

MOST_MIB = 200.0
TIMES_QUIET = 5.0
FLOOR_S = 2.0  # a machine that does other things too
FILES = 256  # as some systems give a process
QUIET_CALLS = 3


@dataclass
class Row:
    """What one attack did."""

    name: str
    tried: int = 0
    calls: int = 0
    starved: int = 0
    unanswered: int = 0
    keys: int = 0
    peak_mib: float = 0.0
    slowest_s: float = 0.0
    said: str = ""

    @property
    def over_memory(self) -> int:
        return int(self.peak_mib > MOST_MIB)

    @property
    def bad(self) -> int:
        return self.starved + self.over_memory + self.unanswered + self.keys

    def weigh(self, server: Watched) -> None:
        self.peak_mib = max(self.peak_mib, server.weigh())

    def real_call(self, ask: Callable[[], Any], quiet_s: float) -> None:
        """A client that wants nothing but an answer."""
        answered, seconds = timed(ask)
        self.calls += 1
        self.slowest_s = max(self.slowest_s, seconds)
        self.starved += not answered or seconds > max(TIMES_QUIET * quiet_s, FLOOR_S)


def quiet(ask: Callable[[], Any]) -> float:
    """How long a call takes where nobody attacks."""
    return max(timed(ask)[1] for _ in range(QUIET_CALLS))


# ── over HTTP ──────────────────────────────────────────────────────────────────────────────────


def _idle(server: Http) -> bytes:
    return f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()


_BODY = message("tools/list")
CROWDS: dict[str, Callable[[Http], bytes]] = {
    "not a byte": lambda _: b"",
    "half the headers": lambda server: server.head(len(_BODY))[:-9],
    "half a body": lambda server: server.head(len(_BODY)) + _BODY[:9],
    "half a body, another's token": lambda server: server.head(1 << 20, "x" * 32) + _BODY[:9],
    "answered, then idle": _idle,
    "garbage": lambda _: b"\x16\x03\x01 garbage\r\n\r\n" * 20,
    "requests whose answers nobody reads": lambda server: _idle(server) * 20_000,
}


def crowds(folder: Path, size: int) -> Iterator[Row]:
    """256 connections of each kind while real clients ask."""
    with over_http(folder, FILES) as server:

        def real() -> bool:
            return server.call("show_instances")

        quiet_s = quiet(real)
        for what, sent in CROWDS.items():
            row = Row(f"HTTP, {FILES} connections: {what}", tried=FILES)
            with contextlib.ExitStack() as lines:
                for _ in range(FILES):
                    line = lines.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                    line.setblocking(False)
                    with contextlib.suppress(OSError):
                        line.send(sent(server))
                for _ in range(size):
                    row.real_call(real, quiet_s)
            row.weigh(server)
            yield row


# ── over stdio ─────────────────────────────────────────────────────────────────────────────────


def bad_lines(folder: Path, size: int) -> Iterator[Row]:
    """Every line is answered, and the server is as quick afterwards."""
    with over_stdio(folder, "--sandbox") as server:
        quiet_s = quiet(lambda: server.call("show_instances"))
        row = Row("stdio: lines that are no message")
        for _, line, _ in list(NO_MESSAGES.values())[:: 4 - size]:
            row.tried += 1
            row.unanswered += server.ask(line) is None
        row.real_call(lambda: server.call("show_instances"), quiet_s)
        row.weigh(server)
        yield row


def _sizes() -> dict[str, tuple[str, dict[str, Any]]]:
    rent: dict[str, Any] = {"offer_id": 1, "disk": 16, "dry_run": True}
    return {
        "1 MB of env flags": ("create_instance", rent | {"env": "-e A=1 " * 130_000}),
        "10 MB of env flags": ("create_instance", rent | {"env": "-e A=1 " * 1_300_000}),
        "10 MB of text": ("create_instance", rent | {"image": "x" * 10_000_000}),
        "900 kB of text": ("create_instance", rent | {"label": "x" * 900_000}),
        "900 kB of script": ("create_instance", rent | {"onstart": "echo 1\n" * 128_000}),
        "20,000 unknown arguments": ("show_instances", {f"argument_{n}": n for n in range(20_000)}),
        "100,000 unknown arguments": ("show_instances", {f"a{n}": n for n in range(100_000)}),
        "100,000 ids": ("destroy_instance", {"instance_ids": list(range(1, 100_001))}),
        "100,000 names": ("search_offers", {"gpu_name": ["RTX 4090"] * 60_000}),
    }


def _odd() -> dict[str, tuple[str, dict[str, Any]]]:
    odd = [2**63, 2**64, -(2**63) - 1, 10**400, 1e308, -1e308, 5e-324, -0.0, "1e999", "NaN", True]
    calls: dict[str, tuple[str, dict[str, Any]]] = {}
    for number in odd:
        calls[f"id {number!s:.20}"] = ("show_instance", {"instance_id": number})
        calls[f"price {number!s:.20}"] = ("search_offers", {"max_usd_per_hour": number, "limit": 1})
        calls[f"limit {number!s:.20}"] = ("search_offers", {"limit": number})
        calls[f"offer {number!s:.20}"] = ("create_instance", {"offer_id": number, "disk": 16})
        calls[f"lease {number!s:.20}"] = (
            "create_instance",
            {"offer_id": 1, "disk": 16, "lease_hours": number, "dry_run": True},
        )
    return calls


def _is_defect(answer: dict[str, Any] | None) -> bool:
    """No answer, a fault of our own, or an error that is as long as what it speaks of."""
    text = str(answer)
    return answer is None or "internal_error" in text or "Traceback" in text or len(text) > 100_000


def calls(folder: Path, size: int) -> Iterator[Row]:
    """Sizes and numbers: each is answered, and soon, with the one error shape or a result."""
    for name, asked in (("sizes", _sizes()), ("odd numbers", _odd())):
        with over_stdio(folder, "--sandbox") as server:
            row = Row(f"stdio: {name}")
            quiet_s = quiet(lambda: server.call("show_instances"))
            for what, (tool, arguments) in list(asked.items())[
                :: 1 if name == "sizes" else 4 - size
            ]:
                row.tried += 1
                if _is_defect(server.call(tool, **arguments)):
                    row.unanswered += 1
                    row.said += f" {what};"
                if name == "sizes":
                    row.real_call(lambda: server.call("show_instances"), quiet_s)
            row.real_call(lambda: server.call("show_instances"), quiet_s)
            row.weigh(server)
            yield row


# ── the service ────────────────────────────────────────────────────────────────────────────────


REPLIES = {
    "600 MB": service.plain,
    "600 MB in chunks": service.endless,
    "600 MB packed": service.bomb,
    "a million rows": service.many_rows,
    "200,000 levels": service.deep,
    "odd numbers": service.odd_numbers,
}
READS: list[tuple[str, dict[str, Any]]] = [
    ("show_instances", {}),
    ("search_offers", {"limit": 1}),
    ("create_instance", {"offer_id": 1, "disk": 16, "image": "example/image"}),
]


def replies(folder: Path, size: int) -> Iterator[Row]:
    """What is too much is not read, and is told as an error; others are answered meanwhile."""
    for what, reply in REPLIES.items():
        row = Row(f"the service answers with {what}")
        with service.serving(reply) as vast:
            env = {"VAST_URL": f"http://127.0.0.1:{vast.port}", "VAST_API_KEY": KEY}
            env |= {"VAST_MCP_TIME_SCALE": "0.01", "VAST_MCP_STATE_DIR": str(folder / what)}
            with over_stdio(folder, **env) as server:
                quiet_s = quiet(lambda: server.ask(message("ping", 5)))
                for tool, arguments in READS[:size]:
                    row.tried += 1
                    _ask_beside(
                        row,
                        server,
                        message("tools/call", 77, name=tool, arguments=arguments),
                        quiet_s,
                    )
                row.weigh(server)
        yield row


def _ask_beside(row: Row, server: Stdio, line: bytes, quiet_s: float) -> None:
    """One call that is attacked, and a real one after another until it is answered."""
    threading.Thread(target=server.send, args=(line,), daemon=True).start()
    ends = time.monotonic() + ANSWER_S
    answered = False
    while not answered and time.monotonic() < ends:
        server.send(message("ping", 5))
        began = time.monotonic()
        heard = server.answer(ANSWER_S)
        if heard is not None and heard["id"] == 77:
            answered, heard = True, server.answer(ANSWER_S)
        seconds = time.monotonic() - began
        row.calls += 1
        row.slowest_s = max(row.slowest_s, seconds)
        row.starved += heard is None or seconds > max(TIMES_QUIET * quiet_s, FLOOR_S)
        time.sleep(0.02)
    row.unanswered += not answered


# ── the key ────────────────────────────────────────────────────────────────────────────────────


SPELLINGS = (
    "HTTPS://127.0.0.1:{}",
    "https://127.0.0.1:{}",
    "Https://localhost:{}",
    "hTTPs://127.0.0.1:{}/",
    "httpS://localhost.:{}",
    "HTTPS://2130706433:{}",
    "https:\\\\127.0.0.1:{}",
    "HTTPS:127.0.0.1:{}",
    " HTTPS://127.0.0.1:{}",
    "https://user@127.0.0.1:{}",
    "HTTPS://[::ffff:127.0.0.1]:{}",
)
REDIRECTS = (307, 302, 308, 301, 303)


def keys(folder: Path, size: int) -> Iterator[Row]:
    """An address without a certificate that holds gets no key, however it is written; nor does
    where a service points.
    """
    with service.serving(lambda handler: service.say(handler, b"{}"), certified(folder)[0]) as vast:
        spelt = Row("VAST_URL in other spellings, no certificate that holds")
        for spelling in SPELLINGS[: 4 * size]:
            spelt.tried += 1
            _ask_for_money(spelt, folder, spelling.format(vast.port))
        spelt.keys = vast.keys
        yield spelt
    with service.serving(lambda handler: service.say(handler, b"{}")) as elsewhere:
        pointed = Row("redirects to another place")
        for status in REDIRECTS[: 2 * size]:
            pointed.tried += 1
            there = ("Location", f"http://localhost:{elsewhere.port}/api/v0/users/current/")
            with service.serving(
                lambda handler, status=status, there=there: service.say(
                    handler, b"{}", there, status=status
                )
            ) as vast:
                _ask_for_money(pointed, folder, f"http://127.0.0.1:{vast.port}")
        pointed.keys = elsewhere.keys
        yield pointed


def _ask_for_money(row: Row, folder: Path, url: str) -> None:
    env = {"VAST_URL": url, "VAST_API_KEY": KEY, "VAST_MCP_TIME_SCALE": "0.01"}
    with contextlib.suppress(AssertionError), over_stdio(folder, **env) as server:
        row.unanswered += server.call("show_account") is None
        row.weigh(server)


ROWS = (crowds, bad_lines, calls, replies, keys)
