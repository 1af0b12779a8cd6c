"""Connections on which something is missing: they are few, they end, and no real client waits for
them.
"""

from __future__ import annotations

import contextlib
import json
import resource
import select
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from house import env_of
from processes import PATIENCE
from served_http import ACCEPT, HELLO, TOKEN, Serving, ask, bearer, serving

pytestmark = pytest.mark.processes

MANY = 192  # files, and connections; some systems give a process 256
BODY = json.dumps(HELLO).encode()


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One that has few files."""
    folder = tmp_path_factory.mktemp("gate")
    env = env_of(folder) | {"VAST_MCP_HTTP_TOKEN": TOKEN}
    with serving("--sandbox", "serve", "--http", "localhost:0", env=env, cwd=folder) as made:
        resource.prlimit(made.process.pid, resource.RLIMIT_NOFILE, (MANY, MANY))
        yield made


def head(serving: Serving, token: str = TOKEN, length: int = len(BODY)) -> bytes:
    """The whole head of a request that opens the protocol."""
    named = ACCEPT | {
        "Host": serving.root.removeprefix("http://"),
        "Authorization": f"Bearer {token}",
    }
    named |= {"Content-Type": "application/json", "Content-Length": str(length)}
    lines = [f"{name}: {value}\r\n" for name, value in named.items()]
    return f"POST /mcp HTTP/1.1\r\n{''.join(lines)}\r\n".encode()


@contextlib.contextmanager
def connected(serving: Serving, number: int = 1) -> Iterator[list[socket.socket]]:
    host, _, port = serving.root.removeprefix("http://").partition(":")
    with contextlib.ExitStack() as open_ones:
        yield [
            open_ones.enter_context(socket.create_connection((host, int(port)), timeout=PATIENCE))
            for _ in range(number)
        ]


def send(line: socket.socket, data: bytes) -> None:
    """Send what the far side still takes."""
    with contextlib.suppress(ConnectionError, TimeoutError):
        line.sendall(data)


def heard(line: socket.socket) -> bytes:
    """What comes until there is an answer or the end."""
    with contextlib.suppress(ConnectionError):
        return line.recv(1 << 16)
    return b""


def read_until(line: socket.socket, end: bytes) -> bytes:
    """An answer whose end is known."""
    got = b""
    while not got.endswith(end):
        part = heard(line)
        assert part, got
        got += part
    return got


def idle(serving: Serving) -> bytes:
    return f"GET /healthz HTTP/1.1\r\nHost: {serving.root.removeprefix('http://')}\r\n\r\n".encode()


SENT: dict[str, Callable[[Serving], bytes]] = {
    "not a byte": lambda _: b"",
    "half a request line": lambda _: b"POST /mc",
    "half the headers": lambda serving: head(serving)[:-30],
    "half the body, without the token": lambda serving: head(serving, "x" * 32) + BODY[:9],
    "half the body": lambda serving: head(serving) + BODY[:9],
    "a request, and nothing more": idle,
    "a request, and half of another": lambda serving: idle(serving) + head(serving)[:-30],
    "garbage": lambda _: b"\x16\x03\x01\x00\xff garbage\r\n\r\n\r\n" * 9,
    "a request, then garbage": lambda serving: idle(serving) + b"\x00garbage\r\n\r\n" * 9,
}


@pytest.mark.parametrize("kind", SENT)
def test_a_crowd_that_does_not_go_on_starves_no_real_client(gate: Serving, kind: str) -> None:
    """As many connections as the process has files: a real client is answered
    (docs/reliability.md).
    """
    with connected(gate, MANY) as crowd:
        for line in crowd:
            send(line, SENT[kind](gate))
        assert [ask(gate, **bearer()).status_code for _ in range(3)] == [200] * 3


def test_a_crowd_that_never_reads_its_answers_starves_no_real_client(gate: Serving) -> None:
    """More is asked than the system keeps for whoever does not read."""
    with connected(gate, MANY) as crowd:
        for line in crowd:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.setblocking(False)
            with contextlib.suppress(OSError):
                while line.send(idle(gate) * 500):
                    pass
        assert ask(gate, **bearer()).status_code == 200


def test_the_one_that_waited_longest_gives_way_and_no_other(gate: Serving) -> None:
    """64 may be without a whole head; the next legal number is untouched, and goes on."""
    with connected(gate, 65) as crowd:
        for line in crowd:
            send(line, head(gate)[:-2])
        assert heard(crowd[0]) == b""
        for line in crowd[1:]:
            send(line, b"\r\n" + BODY)
            assert heard(line).startswith(b"HTTP/1.1 200 ")


def test_a_request_that_goes_on_for_ever_ends_after_five_seconds_however_it_drips(
    gate: Serving,
) -> None:
    """Bytes do not prolong it, neither before the answer nor after."""
    with connected(gate, 3) as (silent, dripping, refused):
        send(dripping, b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        send(refused, head(gate, "x" * 32, length=1 << 20))
        assert read_until(refused, b'TOKEN"}').startswith(b"HTTP/1.1 401 ")
        left = {silent, dripping, refused}
        while left:
            left -= set(select.select(list(left), [], [], 0.05)[0])
            for line in left - {silent}:
                send(line, b"x")
        assert [heard(line) for line in (silent, dripping, refused)] == [b""] * 3


def test_a_slow_client_that_goes_on_is_answered_whoever_comes_meanwhile(gate: Serving) -> None:
    """Its head in pieces, its body in two, a crowd of strangers between them, and again."""
    with connected(gate) as [slow]:
        for _ in range(2):
            whole = head(gate)
            for at in range(0, len(whole), 40):
                send(slow, whole[at : at + 40])
                assert ask(gate).status_code == 401
            send(slow, BODY[:20])
            with connected(gate, 100) as crowd:
                for line in crowd:
                    send(line, b"POST /mcp HTTP/1.1\r\n")
                assert ask(gate).status_code == 401
                send(slow, BODY[20:])
                # the last chunk is empty
                assert read_until(slow, b"0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.thorough
def test_asked_to_end_the_server_waits_for_nobody_who_half_sent_something(
    env: dict[str, str], tmp_path: Path
) -> None:
    """No verdict hangs on them."""
    env |= {"VAST_MCP_HTTP_TOKEN": TOKEN}
    with (
        serving("--sandbox", "serve", "--http", "0", env=env, cwd=tmp_path) as made,
        connected(made, 2) as (headless, idle_one),
    ):
        send(headless, head(made)[:-2])
        send(idle_one, idle(made))
        assert heard(idle_one).startswith(b"HTTP/1.1 200 ")
        made.process.send_signal(signal.SIGTERM)
        assert made.process.wait(PATIENCE) == 0
        assert heard(headless) == b""


@pytest.mark.thorough
def test_what_clients_do_wrong_fills_nobodys_log(gate: Serving) -> None:
    """A pipe that nobody reads holds 64 KiB, and a full one stops the process."""
    for sent in (
        b"garbage\r\n\r\n",
        head(gate) + BODY[:9],
        head(gate).replace(b"Host: ", b"Host: x"),
    ):
        with connected(gate) as [line]:
            send(line, sent)
            line.shutdown(socket.SHUT_WR)
            while heard(line):
                pass
    assert ask(gate, **bearer()).status_code == 200
    assert gate.process.stderr is not None
    assert not select.select([gate.process.stderr], [], [], 0)[0]
