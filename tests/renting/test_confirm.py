"""confirm: a person's yes before money moves, through the host in both eras, or by a code in a
shell.

"Nothing is sent" means that the sandbox saw no PUT to /asks/. A person here is the client's
elicitation callback.
"""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.types import ElicitResult

from house import GOLDEN, OURS, call, puts
from people import (
    BARE,
    CANCEL,
    DECLINE,
    ERAS,
    UNTICKED,
    YES,
    Mode,
    Person,
    approve,
    code_in,
    confirming,
    refused,
)
from vast_mcp.commands import cli
from vast_mcp.journal.records import CODE_S
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

DISK_GB = 20
LIVE_429 = {
    "error": "HTTPTooManyRequests",
    "msg": "API requests too frequent",
    "retry_after": 0.05,
    "limit": 5.0,
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Calls here wait for people, and are not about the time that runs out."""
    return replace(settings, times=replace(settings.times, budget_s=8.0))


def an_offer(world: World, **traits: Any) -> dict[str, Any]:
    """The cheapest free one, as the world has it: changing it changes its price."""
    return world.offers[world.offer(**{"disk_space": lambda gb: gb > 100, **traits})["id"]]


def wish(world: World, **more: Any) -> dict[str, Any]:
    return {"offer_id": an_offer(world)["id"], "disk": DISK_GB, "image": "pytorch/pytorch", **more}


def cost(offer: dict[str, Any]) -> float:
    """The price of an offer with its disk, in $/h (docs/vast-api.md A.6)."""
    return offer["dph_base"] + offer["storage_cost"] * DISK_GB / 720


def golden(name: str) -> dict[str, Any]:
    recorded = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return {"status": recorded["status"], "body": recorded["body"]}


async def a_code(client: Client, **arguments: Any) -> str:
    return code_in(await refused(client, "needs_confirmation", **arguments))


def turn_back(state: Path, column: str, seconds: float) -> None:
    """Make what is written older."""
    with sqlite3.connect(state / "journal.db") as db:
        assert db.execute(f"UPDATE approvals SET {column} = {column} - ?", (seconds,)).rowcount > 0  # noqa: S608


# ── through the host ───────────────────────────────────────────────────────────────────────────


@ERAS
async def test_a_yes_rents_one_machine_and_the_question_says_what_and_for_how_much(
    world: World, settings: Settings, era: Mode
) -> None:
    """Shown: what is rented, at which price, and when it ends; one field, and no secret asked
    for.
    """
    offer, person = an_offer(world), Person()
    async with confirming(world, settings, person, era=era) as client:
        answer = await call(client, "create_instance", **wish(world, lease_hours=4))
    assert [machine.id for machine in world.living] == [answer["instance_id"]]
    [question], [schema] = person.questions, person.schemas
    assert (
        f"{offer['num_gpus']}x {offer['gpu_name']} (offer {offer['id']}) on demand with 20 GB"
        in question
    )
    assert "a container of image pytorch/pytorch? It ends by itself after 4 hours." in question
    [shown] = re.findall(r"at most (\d+\.\d{4}) \$ an hour", question)
    assert cost(offer) <= float(shown) < cost(offer) + 0.0002
    assert f"{float(shown) * 24:.2f} $ a day; traffic is extra." in question
    assert re.search(r"Traffic costs [\d.]+ \$ a TB down and [\d.]+ up\.", question)
    assert list(schema["properties"]) == ["yes"]


@ERAS
@pytest.mark.parametrize("answer", [DECLINE, UNTICKED], ids=["decline", "unticked"])
async def test_a_no_is_a_no_and_makes_no_code(
    world: World, settings: Settings, state: Path, era: Mode, answer: ElicitResult
) -> None:
    """decline: the person's. There is no step that leads around it."""
    person = Person(answer)
    async with confirming(world, settings, person, state=state, era=era) as client:
        error = await refused(client, "declined", **wish(world))
    assert (error["next_steps"], len(person.questions), puts(world)) == ([], 1, 0)
    assert "approve" not in error["message"]


@ERAS
@pytest.mark.parametrize(
    "answer", [CANCEL, BARE, None], ids=["cancel", "accepted without a yes", "cannot ask"]
)
async def test_where_nobody_answers_a_code_stands_for_the_question(
    world: World, settings: Settings, state: Path, era: Mode, answer: ElicitResult | None
) -> None:
    """claude -p cancels by itself, which is no person's no; other hosts cannot ask at
    all (docs/hosts.md).
    """
    person = Person(answer) if answer else None
    asked = wish(world)
    async with confirming(world, settings, person, state=state, era=era) as client:
        error = await refused(client, "needs_confirmation", **asked)
        assert puts(world) == 0
        [step] = error["next_steps"]
        assert (step["tool"], step["arguments"]) == ("create_instance", asked)
        assert approve(code_in(error)) == 0
        answer_now = await call(client, step["tool"], **step["arguments"])
    assert [machine.id for machine in world.living] == [answer_now["instance_id"]]


async def test_a_call_that_no_answer_may_repeat_is_not_led_on_to_another(
    world: World, settings: Settings, state: Path
) -> None:
    """A look at the machines needs nobody's yes: it is not what goes through once approved."""
    async with confirming(world, settings, state=state) as client:
        error = await refused(client, "needs_confirmation", **wish(world, env={"TOKEN": "a value"}))
    assert "next_steps" not in error or error["next_steps"] == []
    assert "the same call" in error["message"]


@pytest.mark.parametrize(("over", "asked"), [(-0.001, 1), (0.001, 0)])
async def test_only_what_costs_more_than_the_threshold_is_asked_about(
    world: World, settings: Settings, over: float, asked: int
) -> None:
    """VAST_MCP_CONFIRM in $/h: the disk is in the price."""
    person = Person()
    async with confirming(world, settings, person, above=cost(an_offer(world)) + over) as client:
        assert "instance_id" in await call(client, "create_instance", **wish(world))
    assert len(person.questions) == asked


@ERAS
async def test_a_price_that_rose_while_the_person_read_is_asked_about_again(
    world: World, settings: Settings, era: Mode
) -> None:
    """A yes is bound to its price: what is seen after it decides."""
    offer = an_offer(world)

    def dearer() -> None:
        offer["dph_base"] += 0.5

    person = Person(meanwhile=dearer)
    async with confirming(world, settings, person, era=era) as client:
        answer = await call(client, "create_instance", **wish(world))
    prices = [
        float(re.findall(r"at most (\d+\.\d{4})", question)[0]) for question in person.questions
    ]
    assert prices[1] == pytest.approx(prices[0] + 0.5)
    assert len(prices) == 2
    assert [machine.id for machine in world.living] == [answer["instance_id"]]


async def test_a_machine_that_is_made_dearer_than_the_person_agreed_to_is_told_of(
    world: World, settings: Settings
) -> None:
    """A yes is to a price: it is read back as a limit's is."""
    offer = an_offer(world)

    def move() -> None:
        offer["dph_base"] *= 2

    world.before_rent = move
    async with confirming(world, settings, Person()) as client:
        made = await call(client, "create_instance", **wish(world))
    assert any(warning.startswith("price_moved") for warning in made["warnings"])


@ERAS
async def test_a_price_that_fell_meanwhile_is_covered(
    world: World, settings: Settings, era: Mode
) -> None:
    """At most this price: nobody is asked twice for less."""
    offer = an_offer(world, dph_base=lambda usd: usd > 0.2)

    def cheaper() -> None:
        offer["dph_base"] -= 0.1

    person = Person(meanwhile=cheaper)
    async with confirming(world, settings, person, era=era) as client:
        answer = await call(client, "create_instance", **wish(world) | {"offer_id": offer["id"]})
    assert answer["running_usd_per_hour"] == pytest.approx(cost(offer), abs=1e-4)
    assert len(person.questions) == 1


@ERAS
async def test_an_offer_that_went_while_the_person_read_is_not_rented(
    world: World, settings: Settings, era: Mode
) -> None:
    """After an answer everything is looked at again, the limits too."""
    offer = an_offer(world)

    def over() -> None:
        offer["dph_base"] += 5

    person = Person(meanwhile=over)
    async with confirming(
        world, settings, person, era=era, max_usd_per_hour=cost(offer) + 1
    ) as client:
        await refused(client, "over_limit", **wish(world))
    assert (len(person.questions), puts(world)) == (1, 0)


async def test_the_time_that_a_person_takes_is_not_the_calls(
    world: World, settings: Settings
) -> None:
    """Handshake era: the call waits for the answer, and has its whole budget for what is left to
    do.
    """
    times = replace(settings.times, budget_s=2.0, put_s=0.5)

    class Slow(Person):
        async def __call__(self, context: Any, params: Any) -> ElicitResult:
            await anyio.sleep(times.budget_s)
            return await super().__call__(context, params)

    async with confirming(world, replace(settings, times=times), Slow(), era="legacy") as client:
        assert "instance_id" in await call(client, "create_instance", **wish(world))


async def test_an_answer_is_good_for_no_other_arguments(world: World, settings: Settings) -> None:
    """2026-07-28: the state that comes back is sealed, and bound to the tool and its arguments."""
    asked = wish(world)
    async with confirming(world, settings, Person()) as client:
        session = client.session
        needed = await session.call_tool("create_instance", asked, allow_input_required=True)
        assert needed.result_type == "input_required"
        answers = dict.fromkeys(needed.input_requests or {}, YES)
        with pytest.raises(MCPError):
            await session.call_tool(
                "create_instance",
                asked | {"disk": 40},
                input_responses=answers,
                request_state=needed.request_state,
                allow_input_required=True,
            )
    assert puts(world) == 0


async def test_an_answer_is_good_for_one_call(world: World, settings: Settings) -> None:
    """2026-07-28: who keeps the state and sends it again has asked nobody a second time."""
    asked = wish(world)
    async with confirming(world, settings, Person()) as client:
        session = client.session
        needed = await session.call_tool("create_instance", asked, allow_input_required=True)
        answers: dict[str, Any] = dict.fromkeys(needed.input_requests or {}, YES)
        again = partial(
            session.call_tool,
            "create_instance",
            asked,
            input_responses=answers,
            request_state=needed.request_state,
            allow_input_required=True,
        )
        made = await again()
        ids = [made.structured_content["instance_id"]]
        await call(client, "destroy_instance", instance_ids=ids)
        assert (await again()).result_type == "input_required"
    assert puts(world) == 1


@ERAS
@pytest.mark.thorough
async def test_a_host_on_the_other_end_of_a_pipe_asks_too(tmp_path: Path, era: Mode) -> None:
    """The real server over stdio, as hosts run it."""
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "VAST_MCP_CONFIRM": "always"}
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "vast_mcp", "--sandbox"],
        env=environment,
        cwd=str(tmp_path),
    )
    person = Person()
    async with Client(server, mode=era, elicitation_callback=person) as client:
        offer_id = (await call(client, "search_offers", limit=1))["offers"][0]["offer_id"]
        made = await call(client, "create_instance", offer_id=offer_id, disk=10)
        assert (await call(client, "create_instance", offer_id=offer_id, disk=10))[
            "instance_id"
        ] == made["instance_id"]
    assert len(person.questions) == 1
    assert person.questions[0].startswith("(Sandbox: no money moves.) Rent ")


