"""`vast-mcp machines --watch`: it stays, tells what changes, outlives an outage, ends in order."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import time
import urllib.request
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from house import KEY_LINE
from processes import PATIENCE, command, next_line
from served_sandbox import control
from vast_mcp.commands.cli import parser
from vast_mcp.commands.looks import machines_page, watching
from vast_mcp.commands.looks.asking import Look
from vast_mcp.commands.looks.watching import Seen, Watch

pty = pytest.importorskip("pty", reason="POSIX only")
watches_take_long = pytest.mark.timeout(240)

LISTED: dict[str, Any] = {
    "count": 1,
    "total_usd_per_hour": 0.4,
    "of_which": {"running": 0.4, "stopped_disks": 0.0, "volumes": 0.0},
    "instances": [{"instance_id": 7, "state": "running", "usd_per_hour": 0.4}],
    "next_steps": [],
}
OUTAGE: dict[str, Any] = {
    "error": {"code": "unreachable", "message": "Vast did not answer.", "retryable": True}
}


async def _nothing(_: Any) -> dict[str, Any]:
    return {}


def watch() -> Watch:
    chosen = parser().parse_args(["machines"])

    def drawn(listed: Any, alone: Any, use: Any, most: Any = None) -> Any:
        return machines_page.page_of(listed, alone, chosen, use, most)

    return Watch(
        Look("machines", _nothing, lambda _: drawn(LISTED, {}, {}), {}),
        machines_page.worth_reading,
        drawn,
    )


# ── what is known ──────────────────────────────────────────────────────────────────────────────


def test_an_outage_leaves_what_was_known_and_says_how_old_it_is() -> None:
    """Until the next answer, whose age begins anew."""
    seen = Seen()
    seen.take(LISTED)
    seen.take(OUTAGE)
    text = seen.page(watch(), seen.heard_at + 185).plain()
    assert "3 min ago" in text
    assert "Nothing more is heard: Vast did not answer." in text
    assert "$0.400" in text
    seen.take(LISTED)
    text = seen.page(watch(), seen.heard_at).plain()
    assert "Nothing more" not in text
    assert " 0 s ago" in text


def test_before_anything_was_heard_nothing_is_said_to_be_there() -> None:
    """An outage from the beginning is not an empty account."""
    seen = Seen()
    seen.take(OUTAGE)
    text = seen.page(watch(), time.time()).plain()
    assert "Nothing was heard yet." in text
    assert "No machines" not in text


def test_readings_of_a_gpu_are_a_line_and_gaps_stay_gaps() -> None:
    """Where Vast has no reading there is none, and a look that failed is no look."""
    seen = Seen()
    seen.take(LISTED)
    for use in (0.0, None, 50.0, 100.0):
        told = {"instance_id": 7, "state": "running"}
        seen.take_alone(7, told if use is None else told | {"gpu_util_percent": use})
    seen.take_alone(7, OUTAGE)
    assert "▁·▄█ 100 %" in seen.page(watch(), time.time()).plain()
    assert seen.use == {7: deque([0.0, None, 50.0, 100.0])}
    seen.take({**LISTED, "instances": []})
    assert (seen.use, seen.alone) == ({}, {})


def test_news_stays_to_be_read() -> None:
    """An answer tells it once, however much it is, and the next round would wipe it away."""
    seen = Seen()
    news = [f"Machine {number} was destroyed: its lease ended." for number in range(30)]
    seen.take({**LISTED, "notices": news})
    seen.take_alone(7, {"instance_id": 7, "notices": ["The contract of machine 7 ends."]})
    for _ in range(3):
        seen.take(LISTED)
    text = seen.page(watch(), time.time()).plain()
    assert all(one in text for one in news)
    assert "The contract of machine 7 ends." in text


def test_machines_that_have_no_room_are_counted() -> None:
    """A small terminal hides none without a word."""
    seen = Seen()
    rows = [{**LISTED["instances"][0], "instance_id": number} for number in range(10, 40)]
    seen.take({**LISTED, "count": 30, "instances": rows})
    text = seen.page(watch(), time.time(), 12).plain()
    assert "18 more have no room here" in text
    assert text.count("running") == 12


@pytest.mark.parametrize("count", [0, 1, watching.AT_ONCE, 7, 12])
def test_each_machine_has_its_turn(count: int) -> None:
    """However many there are, a round reads a few, and some rounds later all were read."""
    seen, wanted = Seen(), list(range(count))
    rounds = [seen.next_to_read(wanted) for _ in range(12)]
    assert all(len(one) <= watching.AT_ONCE for one in rounds)
    assert {number for one in rounds for number in one} == set(wanted)


# ── as a process ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def sandbox(url: str) -> str:
    control(url, "world", {"keys": [KEY_LINE], "looks_per_step": 0})
    return url


@pytest.fixture
def at_home(env: dict[str, str], sandbox: str) -> dict[str, str]:
    return env | {"VAST_URL": sandbox, "VAST_API_KEY": "k", "TERM": "xterm", "PYTHONUTF8": "1"}


class Screen:
    """What a terminal is sent, as it comes."""

    def __init__(self, ours: int) -> None:
        self.ours, self.text = ours, ""

    def until(self, wanted: str) -> str:
        """What came, once this is in what came since the last call."""
        give_up_at, begins = time.monotonic() + PATIENCE, len(self.text)
        while not re.search(wanted, without_codes(self.text[begins:])):
            assert time.monotonic() < give_up_at, self.text[-2_000:]
            assert self.more(), f"it ended: {self.text[-2_000:]}"
        return self.text[begins:]

    def more(self) -> bool:
        """Whether anything came; waits for it."""
        assert select.select([self.ours], [], [], PATIENCE)[0], "nothing was drawn"
        try:
            part = os.read(self.ours, 65_536)
        except OSError:  # Linux says so when nobody has the other end any more
            return False
        self.text += part.decode(errors="replace")
        return bool(part)


def without_codes(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@contextlib.contextmanager
def watched(
    *words: str, env: dict[str, str], cwd: Path
) -> Iterator[tuple[subprocess.Popen[bytes], Screen]]:
    """The watch at a terminal of its own; killed in the end where it still runs."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("machines", "--watch", *words),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=env,
        cwd=cwd,
    ) as started:
        os.close(theirs)
        try:
            yield started, Screen(ours)
        finally:
            started.kill()
            os.close(ours)


