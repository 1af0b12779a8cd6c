"""`vast-mcp doctor --contract`: it finds what drifts, leaves alone what does not matter, and tells
nothing of whose account it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drifting import MOVED, Drifting, each, gone, put, rename, under, wrapped
from house import KEY_LINE, sampled
from processes import ledger
from vast_mcp.commands.cli import run
from vast_mcp.commands.doctor.contract import relied_on, run_contract
from vast_mcp.commands.doctor.contract.kinds import Row
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp.vast.account import Cloud, SshKey, Template, User
from vast_mcp.vast.announced import Maintenance, PriceIncrease
from vast_mcp.vast.charges import Charge, Payment, SpendRate
from vast_mcp.vast.models import Instance, Offer
from vast_mcp.vast.storage import Volume, VolumeOffer

KEY = "planted-key-of-length"
LABEL = "planted-label"
IMAGE = "planted/image"

Told = dict[str, Any]
Doctor = Callable[[], tuple[int, Told]]


def looked_at(world: World, instance_id: int) -> None:
    """A machine looked at until it runs."""
    for _ in range(8):
        world.show(instance_id)


@pytest.fixture
def world() -> World:
    """An account with something of everything: machines that run, stand still and bid, a volume,
    a key, a higher price that is asked for, announced maintenance.
    """
    made = World()
    made.set_keys([KEY_LINE])
    body = {"image": IMAGE, "disk": 16.0, "runtype": "ssh_direct", "label": LABEL}
    for more in ({}, {}, {"price": 50.0}):
        offer = made.offer(direct_port_count=lambda ports: ports > 0)
        looked_at(made, made.rent(offer["id"], {**body, **more}).id)
    first = next(iter(made.instances))
    made.set_state(first, "stopped")
    made.age(first, 1)
    room = next(iter(made.volumes.rooms.values()))
    made.volumes.rent(room["id"], 10.0, None, made.now)
    made.raise_price(first)
    made.clouds = [{"id": 101, "cloud_type": "s3", "name": "mine"}]
    made.maintenances.append(
        {
            "id": 7,
            "machine_id": made.instances[first].offer["machine_id"],
            "start_time": made.now + 3600,
            "duration_hours": 2.0,
            "maintenance_category": "disk",
        }
    )
    made.top_up(5)
    return made


@pytest.fixture
def vast(world: World) -> Drifting:
    return Drifting(world)


@pytest.fixture
def doctor(
    vast: Drifting, world: World, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> Doctor:
    """Run it with JSON: its exit status, and the checks by name."""

    def compared() -> tuple[int, Told]:
        status = run_contract(settings, vast, "vast-mcp", as_json=True)
        out, err = capsys.readouterr()
        assert err == ""
        assert_names_nothing(out, world)
        told = json.loads(out)
        assert told["ok"] == (status == 0)
        return status, {one["name"]: one for one in told["checks"]}

    return compared


def assert_names_nothing(text: str, world: World) -> None:
    """No id, address, key, label or image of the account is told."""
    named = [LABEL, IMAGE, KEY_LINE.split()[1], "sandbox-account-secret", "sandbox-instance-key"]
    named += [str(number) for number in (*world.instances, *world.offers, *world.volumes.owned)]
    assert [one for one in named if one in text] == []
    assert not re.search(r"\d{1,3}(\.\d{1,3}){3}|@|ssh-", text)


def statuses(told: Told) -> dict[str, str]:
    return {name: one["status"] for name, one in told.items()}


def found(told: Told) -> list[tuple[str, str, str]]:
    """Every difference: where it stands, what was found, in which check."""
    return [
        (one["field"], one["found"], name)
        for name, check in told.items()
        for one in check.get("differences", [])
    ]


# ── nothing drifts ─────────────────────────────────────────────────────────────────────────────


def test_the_sandbox_is_as_relied_on_in_everything(doctor: Doctor) -> None:
    """Client and sandbox are written from one page and share no code (docs/architecture.md)."""
    status, told = doctor()
    assert found(told) == []
    assert (status, set(statuses(told).values())) == (0, {"ok"})


def test_what_an_account_has_no_example_of_is_not_seen(doctor: Doctor, world: World) -> None:
    """An empty account is no fault: status 0, and it is said what was not looked at."""
    world.reset()
    world.clouds = []
    status, told = doctor()
    assert status == 0
    unseen = {name for name, said in statuses(told).items() if said == "not seen"}
    of_machines = {"machines", "one_row", "machine", "log", "increases", "balance", "maintenances"}
    assert unseen == {*of_machines, "ssh_keys", "volumes", "charges", "payments", "clouds"}


def test_the_fields_without_an_example_are_named(doctor: Doctor) -> None:
    """No machine here has a volume in its list row."""
    _, told = doctor()
    assert "instances[].ports" not in told["machines"].get("not_seen", [])
    assert "instances.volume_info" in told["machine"]["not_seen"]


def test_nothing_is_changed_and_no_price_is_paid(doctor: Doctor, world: World) -> None:
    """Reads alone: the ledger has not grown, and no route that acts was asked."""
    before = len(world.ledger)
    doctor()
    assert len(world.ledger) == before
    assert {one.endpoint for one in world.requests} == {
        "user",
        "list",
        "show",
        "logs",
        "search",
        "gpu_names",
        "keys",
        "templates",
        "volumes",
        "search_volumes",
        "charges",
        "rises",
        "balance",
        "clouds",
        "maintenances",
        "invoices",
        "spend_rate",
    }


# ── what drifts ────────────────────────────────────────────────────────────────────────────────

USER, LIST, ONE = "/users/current", "/api/v1/instances", "/api/v0/instances/"
OFFERS, KEYS, TEMPLATES = "/bundles", "/ssh", "/template"
ROOMS, VOLUMES, GPUS = "/volumes/search", "/volumes/", "/gpu_names"


DRIFTS = [
    pytest.param(
        LIST, rename("dph_total", "price_total"), "instances[].dph_total", "nothing", id="renamed"
    ),
    pytest.param(OFFERS, each("dph_base", str), "offers[].dph_base", "text", id="a number as text"),
    pytest.param(
        LIST, each("gpu_util", lambda _: "12"), "instances[].gpu_util", "text", id="use as text"
    ),
    pytest.param(
        LIST, put("dph_total", None), "instances[].dph_total", "null", id="null where needed"
    ),
    pytest.param(
        LIST,
        under("instances", lambda rows: {str(n): row for n, row in enumerate(rows)}),
        "instances",
        "an object",
        id="a list as an object",
    ),
    pytest.param(
        LIST,
        put("actual_status", "hibernating"),
        "instances[].actual_status",
        'the word "hibernating"',
        id="a new state",
    ),
    pytest.param(
        LIST,
        put("cur_state", "planted-label of somebody"),
        "instances[].cur_state",
        "a text that is no word",
        id="a state that is a sentence",
    ),
    pytest.param(LIST, gone("next_token"), "next_token", "nothing", id="no next token"),
    pytest.param(USER, MOVED, "the reply", "HTTP 301", id="moved"),
    pytest.param(
        OFFERS, under("offers", lambda rows: rows[:5]), "limit", "fewer rows", id="a lower cap"
    ),
    pytest.param(
        OFFERS, under("offers", lambda rows: rows * 4), "limit", "more rows", id="no limit"
    ),
    pytest.param(
        OFFERS,
        each("dph_total", lambda usd: usd + 0.5),
        "offers[].dph_total",
        "another sum",
        id="a price that does not add up",
    ),
    pytest.param(
        LIST,
        each("storage_total_cost", lambda usd: usd * 30),
        "instances[]",
        "another product",
        id="a disk by the month",
    ),
    pytest.param(USER, wrapped("user"), "credit", "nothing", id="an envelope more"),
    pytest.param(LIST, each("id", str), "instances[].id", "text", id="an id as text"),
    pytest.param(
        ONE,
        each("start_date", lambda at: at * 1000),
        "instances.start_date",
        "too large",
        id="milliseconds",
    ),
    pytest.param(
        OFFERS,
        each("gpu_ram", lambda mb: mb / 1000),
        "offers[].gpu_ram",
        "too small",
        id="GB for MB",
    ),
    pytest.param(TEMPLATES, "<html>planted-label</html>", "the reply", "HTML", id="a page"),
    pytest.param(VOLUMES, "planted-label", "the reply", "text", id="plain text"),
    pytest.param(
        VOLUMES,
        lambda _: {"success": True, "results": []},
        "volumes",
        "nothing",
        id="an empty list under another name",
    ),
    pytest.param(
        ONE,
        each("HostPort", int),
        "instances.ports.port[].HostPort",
        "a whole number",
        id="a port as a number",
    ),
    pytest.param(
        KEYS, lambda keys: {"ssh_keys": keys}, "the reply", "an object", id="keys in an object"
    ),
    pytest.param(
        TEMPLATES,
        each("extra_filters", lambda text: json.loads(text or "{}")),
        "templates[].extra_filters",
        "an object",
        id="filters as an object",
    ),
    pytest.param(
        ONE,
        lambda body: {"instances": []} if body["instances"] is None else body,
        "instances",
        "a list",
        id="another absence",
    ),
    pytest.param(
        ROOMS, each("storage_cost", str), "offers[].storage_cost", "text", id="room as text"
    ),
    pytest.param(GPUS, each("gpu_names", lambda _: []), "gpu_names", "empty", id="no names"),
    pytest.param(
        OFFERS,
        under("offers", lambda rows: rows[::-1]),
        "order",
        "another order",
        id="the dearest first",
    ),
    pytest.param(
        OFFERS,
        each("reliability2", lambda share: share * 100),
        "offers[].reliability2",
        "too large",
        id="percent for a share",
    ),
    pytest.param(
        "/request_logs", gone("result_url"), "result_url", "nothing", id="no address of a log"
    ),
    pytest.param(
        LIST,
        each("total_instances", lambda count: count + 1),
        "the reply",
        "incomplete_list",
        id="a list that is not whole",
    ),
]


@pytest.mark.parametrize(("path", "drift", "field", "said"), sampled(DRIFTS))
def test_a_drift_is_noticed_and_named(
    doctor: Doctor, vast: Drifting, path: str, drift: Any, field: str, said: str
) -> None:
    """Whatever the client makes of it, what is relied on is no longer so: status 1."""
    vast.drift(path, drift)
    status, told = doctor()
    assert status == 1
    assert [one for one in found(told) if one[0] == field and said in one[1]], found(told)


BENIGN = [
    pytest.param(
        LIST, each("id", lambda one: one, beside={"new_field": {"a": [1]}}), id="a new field"
    ),
    pytest.param(OFFERS, each("id", lambda one: one, beside={"new": None}), id="in offers"),
    pytest.param(USER, lambda body: dict(reversed(body.items())), id="another order of fields"),
    pytest.param(LIST, lambda body: dict(sorted(body.items())), id="sorted fields"),
    pytest.param(LIST, put("gpu_util", None), id="no reading"),
    pytest.param(LIST, put("status_msg", None), id="no message"),
    pytest.param(LIST, gone("ports"), id="no ports yet"),
    pytest.param(ONE, put("ports", None), id="null ports"),
    pytest.param(ONE, gone("volume_info"), id="no volumes"),
    pytest.param(OFFERS, put("external", None), id="null for false"),
    pytest.param(LIST, put("min_bid", 9.75), id="a bid above the price"),
    pytest.param(TEMPLATES, put("extra_filters", None), id="a template without filters"),
    pytest.param(TEMPLATES, lambda body: {**body, "templates_found": None}, id="no count"),
    pytest.param(USER, each("balance", lambda _: 0), id="a whole number of dollars"),
    pytest.param(OFFERS, each("dph_total", lambda usd: usd + 1e-9), id="a sum of floats"),
    pytest.param(VOLUMES, gone("success"), id="no word of success"),
]


@pytest.mark.parametrize(("path", "drift"), sampled(BENIGN))
def test_what_nobody_relies_on_may_change(
    doctor: Doctor, vast: Drifting, path: str, drift: Any
) -> None:
    """A report of what does not matter is read once and never again."""
    vast.drift(path, drift)
    status, told = doctor()
    assert (found(told), status) == ([], 0)


ODD: list[tuple[str, Any]] = [
    ("/template/", put("hash_id", [1])),
    ("/template/", put("hash_id", {})),
    ("/template/", put("extra_filters", "[" * 5000)),
    ("/bundles/", put("dph_total", 10**400)),
    ("/bundles/", put("dph_total", -(10**400))),
    ("/bundles/", put("dph_base", float("nan"))),
    ("/bundles/", put("ask_contract_id", [1])),
    ("/api/v1/instances/", put("dph_total", 10**400)),
    ("/api/v1/instances/", put("id", float("nan"))),
    ("/api/v1/instances/", put("ports", {"": [[]]})),
    ("/api/v1/instances/", put("cur_state", ["running"])),
    ("/volumes/", put("id", "1" * 5000)),
    ("/users/current/", put("credit", float("inf"))),
]


@pytest.mark.parametrize(("path", "drift"), ODD)
def test_whatever_stands_in_a_cell_is_a_difference(
    doctor: Doctor, vast: Drifting, path: str, drift: Any
) -> None:
    """The odder a reply, the more it is worth telling."""
    vast.drift(path, drift)
    status, told = doctor()
    assert status == 1
    assert found(told) != []


# ── what is not asked ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("right", "unasked"),
    [
        ("misc", {"offers", "bids"}),
        ("instance_read", {"machines", "one_row", "no_machine", "volumes"}),
        ("user_read", {"account", "ssh_keys"}),
    ],
)
def test_what_the_key_may_not_read_is_not_asked_and_no_fault(
    doctor: Doctor, world: World, right: str, unasked: set[str]
) -> None:
    """The refusal is compared too: it names the right (docs/vast-api.md I)."""
    world.missing_permissions = {right}
    status, told = doctor()
    assert status == 0
    without = {name for name, said in statuses(told).items() if said == "not asked"}
    assert unasked <= without
    assert {told[name]["why"] for name in without} == {f"the key lacks {right}"}
    assert {told[name]["scope"] for name in without} == {right}


def test_another_right_than_is_known_is_a_difference(
    doctor: Doctor, vast: Drifting, world: World
) -> None:
    """Who makes a key by our list of rights would make one that does not do."""
    world.missing_permissions = {"user_read"}
    vast.refuse("/users/current", "billing_read")
    status, told = doctor()
    assert status == 1
    assert ("its right", "billing_read", "account") in found(told)


@pytest.mark.parametrize(
    ("kind", "told_as"), [("html502", "HTTP 502"), ("too_many_code", "HTTP 429")]
)
def test_a_route_that_fails_for_the_moment_is_not_asked(
    doctor: Doctor, world: World, kind: str, told_as: str
) -> None:
    """It says nothing of what is relied on."""
    for _ in range(9):
        world.faults.add("volumes", kind)
    status, told = doctor()
    assert (status, told["volumes"]["status"]) == (0, "not asked")
    assert told_as in told["volumes"]["why"]


def test_a_route_that_fell_silent_has_no_status(doctor: Doctor, world: World) -> None:
    """The one of the answer before it is not that of the last."""
    for kind in ("html502", *["drop"] * 9):
        world.faults.add("volumes", kind)
    status, told = doctor()
    assert (status, told["volumes"]["status"]) == (0, "not asked")
    assert told["volumes"]["why"] == "unreachable"


def test_a_key_that_vast_does_not_know_ends_the_questions(doctor: Doctor, world: World) -> None:
    """It answers 404 with the words of a wrong key (docs/vast-api.md I): asking on would only
    repeat it.
    """
    world.api_keys = {"another"}
    status, told = doctor()
    assert (status, set(statuses(told).values())) == (1, {"not asked"})
    assert {one["why"] for one in told.values()} == {"the key is not accepted"}
    assert len(world.requests) == 1


# ── the command ────────────────────────────────────────────────────────────────────────────────


def test_without_a_key_nobody_is_asked(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the doctor without the option."""
    assert run(["doctor", "--contract", "--json"]) == 1
    [one] = json.loads(capsys.readouterr().out)["checks"]
    assert (one["name"], one["status"]) == ("key", "fail")


