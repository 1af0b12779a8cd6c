"""An answer that did not arrive has told nothing: its machine is named again, before another."""

from __future__ import annotations

import contextlib
import json
import os
import select
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from house import offers
from processes import (
    PATIENCE,
    asked,
    command,
    hello,
    ledger,
    line_of,
    next_line,
    post,
    process,
)
from vast_mcp.host.arriving import unread
from vast_mcp.sandbox.world import World

pytestmark = pytest.mark.processes

FIRST, SECOND, THIRD = (offer["id"] for offer in offers(World(), 3))
TOKEN = "a-token-of-sixteen-letters-or-more"


@pytest.fixture
def real(env: dict[str, str], url: str, tmp_path: Path) -> dict[str, str]:
    """What every server of this person has: one key, one journal."""
    return env | {
        "VAST_URL": url,
        "VAST_API_KEY": "planted-key",
        "VAST_MCP_STATE_DIR": str(tmp_path / "state"),
        "VAST_MCP_HTTP_TOKEN": TOKEN,
    }


def rent(number: int, offer: int) -> bytes:
    """A request to rent, as a line."""
    arguments = {"offer_id": offer, "disk": 16, "image": "a/b"}
    params = {"name": "create_instance", "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    return json.dumps(message).encode() + b"\n"


def told(line: bytes) -> dict[str, Any]:
    return json.loads(line)["result"]["structuredContent"]


def told_by_command(offer: int, real: dict[str, str], tmp_path: Path) -> dict[str, Any]:
    """What `vast-mcp call` says to a wish of another offer."""
    arguments = json.dumps({"offer_id": offer, "disk": 16, "image": "a/b"})
    done = subprocess.run(
        command("call", "create_instance", arguments),
        env=real,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return json.loads(done.stdout)


def until(what: Callable[[], bool]) -> None:
    async def wait() -> None:
        with anyio.fail_after(PATIENCE):
            while not what():  # noqa: ASYNC110  another process is waited for
                await anyio.sleep(0.02)

    anyio.run(wait)


def is_named_before_another(first: int, real: dict[str, str], url: str, tmp_path: Path) -> None:
    """The next wish, in a process of its own, is told of the machine, and repeated it rents."""
    refused = told_by_command(SECOND, real, tmp_path)
    assert refused["error"]["code"] == "earlier_rental_found"
    assert str(first) in refused["error"]["message"]
    assert ledger(url)["living"] == [first]
    assert "error" not in told_by_command(SECOND, real, tmp_path)


# ── stdout ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.thorough
@pytest.mark.parametrize("closed", ["before the rent", "after it, unread"])
def test_with_stdout_closed_the_next_process_names_the_machine_and_rents_no_other(
    real: dict[str, str], url: str, tmp_path: Path, closed: str
) -> None:
    """Neither what could not be written nor what nobody took was told."""
    with process(env=real, cwd=tmp_path) as started:
        hello(started)
        assert started.stdin is not None
        assert started.stdout is not None
        if closed == "before the rent":
            started.stdout.close()
        started.stdin.write(rent(2, FIRST))
        until(lambda: len(ledger(url)["living"]) == 1)
        if closed != "before the rent":
            until(lambda: bool(confirmed(real)))
            started.stdout.close()
        started.stdin.close()
        started.wait(PATIENCE)
    [machine] = ledger(url)["living"]
    is_named_before_another(machine, real, url, tmp_path)


@pytest.mark.thorough
def test_with_stdout_closed_the_same_process_rents_no_other(
    real: dict[str, str], url: str, tmp_path: Path
) -> None:
    """Two wishes on one line, and nobody who reads an answer: one of them is too many."""
    with process(env=real, cwd=tmp_path) as started:
        hello(started)
        assert started.stdin is not None
        assert started.stdout is not None
        started.stdout.close()
        started.stdin.write(rent(2, FIRST))
        until(lambda: len(ledger(url)["living"]) == 1)
        with contextlib.suppress(BrokenPipeError):
            started.stdin.write(rent(3, SECOND))
            started.stdin.close()
        started.wait(PATIENCE)
    assert asked(url).count("create") == 1


@pytest.mark.thorough
def test_an_answer_that_the_host_leaves_in_the_pipe_has_told_nothing_yet(
    real: dict[str, str], url: str, tmp_path: Path
) -> None:
    """A host that reads nothing may write: that shows nothing."""
    with process(env=real, cwd=tmp_path) as started:
        hello(started)
        assert started.stdin is not None
        assert started.stdout is not None
        pipe = started.stdout.fileno()
        started.stdin.write(rent(2, FIRST))
        until(lambda: unread(pipe) > 0)
        before = unread(pipe)
        started.stdin.write(rent(3, SECOND))
        until(lambda: unread(pipe) > before)
        first, second = told(line_of(started)), told(line_of(started))
        assert second["error"]["code"] == "earlier_rental_found"
        assert str(first["instance_id"]) in second["error"]["message"]


def test_what_the_host_has_read_is_told_and_the_next_wish_rents(
    real: dict[str, str], url: str, tmp_path: Path
) -> None:
    """In the same process, and after its end in another one."""
    with process(env=real, cwd=tmp_path) as started:
        hello(started)
        assert started.stdin is not None
        for number, offer in ((2, FIRST), (3, SECOND)):
            started.stdin.write(rent(number, offer))
            assert "error" not in told(line_of(started))
        started.stdin.close()
        assert started.wait(PATIENCE) == 0
    third = told_by_command(THIRD, real, tmp_path)
    assert "error" not in third
    assert "notices" not in third
    assert len(ledger(url)["living"]) == 3


def test_wishes_that_a_host_makes_at_once_are_all_rented(
    real: dict[str, str], url: str, tmp_path: Path
) -> None:
    """An answer that is just being made or read is no answer that was lost."""
    with process(env=real, cwd=tmp_path) as started:
        hello(started)
        assert started.stdin is not None
        wishes = enumerate((FIRST, SECOND, THIRD), 2)
        started.stdin.write(b"".join(rent(number, offer) for number, offer in wishes))
        answers = [told(line_of(started)) for _ in range(3)]
    assert [one for one in answers if "error" in one or "notices" in one] == []
    assert len(ledger(url)["living"]) == 3


@pytest.mark.thorough
def test_a_host_that_reads_only_after_it_ended_us_was_told(
    real: dict[str, str], url: str, tmp_path: Path
) -> None:
    """What is in the pipe as stdin ends is taken within a moment."""
    with process(env=real, cwd=tmp_path) as started:
        hello(started)
        assert started.stdin is not None
        started.stdin.write(rent(2, FIRST))
        until(lambda: bool(confirmed(real)))
        assert started.stdout is not None
        assert select.select([started.stdout], [], [], PATIENCE)[0]
        started.stdin.close()
        line_of(started)
        assert started.wait(PATIENCE) == 0
    assert "notices" not in told_by_command(SECOND, real, tmp_path)
    assert len(ledger(url)["living"]) == 2


def confirmed(real: dict[str, str]) -> list[int]:
    """The machines that the journal has."""
    path = Path(real["VAST_MCP_STATE_DIR"]) / "journal.db"
    if not path.exists():
        return []
    with (
        contextlib.closing(sqlite3.connect(path)) as db,
        contextlib.suppress(sqlite3.OperationalError),  # its tables are just being made
    ):
        rows = db.execute("SELECT instance_id FROM intents WHERE state = 'confirmed'")
        return [row[0] for row in rows]
    return []


# ── vast-mcp call ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("where", ["a full disk", "a closed pipe", "a pipe that nobody reads"])
@pytest.mark.thorough
def test_a_command_that_could_not_print_its_rental_has_told_nothing(
    real: dict[str, str], url: str, tmp_path: Path, where: str
) -> None:
    """The same command again is safe, and another one is told first."""
    reader, writer = os.pipe()
    if where == "a full disk":
        os.close(writer)
        writer = os.open("/dev/full", os.O_WRONLY)
    if where == "a closed pipe":
        os.close(reader)
    arguments = json.dumps({"offer_id": FIRST, "disk": 16, "image": "a/b"})
    done = subprocess.run(
        command("call", "create_instance", arguments),
        env=real,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    os.close(writer)
    if where != "a closed pipe":
        os.close(reader)
    assert done.returncode == (0 if where == "a pipe that nobody reads" else 3)
    [machine] = ledger(url)["living"]
    is_named_before_another(machine, real, url, tmp_path)


def test_a_command_that_printed_its_rental_has_told_it(
    real: dict[str, str], url: str, tmp_path: Path
) -> None:
    """Into a pipe that is read, and into a file."""
    assert "error" not in told_by_command(FIRST, real, tmp_path)
    arguments = json.dumps({"offer_id": SECOND, "disk": 16, "image": "a/b"})
    with (tmp_path / "answer").open("wb") as file:
        subprocess.run(
            command("call", "create_instance", arguments),
            env=real,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=file,
            timeout=PATIENCE,
            check=True,
        )
    assert "notices" not in told_by_command(THIRD, real, tmp_path)
    assert len(ledger(url)["living"]) == 3


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def serving(real: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The address of a `vast-mcp serve`."""
    with process("serve", "--http", "127.0.0.1:0", env=real, cwd=tmp_path) as started:
        said = next_line(started.stderr).decode()
        yield said.partition(" listens on ")[2].split()[0]


def headers(mode: str) -> dict[str, str]:
    era = {"MCP-Protocol-Version": "2025-06-18"}
    if mode == "auto":
        era = {
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": "create_instance",
        }
    return era | {
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "Authorization": f"Bearer {TOKEN}",
    }


def asking(mode: str, offer: int) -> dict[str, Any]:
    """A call that rents, as a client of this era sends it."""
    message: dict[str, Any] = json.loads(rent(2, offer))
    if mode == "auto":
        message["params"]["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    return message


def posted(address: str, mode: str, offer: int) -> dict[str, Any]:
    with httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        reply = http.post(address, json=asking(mode, offer), headers=headers(mode))
    text = reply.text
    if "data: " in text:
        text = text.partition("data: ")[2].splitlines()[0]
    return json.loads(text)["result"]["structuredContent"]


def left_while_it_rents(address: str, url: str, mode: str, offer: int) -> None:
    """Ask, and hang up once the request to rent is on its way."""
    place = httpx.URL(address)
    line = HTTPConnection(place.host, place.port or 80, timeout=PATIENCE)
    body = json.dumps(asking(mode, offer))
    line.request("POST", place.path, body, headers(mode))
    until(lambda: "create" in asked(url))
    line.close()


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_client_that_went_away_was_not_told_and_the_next_wish_is_refused_once(
    real: dict[str, str], url: str, tmp_path: Path, mode: str
) -> None:
    """In the same process, of whichever client; in either era."""
    real |= {"VAST_MCP_TIME_SCALE": "0.2"}
    post(f"{url}/_sandbox/faults", endpoint="create", kind="late", when="after")
    with serving(real, tmp_path) as address:
        left_while_it_rents(address, url, mode, FIRST)
        post(f"{url}/_sandbox/faults", release=True)
        until(lambda: bool(confirmed(real)))
        [machine] = ledger(url)["living"]
        refused = posted(address, mode, SECOND)
        assert refused["error"]["code"] == "earlier_rental_found"
        assert str(machine) in refused["error"]["message"]
        assert "error" not in posted(address, mode, SECOND)
    assert len(ledger(url)["living"]) == 2


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.thorough
def test_a_wish_that_waits_behind_a_client_that_left_is_told_of_its_machine(
    real: dict[str, str], url: str, tmp_path: Path, mode: str
) -> None:
    """The second wish is made while the first request is still on its way."""
    real |= {"VAST_MCP_TIME_SCALE": "0.2"}
    post(f"{url}/_sandbox/faults", endpoint="create", kind="late", when="after")
    with serving(real, tmp_path) as address, ThreadPoolExecutor() as threads:
        left_while_it_rents(address, url, mode, FIRST)
        second = threads.submit(posted, address, mode, SECOND)
        with httpx.Client(trust_env=False) as http:
            for _ in range(20):
                http.get(address.removesuffix("/mcp") + "/healthz", headers={"Connection": "close"})
        post(f"{url}/_sandbox/faults", release=True)
        refused = second.result(PATIENCE)
    [machine] = ledger(url)["living"]
    assert refused["error"]["code"] == "earlier_rental_found"
    assert str(machine) in refused["error"]["message"]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.thorough
def test_clients_that_took_their_answers_were_told(
    real: dict[str, str], url: str, tmp_path: Path, mode: str
) -> None:
    """Each with a connection of its own, which it closes after the answer."""
    with serving(real, tmp_path) as address:
        for offer in (FIRST, SECOND, THIRD):
            assert "error" not in posted(address, mode, offer)
    assert len(ledger(url)["living"]) == 3
