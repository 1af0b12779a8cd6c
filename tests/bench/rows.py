"""The rows of the table. What is compared is measured in turns, so that a busy moment of the
machine meets both.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from bench.child import KEY, Child, child, env_of
from bench.tokens import compact, tokens
from house import ROOT
from served_sandbox import control
from vast_mcp.host.server import INSTRUCTIONS
from vast_mcp.renting.order import order_of
from vast_mcp.settings import Settings

HELLO = Path(__file__).with_name("hello.py")
SERVER = [sys.executable, "-m", "vast_mcp"]
KEY_LINE = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0d bench@example"
)
NOBODY = "http://127.0.0.1:9"

STARTS = 15
CREATES = 41
LISTS = 15
# The pace that Vast asks for is a fixed wait and no work. At this factor a create's is 45 ms,
# which passes between two measurements; reads, which are never cut short by it, have next to
# none.
PACE, NO_PACE, APART_S = 0.01, 0.00001, 0.06
JOURNAL_ROWS = 100_000


@dataclass(frozen=True)
class Row:
    """One line: a figure, what it is held against, and whether that holds."""

    what: str
    figure: str
    against: str
    bound: str
    ok: bool


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


@dataclass(frozen=True)
class Box:
    """A sandbox in a process of its own, and a folder for whatever is made beside it."""

    url: str
    folder: Path

    @contextlib.contextmanager
    def server(self, name: str, *, scale: float = PACE, **more: str) -> Generator[Child]:
        """A vast-mcp on it, its journal in a folder of this name."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        env = env_of(
            home,
            VAST_URL=self.url,
            VAST_API_KEY=KEY,
            VAST_MCP_STATE_DIR=str(home / "state"),
            VAST_MCP_TIME_SCALE=str(scale),
            **more,
        )
        with child(SERVER, env, home) as made:
            made.greet()
            yield made

    def http(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {KEY}"},
            trust_env=False,
            timeout=10,
        )

    def set(self, **options: Any) -> None:
        control(self.url, "world", options)

    def offers(self, **query: Any) -> list[dict[str, Any]]:
        with self.http() as http:
            return http.post(
                "/api/v0/bundles/", json={"limit": 64, "type": "on-demand", **query}
            ).json()["offers"]

    @contextlib.contextmanager
    def asked(self) -> Iterator[list[str]]:
        """The endpoints asked within the block, once it is left."""
        found: list[str] = []
        before = len(control(self.url, "requests")["requests"])
        yield found
        found += [one["endpoint"] for one in control(self.url, "requests")["requests"][before:]]


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


# ── starting ───────────────────────────────────────────────────────────────────────────────────


def starts(box: Box) -> list[Row]:
    """From the spawn to the list of tools, and the most memory that it held until then."""
    commands = {"ours": SERVER, "hello": [sys.executable, str(HELLO)]}
    env = env_of(box.folder, VAST_URL=NOBODY, VAST_API_KEY=KEY)
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    peaks: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(STARTS + 1):  # the first writes bytecode and does not count
        for name, command in commands.items():
            began = time.perf_counter()
            with child(command, env, box.folder) as started:
                started.greet()
                started.ask("tools/list")
                took = time.perf_counter() - began
                if turn:
                    seconds[name].append(took)
                    peaks[name].append(started.peak_mib())
    ours, hello = median(seconds["ours"]), median(seconds["hello"])
    # Of each turn: a load that comes and goes meets both halves of one.
    times = median(
        one / other for one, other in zip(seconds["ours"], seconds["hello"], strict=True)
    )
    most, least = median(peaks["ours"]), median(peaks["hello"])
    return [
        Row(
            "spawn to tools/list",
            ms(ours),
            f"a bare MCPServer: {ms(hello)}",
            f"{times:.2f} x, at most 1.15 x",
            times <= 1.15,
        ),
        Row(
            "peak memory of that",
            f"{most:.1f} MiB",
            f"the same: {least:.1f} MiB",
            f"{most / least:.2f} x, at most 1.15 x",
            most <= 1.15 * least,
        ),
    ]


# ── one call ───────────────────────────────────────────────────────────────────────────────────


def wish(offer_id: int, number: object) -> dict[str, Any]:
    """Without a key of its own: what a journal that is not new answers for."""
    return {"offer_id": offer_id, "disk": 16, "label": f"bench-{number}"}


def grow_old(home: Path) -> None:
    """Its journal is one of an hour ago: a new one reads the account's list before every rent."""
    with contextlib.closing(sqlite3.connect(home / "state" / "journal.db")) as db, db:
        db.execute("UPDATE intents SET made_at = made_at - 3600, sent_at = sent_at - 3600")