@pytest.mark.processes
def test_in_words_each_check_is_a_line_and_a_difference_says_what_is_relied_on(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """By the command itself, over a network."""
    for name, value in {
        "VAST_URL": url,
        "VAST_API_KEY": KEY,
        "VAST_MCP_TIME_SCALE": "0.01",
    }.items():
        monkeypatch.setenv(name, value)
    assert run(["doctor", "--contract"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^ok +offers +POST /api/v0/bundles/$", out, re.MULTILINE)
    assert re.search(r"^not seen +machines ", out, re.MULTILINE)
    assert ledger(url)["ledger"] == []
    assert KEY not in out
    assert url.removeprefix("http://") not in out


def test_a_difference_is_told_in_words(
    vast: Drifting, settings: Settings, capsys: pytest.CaptureFixture[str], world: World
) -> None:
    """And where it belongs."""
    vast.drift(USER, each("credit", str))
    assert run_contract(settings, vast, "vast-mcp", as_json=False) == 1
    out = capsys.readouterr().out
    assert "credit: text, where $ is relied on" in " ".join(out.split())
    assert "vast-mcp doctor --contract --json" in out.splitlines()[-1]
    assert_names_nothing(out, world)


# ── the contract itself ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "row"),
    [
        (User, relied_on.USER),
        (Offer, relied_on.OFFER),
        (Instance, relied_on.INSTANCE),
        (SshKey, relied_on.SSH_KEY),
        (Template, relied_on.TEMPLATE),
        (Volume, relied_on.VOLUME),
        (VolumeOffer, relied_on.ROOM),
        (PriceIncrease, relied_on.INCREASE),
        (Maintenance, relied_on.MAINTENANCE),
        (Cloud, relied_on.CLOUD),
        (Charge, relied_on.CHARGE),
        (Payment, relied_on.PAYMENT),
        (SpendRate, relied_on.SPEND_RATE),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_a_model_reads_stands_in_the_contract(model: Any, row: Row) -> None:
    """A field that is read and not compared would drift unseen."""
    aliases = {str(one.validation_alias or name) for name, one in model.model_fields.items()}
    aliases -= {"stated"}  # the row itself, for filters of any field
    assert aliases - {*row.needed, *row.nullable, *row.spare} == set()