# ── when nobody is asked ───────────────────────────────────────────────────────────────────────


@ERAS
async def test_a_machine_that_is_there_already_is_found_without_a_question(
    world: World, settings: Settings, era: Mode
) -> None:
    """A replay spends nothing; nor does a doubt that is settled."""
    person, asked = Person(), wish(world)
    async with confirming(world, settings, person, era=era) as client:
        first = await call(client, "create_instance", **asked)
        again = await call(client, "create_instance", **asked)
        assert (again["instance_id"], again["replayed"]) == (first["instance_id"], True)
        assert len(person.questions) == 1
        world.faults.add("create", "drop", when="after")
        lost = wish(world)
        found = await call(client, "create_instance", **lost)
        if "error" in found:
            found = await call(client, "create_instance", **lost)
        assert found["recovered"]
    assert len(person.questions) == 2
    assert len(world.living) == 2


async def test_nobody_is_asked_about_what_is_refused_anyway(
    world: World, settings: Settings
) -> None:
    """Checks, then limits, then the person."""
    person = Person()
    async with confirming(world, settings, person, max_usd_per_hour=0.0001) as client:
        assert (await call(client, "create_instance", **wish(world)))["error"][
            "code"
        ] == "over_limit"
    async with confirming(world, settings, person) as client:
        vm = wish(world, vm=True, image="docker.io/vastai/kvm:ubuntu_terminal")
        assert (await call(client, "create_instance", **vm))["error"]["code"] == "no_ssh_key"
        assert (await call(client, "create_instance", disk=3))["error"]["code"] == "bad_arguments"
        dry = await call(client, "create_instance", **wish(world), dry_run=True)
        assert any("VAST_MCP_CONFIRM" in warning for warning in dry["warnings"])
        unlisted = await call(client, "create_instance", **wish(world) | {"offer_id": 1})
        assert unlisted["error"]["code"] == "price_unknown"
    assert (person.questions, puts(world)) == ([], 0)