def creates(box: Box) -> list[Row]:
    """create_instance over stdio in turns with the same request by bare httpx, on a connection
    that stands.
    """
    offers = [row["id"] for row in box.offers()]
    offer = offers[0]
    body = order_of(wish(offer, 0), Settings()).body | {"label": "vast-mcp#0123456789abcdef"}
    ours: list[float] = []
    bare: list[float] = []
    with box.server("creates") as server, box.http() as http:
        for number in range(CREATES + 1):  # the first reads the account and the keys
            # Each after the same pause: a processor that has just slept is slower for whoever
            # comes first.
            time.sleep(APART_S)
            wanted = wish(offers[number], number)
            ours.append(timed(lambda wanted=wanted: server.call("create_instance", **wanted)))
            if not number:
                grow_old(box.folder / "creates")
            time.sleep(APART_S)
            bare.append(
                timed(lambda: http.put(f"/api/v0/asks/{offer}/", json=body).raise_for_status())
            )
    more = median(ours[1:]) - median(bare[1:])
    return [
        Row(
            "create_instance over stdio, journal on",
            ms(median(ours[1:])),
            f"the same PUT by bare httpx: {ms(median(bare[1:]))}",
            f"{ms(more)} more, at most 10 ms",
            more <= 0.010,
        )
    ]


def fill(state: Path) -> None:
    """A long history: copies of an attempt that is over, most of them rented and gone."""
    with contextlib.closing(sqlite3.connect(state / "journal.db")) as db, db:
        db.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO intents (token, account, request_key, digest, offer_id, label,
                wanted, state, owner, made_at,
                sent_at, settled_at, instance_id, reason, facts, gone_at)
            SELECT printf('%016x', i), account, 'old-' || i, digest, 20000001 + i % 264,
                label, wanted,
                CASE i % 10 WHEN 0 THEN 'refused' WHEN 1 THEN 'absent' ELSE 'confirmed' END, owner,
                made_at - i,
                sent_at - i, settled_at - i, CASE WHEN i % 10 > 1 THEN i END, NULL, facts,
                CASE WHEN i % 10 > 1 THEN made_at END
            FROM n, (SELECT * FROM intents LIMIT 1)
            """,
            (JOURNAL_ROWS,),
        )


def history(box: Box) -> list[Row]:
    """The same create with an empty journal and with a long one."""
    offers = [row["id"] for row in box.offers()]
    with box.server("long") as server:
        server.call("create_instance", **wish(offers[-1], "seed"))
    fill(box.folder / "long" / "state")
    seconds: dict[str, list[float]] = {"short": [], "long": []}
    with box.server("short") as short, box.server("long") as long:
        for number in range(CREATES + 1):
            for name, server in (("short", short), ("long", long)):
                wanted = wish(offers[number], f"{name}-{number}")
                time.sleep(APART_S)
                seconds[name].append(
                    timed(lambda s=server, wanted=wanted: s.call("create_instance", **wanted))
                )
            if not number:
                grow_old(box.folder / "short")
    few, many = median(seconds["short"][1:]), median(seconds["long"][1:])
    return [
        Row(
            "create_instance with 100,000 attempts in the journal",
            ms(many),
            f"with none: {ms(few)}",
            f"{100 * (many / few - 1):+.0f} %, at most +10 %",
            many <= 1.10 * few,
        )
    ]


def lists(box: Box) -> list[Row]:
    """show_instances against the official client, and with a hundred times the machines."""
    [offer] = box.offers(limit=1)
    official = ROOT / ".venv-vastai" / "bin" / "vastai"
    env = env_of(box.folder, VAST_URL=box.url, VAST_API_KEY=KEY, VASTAI_NO_UPDATE_CHECK="1")
    command = [str(official), "show", "instances", "--raw"]

    def of_official() -> None:
        done = subprocess.run(
            command, env=env, cwd=box.folder, capture_output=True, text=True, check=True
        )
        assert '"actual_status"' in done.stdout, done.stderr

    box.set(reset=True, ssh_banners=False)  # doors of a thousand machines are many open files
    ours: list[float] = []
    theirs: list[float] = []
    busy: dict[int, float] = {}  # of our process, for one call
    made = 0
    with box.server("lists", scale=NO_PACE) as server, box.http() as http:
        for machines in (10, 1000):
            for _ in range(machines - made):
                http.put(
                    f"/api/v0/asks/{offer['id']}/", json={"image": "a/b", "disk": 8}
                ).raise_for_status()
            made = machines
            server.call("show_instances")  # the first reads the account
            before = server.busy_s()
            for _ in range(LISTS):
                took = timed(lambda: server.call("show_instances"))
                if machines == 10:
                    ours.append(took)
                    theirs.append(timed(of_official))
            busy[machines] = (server.busy_s() - before) / LISTS
    ten, official_s = median(ours), median(theirs)
    few, many = busy[10], busy[1000]
    return [
        Row(
            "show_instances over stdio, 10 machines",
            ms(ten),
            f"`vastai show instances --raw`: {ms(official_s)}",
            f"1/{official_s / ten:.0f}, at most 1/50",
            ten * 50 <= official_s,
        ),
        Row(
            "show_instances, 1,000 machines: our own work",
            ms(many),
            f"10 machines: {ms(few)}",
            f"{many / few:.0f} x, at most 100 x",
            many <= 100 * few,
        ),
    ]


# ── what a model reads ─────────────────────────────────────────────────────────────────────────


def texts(box: Box) -> list[Row]:
    with box.server("texts") as server:
        shown = server.call("search_offers", limit=10)
    ids = {row["offer_id"] for row in shown["offers"]}
    rows = [row for row in box.offers(order=[["dph_total", "asc"]]) if row["id"] in ids]
    assert len(ids) == len(rows) == 10
    skill = (ROOT / "SKILL.md").read_text(encoding="utf-8")
    ours, theirs, book, short = tokens(compact(shown), compact(rows), skill, INSTRUCTIONS)
    return [
        Row(
            "search_offers, 10 offers",
            f"{ours:,} tokens",
            f"the API's rows for them: {theirs:,}",
            f"1/{theirs / ours:.0f}, at most 1,000 and 1/8",
            ours <= 1_000 and ours * 8 <= theirs,
        ),
        Row(
            "SKILL.md",
            f"{book:,} tokens",
            "the official skill: 11,503",
            "at most 2,500",
            book <= 2500,
        ),
        Row("instructions", f"{short:,} tokens", "-", "at most 300", short <= 300),
    ]


# ── requests ───────────────────────────────────────────────────────────────────────────────────


def requests(box: Box) -> list[Row]:
    """What a create asks of Vast, by the sandbox's own record."""
    strangers: Iterator[int] = iter([row["id"] for row in reversed(box.offers())])
    rows: list[Row] = []

    def count(what: str, most: int, server: Child, offer_id: int, **more: Any) -> None:
        with box.asked() as asked:
            server.call("create_instance", **wish(offer_id, f"counted-{len(rows)}"), **more)
        figure = "1 request" if len(asked) == 1 else f"{len(asked)} requests"
        rows.append(
            Row(
                f"create_instance, {what}",
                figure,
                ", ".join(asked),
                f"at most {most}",
                len(asked) <= most,
            )
        )

    with box.server("requests") as server:
        known = [row["offer_id"] for row in server.call("search_offers", limit=3)["offers"]]
        server.call("create_instance", **wish(known[0], "first"))
        grow_old(box.folder / "requests")
        count("a known offer, account cached", 1, server, known[1])
        count("a known offer, a request_key not seen before", 2, server, known[2], request_key="k")
        vm = box.offers(vms_enabled={"eq": True}, direct_port_count={"gt": 2})[-1]["id"]
        count("a VM", 3, server, vm, vm=True, image="docker.io/vastai/kvm:cuda-12.4.1")
        count(
            "max_usd_per_hour, an offer not seen before",
            3,
            server,
            next(strangers),
            max_usd_per_hour=100,
        )
    total = {"VAST_MCP_MAX_TOTAL_USD_PER_HOUR": "5000"}
    credit = {"VAST_MCP_MIN_CREDIT_HOURS": "0.01"}
    limited = (
        ("a limit on all machines' price, an offer not seen before", 5, total),
        ("that and a limit on credit, an offer not seen before", 6, total | credit),
        ("a limit on credit alone, an offer not seen before", 6, credit),
    )
    for number, (what, most, limits) in enumerate(limited):
        with box.server(f"requests-{number}", **limits) as server:
            server.call("create_instance", **wish(next(strangers), f"first-{number}"))
            grow_old(box.folder / f"requests-{number}")
            count(what, most, server, next(strangers))
    return rows