@pytest.mark.processes
@watches_take_long
def test_a_watch_tells_changes_outlives_an_outage_and_ends_at_130(
    at_home: dict[str, str], sandbox: str, tmp_path: Path
) -> None:
    """At a terminal, in place; what it last knew is left on it in the end, and no traceback."""
    with watched(env=at_home, cwd=tmp_path) as (started, screen):
        assert "\x1b[?1049h" in screen.until("No machines, nothing bills")
        rent(sandbox)
        screen.until(r"1 machine\. Bills now")
        for endpoint in ("list", "show"):
            fault = {"endpoint": endpoint, "kind": "drop", "times": None}
            control(sandbox, "faults", fault)
        assert "1 machine." in screen.until("Nothing more is heard: Nothing was changed")
        started.send_signal(signal.SIGINT)
        while screen.more():
            pass
        assert started.wait(PATIENCE) == 130
    last = screen.text.rpartition("\x1b[?1049l")
    assert last[1], "the terminal was left as a screen"
    assert "1 machine." in last[2]
    assert "Traceback" not in screen.text


def rent(url: str) -> None:
    """A machine of somebody's, by Vast's own request."""

    def asked(method: str, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(  # noqa: S310
            url + path,
            json.dumps(body).encode(),
            {"Authorization": "Bearer k", "Content-Type": "application/json"},
            method=method,
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=PATIENCE) as reply:
            return json.load(reply)

    offer = asked("POST", "/api/v0/bundles/", {"limit": 1})["offers"][0]
    body = {"image": "a/b", "disk": 20, "runtype": "ssh_direct"}
    asked("PUT", f"/api/v0/asks/{offer['id']}/", body)


@pytest.mark.processes
@watches_take_long
@pytest.mark.thorough
def test_in_a_pipe_every_look_has_a_line_of_json(
    at_home: dict[str, str], sandbox: str, tmp_path: Path
) -> None:
    """The tool's own answers, an outage among them; an interrupt ends it as at a terminal."""
    with subprocess.Popen(
        command("machines", "--watch", "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=at_home,
        cwd=tmp_path,
        bufsize=0,
    ) as started:
        try:
            first, second = (json.loads(next_line(started.stdout)) for _ in range(2))
            assert first == second
            assert first["count"] == 0
            fault = {"endpoint": "list", "kind": "status", "status": 503, "times": None}
            control(sandbox, "faults", fault)
            while "error" not in (told := json.loads(next_line(started.stdout))):
                assert told["count"] == 0
            assert told["error"]["retryable"]
            started.send_signal(signal.SIGINT)
            _, beside = started.communicate(timeout=PATIENCE)
        finally:
            started.kill()
    assert started.returncode == 130
    assert b"Traceback" not in beside


@pytest.mark.processes
@pytest.mark.thorough
@watches_take_long
def test_a_terminal_that_cannot_rewrite_gets_lines(
    at_home: dict[str, str], sandbox: str, tmp_path: Path
) -> None:
    """TERM=dumb, as inside editors: every look below the one before, without a code."""
    with watched(env=at_home | {"TERM": "dumb"}, cwd=tmp_path) as (started, screen):
        for _ in range(3):
            screen.until("No machines, nothing bills")
        started.send_signal(signal.SIGTERM)
        while screen.more():
            pass
        assert started.wait(PATIENCE) == 130
    assert "\x1b" not in screen.text


@pytest.mark.processes
@pytest.mark.thorough
@watches_take_long
def test_a_reader_that_leaves_ends_the_watch(
    at_home: dict[str, str], sandbox: str, tmp_path: Path
) -> None:
    """`vast-mcp machines --watch | head -1`."""
    with subprocess.Popen(
        command("machines", "--watch"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=at_home,
        cwd=tmp_path,
        bufsize=0,
    ) as started:
        try:
            assert next_line(started.stdout)
            assert started.stdout is not None
            started.stdout.close()
            assert started.stderr is not None
            beside = started.stderr.read()
            assert started.wait(PATIENCE) == 1
        finally:
            started.kill()
    assert b"nobody reads it any more" in beside
    assert b"Traceback" not in beside