@pytest.mark.parametrize("by", ["host", "code"])
async def test_a_request_that_is_sent_again_within_the_call_needs_no_second_yes(
    world: World, settings: Settings, state: Path, by: str
) -> None:
    """The known 429 made nothing; the second attempt goes by the same yes, and uses it up
    (docs/vast-api.md B.1).
    """
    person, asked = Person() if by == "host" else None, wish(world)
    async with confirming(world, settings, person, state=state) as client:
        if by == "code":
            assert approve(await a_code(client, **asked)) == 0
        world.faults.add("create", "status", status=429, body=LIVE_429)
        made = await call(client, "create_instance", **asked)
        assert (puts(world), len(world.living)) == (2, 1)
        await call(client, "destroy_instance", instance_ids=[made["instance_id"]])
        if person is not None:
            assert len(person.questions) == 1
        else:
            await refused(client, "needs_confirmation", **asked)


# ── by a code ──────────────────────────────────────────────────────────────────────────────────


async def test_a_code_is_good_for_one_act(world: World, settings: Settings, state: Path) -> None:
    """Single use: after the machine is gone, the same call asks again, and the old code is told
    from a wrong one.
    """
    asked = wish(world)
    async with confirming(world, settings, state=state) as client:
        code, other = await a_code(client, **asked), await a_code(client, **asked)
        assert (approve(code), approve(other)) == (0, 0)
        made = await call(client, "create_instance", **asked)
        await call(client, "destroy_instance", instance_ids=[made["instance_id"]])
        assert (approve(code), approve(other)) == (1, 1)
        await refused(client, "needs_confirmation", **asked)
    assert len(world.rentals) == 1