# ── the account, at Vast's own pace ────────────────────────────────────────────────────────────


def accounts(box: Box) -> list[Row]:
    """show_account once, and four times at once, each by a server that has asked nothing yet, with
    the sandbox's limits on.
    """
    seconds: dict[int, float] = {}
    for count in (1, 4):
        box.set(reset=True, limits=True)
        with box.server(f"at-once-{count}", scale=1.0) as server:
            seconds[count] = timed(lambda s=server, n=count: s.at_once(n, "show_account"))
    box.set(limits=False)
    one, four = seconds[1], seconds[4]
    return [
        Row(
            "show_account, four at once, at the real pace",
            ms(four),
            f"one: {ms(one)}",
            f"{four / one:.2f} x, at most 1.30 x",
            four <= 1.30 * one,
        )
    ]


ALL: tuple[Callable[[Box], list[Row]], ...] = (
    starts,
    creates,
    history,
    lists,
    texts,
    requests,
    accounts,
)


def machine() -> str:
    """Where this was measured, in words."""
    from importlib.metadata import version
    from platform import machine, python_version, system

    official = subprocess.run(
        [
            str(ROOT / ".venv-vastai" / "bin" / "python"),
            "-c",
            "from importlib.metadata import version; print(version('vastai'))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return (
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, {system()} {machine()}, {os.cpu_count()} "
        f"cores, "
        f"Python {python_version()}, mcp {version('mcp')}, pydantic {version('pydantic')}, "
        f"httpx "
        f"{version('httpx')}, "
        f"vastai {official.stdout.strip()}"
    )