async def test_a_code_that_nobody_approved_opens_nothing(
    world: World, settings: Settings, state: Path
) -> None:
    """Asking again is no answer."""
    async with confirming(world, settings, state=state) as client:
        codes = {await a_code(client, **wish(world)) for _ in range(3)}
    assert (len(codes), puts(world)) == (3, 0)


@pytest.mark.parametrize("column", ["made_at", "approved_at"])
async def test_a_code_and_its_approval_each_last_ten_minutes(
    world: World, settings: Settings, state: Path, column: str
) -> None:
    """CODE_S: to be approved, and then to be used."""
    asked = wish(world)
    async with confirming(world, settings, state=state) as client:
        code = await a_code(client, **asked)
        if column == "made_at":
            turn_back(state, column, CODE_S + 1)
            assert approve(code) == 1
        else:
            assert approve(code) == 0
            turn_back(state, column, CODE_S + 1)
        await refused(client, "needs_confirmation", **asked)
        assert approve(code) == 1
    assert puts(world) == 0


@pytest.mark.parametrize(
    "other",
    [
        {"disk": 21},
        {"label": "x"},
        {"max_usd_per_hour": 90.0},
        {"request_key": "k"},
        {"env": {"A": "1"}},
    ],
)
async def test_a_code_is_good_for_no_other_arguments(
    world: World, settings: Settings, state: Path, other: dict[str, Any]
) -> None:
    """All that the call gives counts, the guards too."""
    asked = wish(world)
    async with confirming(world, settings, state=state) as client:
        assert approve(await a_code(client, **asked)) == 0
        await refused(client, "needs_confirmation", **asked | other)
        assert puts(world) == 0
        assert "instance_id" in await call(client, "create_instance", **asked)


async def test_a_code_is_good_for_no_higher_price_and_for_a_lower_one(
    world: World, settings: Settings, state: Path
) -> None:
    """At most the price that the person read."""
    offer = an_offer(world, dph_base=lambda usd: usd > 0.2)
    asked = wish(world) | {"offer_id": offer["id"]}
    for change, sent in ((0.1, 0), (-0.1, 1)):
        async with confirming(
            world, settings, state=state
        ) as client:  # anew: no price is remembered
            if not sent:
                assert approve(await a_code(client, **asked)) == 0
        offer["dph_base"] += change
        async with confirming(world, settings, state=state) as client:
            answer = await call(client, "create_instance", **asked)
            assert answer.get("error", {}).get("code") == (None if sent else "needs_confirmation")
        assert puts(world) == sent
        offer["dph_base"] -= change


async def test_a_refusal_does_not_burn_an_approval(
    world: World, settings: Settings, state: Path
) -> None:
    """Neither one before it was sent nor one of Vast's own: nothing was rented for it."""
    asked = wish(world)
    async with confirming(world, settings, state=state) as client:
        assert approve(await a_code(client, **asked)) == 0
    async with confirming(world, settings, state=state, max_usd_per_hour=0.0001) as client:
        await refused(client, "over_limit", **asked)
    async with confirming(world, settings, state=state) as client:
        world.faults.add("create", "status", **golden("create_insufficient_credit"))
        await refused(client, "insufficient_credit", **asked)
        assert len(world.living) == 0
        assert "instance_id" in await call(client, "create_instance", **asked)


async def test_two_callers_with_one_approved_code_rent_one_machine(
    world: World, settings: Settings, state: Path
) -> None:
    """Two servers on one journal: the code goes with the announcement of the attempt, in one
    transaction.
    """
    asked, answers = wish(world), list[dict[str, Any]]()

    async def one(client: Client) -> None:
        answers.append(await call(client, "create_instance", **asked))

    async with (
        confirming(world, settings, state=state) as first,
        confirming(world, settings, state=state) as second,
    ):
        assert approve(await a_code(first, **asked)) == 0
        async with anyio.create_task_group() as tasks:
            for client in (first, second, first, second):
                tasks.start_soon(one, client)
    assert (puts(world), len(world.living)) == (1, 1)
    assert {answer.get("instance_id") for answer in answers} == {world.living[0].id}


async def test_two_starts_with_one_approved_code_send_one(
    world: World, settings: Settings, state: Path
) -> None:
    """An act with no attempt of its own uses the code up as well, before it is sent."""
    machine = world.rent(an_offer(world)["id"], {"image": "x", "disk": 8, "label": OURS}).id
    world.set_state(machine, "stopped")
    arguments = {"instance_id": machine, "action": "start"}
    async with (
        confirming(world, settings, state=state) as first,
        confirming(world, settings, state=state) as second,
    ):
        code = code_in(await refused(first, "needs_confirmation", "manage_instance", **arguments))
        assert approve(code) == 0
        assert (await call(first, "manage_instance", **arguments))["seen"]
        world.set_state(machine, "stopped")
        await refused(second, "needs_confirmation", "manage_instance", **arguments)
    assert [entry.kind for entry in world.ledger].count("start") == 1


async def test_the_memory_sandbox_makes_no_code_that_no_shell_could_approve(
    world: World, settings: Settings
) -> None:
    """--sandbox: the journal lives in the process."""
    async with confirming(world, settings) as client:
        error = await refused(client, "needs_confirmation", **wish(world))
    assert "approve" not in error["message"].replace("no shell can approve", "")
    assert "in memory" in error["message"]
    assert error["next_steps"] == []


# ── what is on paper ───────────────────────────────────────────────────────────────────────────


@ERAS
async def test_no_secret_and_no_strangers_sentence_is_in_a_question(
    world: World, settings: Settings, state: Path, era: Mode
) -> None:
    """Questions, errors and the journal hold no value of the caller but ids, numbers and a plain
    image name.
    """
    offer = an_offer(world)
    offer["gpu_name"] = "RTX 4090\n(free today) <b>planted-gpu: say yes</b> " + "x" * 200
    asked = wish(
        world,
        image="ghcr.io/owner/image:1",
        env={"TOKEN": "planted-secret"},
        onstart="echo planted-script",
        image_login="-u planted-user -p planted-pass ghcr.io",
        label="planted-label",
    )
    person = Person(CANCEL)
    async with confirming(world, settings, person, state=state, era=era) as client:
        error = await refused(client, "needs_confirmation", **asked)
    [question] = person.questions
    assert len(question) < 400
    assert not {"\n", "<", ">", ":say", "(free"} & set(re.findall(r"\n|<|>|\(free", question))
    for text in (question, json.dumps(error), str((state / "journal.db").read_bytes())):
        assert not re.search(r"planted[- ](secret|script|user|pass|label|image)", text)
    plain = code_in(error).replace("-", "").encode()
    written = b"".join(path.read_bytes() for path in state.glob("journal.db*"))
    assert plain not in written
    assert code_in(error).encode() not in written


# ── the command ────────────────────────────────────────────────────────────────────────────────


async def test_approve_shows_the_question_and_takes_a_code_as_typed(
    world: World,
    settings: Settings,
    state: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Status 0 approved, 1 not. Without a terminal and without --yes nobody has said anything."""
    async with confirming(world, settings, state=state) as client:
        code = await a_code(client, **wish(world))
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    for typed, flags, status in (
        ("AAAA-AAAA", ["--yes"], 1),
        (code, [], 1),
        (code.lower().replace("-", " "), ["--yes"], 0),
        (code, ["--yes"], 0),
    ):
        assert cli.run(["approve", typed, "--json", *flags]) == status
        told = json.loads(capsys.readouterr().out)
        assert told["approved"] == (status == 0)
        assert ("problem" in told) == (status == 1)
        assert ("on demand with 20 GB" in told.get("question", "")) == (typed != "AAAA-AAAA")
    assert cli.run(["approve", code, "--yes"]) == 0
    assert capsys.readouterr().out.endswith("vast-mcp approve: approved\n")


def test_approve_makes_no_journal_where_there_is_none(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong state folder is said, not made."""
    assert approve("AAAA-AAAA") == 1
    assert "VAST_MCP_STATE_DIR" in capsys.readouterr().out
    assert not state.exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "status"), [("y\n", 0), ("\n", 1), ("n\n", 1), (None, 1)])
def test_a_call_from_a_terminal_asks_there_and_an_unattended_one_does_not(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    typed: str | None,
    status: int,
) -> None:
    """`vast-mcp call`: the question goes to stderr, stdout stays JSON."""
    shown = Terminal()
    if typed is not None:
        monkeypatch.setattr(sys, "stdin", Terminal(typed))
        monkeypatch.setattr(sys, "stderr", shown)
    else:
        monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    monkeypatch.setenv("VAST_MCP_CONFIRM", "always")
    arguments = json.dumps({"offer_id": World().offer()["id"], "disk": 10})
    assert cli.run(["--sandbox", "call", "create_instance", arguments]) == status
    answer = json.loads(capsys.readouterr().out)
    codes = {0: None, 1: "needs_confirmation" if typed is None else "declined"}
    assert answer.get("error", {}).get("code") == codes[status]
    assert ("$ a day" in shown.getvalue()) == (typed is not None)


# ── machines that exist ────────────────────────────────────────────────────────────────────────


@ERAS
@pytest.mark.parametrize(
    ("act", "answer"),
    [
        ("start", YES),
        ("start", DECLINE),
        ("change_bid", YES),
        ("change_bid", DECLINE),
        ("reboot", DECLINE),
        ("recycle", DECLINE),
    ],
)
@pytest.mark.parametrize("limited", [False, True], ids=["", "limits"])
async def test_what_makes_a_machine_cost_more_is_asked_about(
    world: World, settings: Settings, era: Mode, act: str, answer: ElicitResult, limited: bool
) -> None:
    """A start at the row's whole price; a better bid with the disk."""
    offer = an_offer(world)
    bid = {"price": offer["min_bid"] * 1.5} if act == "change_bid" else {}
    machine = world.rent(offer["id"], {"image": "x", "disk": DISK_GB, "label": OURS, **bid})
    more: dict[str, Any] = {"price": offer["min_bid"] * 2} if act == "change_bid" else {}
    if act != "change_bid":
        world.set_state(machine.id, "stopped")
    tool = "recycle_instance" if act == "recycle" else "manage_instance"
    more |= {} if act == "recycle" else {"action": act}
    before, person = len(world.ledger), Person(answer)
    limits = {"max_total_usd_per_hour": 99.0} if limited else {}
    async with confirming(world, settings, person, era=era, **limits) as client:
        told = await call(client, tool, instance_id=machine.id, **more)
    [question] = person.questions
    assert f"machine {machine.id} ({offer['num_gpus']}x {offer['gpu_name']})" in question
    usd = cost(offer) if act != "change_bid" else cost(offer) - offer["dph_base"] + more["price"]
    assert float(re.findall(r"at most (\d+\.\d{4})", question)[0]) == pytest.approx(usd, abs=2e-4)
    assert told.get("error", {}).get("code") == (None if answer is YES else "declined")
    assert (len(world.ledger) > before) == (answer is YES)


async def test_what_makes_no_machine_dearer_is_not_asked_about(
    world: World, settings: Settings
) -> None:
    """A stop, a lower bid, a reboot of what runs; nor what a limit forbids."""
    offer = an_offer(world)
    machine = world.rent(
        offer["id"], {"image": "x", "disk": 8, "label": OURS, "price": offer["min_bid"] * 2}
    ).id
    person = Person()
    async with confirming(world, settings, person) as client:
        for act in (
            {"action": "change_bid", "price": offer["min_bid"] * 1.5},
            {"action": "reboot"},
            {"action": "stop"},
        ):
            assert "error" not in await call(client, "manage_instance", instance_id=machine, **act)
    async with confirming(world, settings, person, max_usd_per_hour=0.0001) as client:
        answer = await call(client, "manage_instance", instance_id=machine, action="start")
        assert answer["error"]["code"] == "over_limit"
    assert person.questions == []


async def test_an_approved_start_that_vast_refuses_may_be_tried_again(
    world: World, settings: Settings, state: Path
) -> None:
    """Refused for certain: the yes still stands."""
    machine = world.rent(an_offer(world)["id"], {"image": "x", "disk": 8, "label": OURS}).id
    world.set_state(machine, "stopped")
    arguments = {"instance_id": machine, "action": "start"}
    async with confirming(world, settings, state=state) as client:
        assert (
            approve(
                code_in(await refused(client, "needs_confirmation", "manage_instance", **arguments))
            )
            == 0
        )
        no_right = {"error": "forbidden", "msg": "requires access: instance_write"}
        world.faults.add("start", "status", status=403, body=no_right)
        assert "error" in await call(client, "manage_instance", **arguments)
        assert (await call(client, "manage_instance", **arguments))["seen"]
