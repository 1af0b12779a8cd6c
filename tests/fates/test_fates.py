"""Every tool, on every kind of machine, after everything that can become of one: what it costs now
is what its meter runs at, the ways in are whole, and one sensible call comes first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from expected import END, FIRST, SEARCH, WAIT, first_of
from house import sampled
from standings import FATES_HERE, Standing, row_of_table, standing
from vast_mcp.settings import Settings

ROWS = sampled(row_of_table(), every=9)
BUSY_S = 60  # what a busy machine may be late by
NEAR = 0.00002  # $/h: answers round to five places

SHELL = {"ssh", "rsync", "rsync_down", "scp", "scp_down"}
# What each kind of rental was made to be entered by.
WAYS: dict[str, set[str]] = {
    "ssh": SHELL,
    "jupyter": SHELL | {"ports", "jupyter_url"},
    "port": {"ports"},
    "bare": set(),
    "vm": SHELL,
    "bid": SHELL,
    "leased": SHELL,
}

Answer = dict[str, Any]

# What works on a machine, where it can be entered; who runs these has no key here.
WORK: dict[str, Answer] = {
    "run_command": {"command": "true"},
    "show_jobs": {},
    "check_machine": {},
}


def steps_of(answer: Answer) -> list[Answer]:
    return answer.get("error", answer).get("next_steps", [])


def named(step: Answer) -> str:
    """A step by its tool, and its action where it has one."""
    action = step["arguments"].get("action")
    return step["tool"] if action is None else f"{step['tool']} {action}"


def check_price(at: Standing, answer: Answer) -> None:
    """What an answer says that it bills now is what its meter runs at. Of what a host that is not
    heard from bills the row says nothing: that counts as billing.
    """
    now = answer["usd_per_hour"]
    if at.status == "unknown":
        assert now >= at.metered - NEAR
    else:
        assert now == pytest.approx(at.metered, abs=NEAR)
    assert answer.get("running_usd_per_hour", now) >= now - NEAR
    assert answer["stopped_usd_per_hour"] == pytest.approx(disk_of(at), abs=NEAR)


def disk_of(at: Standing) -> float:
    return at.world.instances[at.instance_id].disk_rate


def check_access(at: Standing, answer: Answer) -> None:
    """Every way in that the row has is there."""
    access = answer.get("access") or {}
    lacking = {way for way in WAYS[at.kind] if not access.get(way)}
    assert not lacking, access


def check_first(answer: Answer, *expected: str) -> None:
    """One call comes first. Who is to end a machine is told where to find another."""
    first, *others = [named(step) for step in steps_of(answer)]
    assert first in expected
    assert others == [SEARCH] if first == END else END not in others


def test_the_table_has_every_fate() -> None:
    """A fate without a line would pass whatever is said of it."""
    assert set(FIRST) == set(FATES_HERE)
    assert len(FATES_HERE) >= 25


@pytest.mark.parametrize(("fate", "kind"), ROWS)
async def test_every_tool_tells_the_truth_of_a_machine(
    settings: Settings, tmp_path: Path, fate: str, kind: str
) -> None:
    """Looks agree with the meter and with each other; the first call is the table's."""
    async with standing(fate, kind, settings, tmp_path) as at:
        await check_made(at)
        if not at.lives:
            await check_gone(at)
            return
        one = await check_one(at)
        await check_list(at, one)
        await check_account(at)
        await check_wait(at)
        await check_others(at)


@pytest.mark.parametrize(("fate", "kind"), sampled(row_of_table(), every=23))
async def test_nobody_is_sent_to_end_a_machine_at_which_nobody_looked(
    settings: Settings, tmp_path: Path, fate: str, kind: str
) -> None:
    """It may have run for an hour, and hold somebody's work: but for one that no host ever took
    up, which says so itself.
    """
    async with standing(fate, kind, settings, tmp_path, watched=False) as at:
        answers = [
            await at.call("show_instance", **at.machine),
            await at.call("show_instances"),
            await at.call("wait_for_instance", timeout_s=1, **at.machine),
        ]
        steps = [named(step) for answer in answers for step in steps_of(answer)]
        assert steps
        assert at.status is None or END not in steps


async def check_made(at: Standing) -> None:
    """The answer that rented it."""
    assert at.made["next_steps"][0]["tool"] == "wait_for_instance"
    assert at.made["next_steps"][0]["arguments"] == at.machine
    assert END not in [named(step) for step in steps_of(at.made)]


async def check_gone(at: Standing) -> None:
    """A machine that is no longer shown bills nothing, and nobody is sent to end it."""
    look = await at.call("show_instance", **at.machine)
    assert look["error"]["code"] == "no_such_instance"
    verdict = await at.call("wait_for_instance", timeout_s=3, **at.machine)
    check_first(look, *first_of(at.fate, at.kind))
    check_first(verdict, *first_of(at.fate, at.kind)[1:])
    assert (await at.call("show_account"))["total_usd_per_hour"] == 0


async def check_one(at: Standing) -> Answer:
    answer = await at.call("show_instance", **at.machine)
    check_price(at, answer)
    check_first(answer, *first_of(at.fate, at.kind))  # the looks before may have been enough
    if at.status == "running":
        check_access(at, answer)
    if at.kind == "leased":
        assert answer["lease_left_hours"] == pytest.approx(5, abs=6)
        assert answer["watchdog"] in {"seen", "not_seen"}
    check_asked(at, answer["asked"])
    return answer


def check_asked(at: Standing, asked: Answer) -> None:
    """What is needed to ask for the same again is told, and no value of a variable."""
    launch = at.world.instances[at.instance_id].launch
    assert {asked.get("image"), asked.get("untrusted_image")} & {launch.image}
    ports = {port for port, _ in launch.ports if port not in {"22/tcp", "8080/tcp"}}
    assert ports <= set(asked.get("ports") or [])


AGREES = ("state", "phase", "usd_per_hour", "stopped_usd_per_hour", "lease_left_hours")


def agreed(answer: Answer) -> Answer:
    """What both say. A row leaves out what a stopped machine bills where it bills that now."""
    told = {"stopped_usd_per_hour": answer["usd_per_hour"], **answer}
    return {name: told.get(name) for name in AGREES}


async def check_list(at: Standing, one: Answer) -> None:
    """A list says of it what a look at it says: the one before, or one after, since time passes
    between, and a host may say something else at every look.
    """
    answer = await at.call("show_instances")
    [row] = answer["instances"]
    later = [await at.call("show_instance", **at.machine) for _ in range(2)]
    assert agreed(row) in map(agreed, (one, *later))
    if at.status != "unknown":
        assert answer["total_usd_per_hour"] == pytest.approx(at.world.metered(), abs=NEAR)
    assert steps_of(answer)


async def check_account(at: Standing) -> None:
    answer = await at.call("show_account")
    if at.status != "unknown":
        assert answer["total_usd_per_hour"] == pytest.approx(at.world.metered(), abs=NEAR)
        assert sum(answer["of_which"].values()) == pytest.approx(at.world.metered(), abs=NEAR)
    if at.status != "offline":
        assert answer["if_all_stopped_usd_per_hour"] == pytest.approx(disk_of(at), abs=NEAR)


async def check_wait(at: Standing) -> None:
    patience = 1 if at.fate == "pulls" else 3
    answer = await at.call("wait_for_instance", timeout_s=patience, **at.machine)
    check_price(at, answer)
    check_first(answer, *first_of(at.fate, at.kind)[1:])
    if answer["state"] == "ready":
        check_access(at, answer)
    assert 0 <= answer["waited_s"] <= patience + BUSY_S


async def check_others(at: Standing) -> None:
    """Every other tool leads on, and to the end of what never ran at most; what an act is said to
    come to is what the meter runs at.
    """
    again = await at.call("create_instance", offer_id=at.offer_id, **at.asked)
    assert again["instance_id"] == at.instance_id
    check_leads_on(at, again)
    check_leads_on(at, await at.call("show_logs", **at.machine))
    for tool, arguments in WORK.items():
        check_leads_on(at, await at.call(tool, **at.machine, **arguments))
    for action in actions_of(at):
        answer = await at.call("manage_instance", **at.machine, **action)
        check_leads_on(at, answer)
        if "error" not in answer and answer.get("seen"):
            check_price(at, answer)
            check_act(answer)
    check_leads_on(at, await at.call("recycle_instance", **at.machine))
    for tool in ("show_volumes", "show_ssh_keys", "search_offers", "search_templates"):
        assert END not in map(named, steps_of(await at.call(tool)))
    ended = await at.call("destroy_instance", instance_ids=[at.instance_id])
    assert not at.lives
    assert named(steps_of(ended)[0]) == "show_account"
    assert at.world.metered() == 0


def check_leads_on(at: Standing, answer: Answer) -> None:
    steps = [named(step) for step in steps_of(answer)]
    assert steps, answer
    assert END not in steps or END in first_of(at.fate, at.kind)


def check_act(answer: Answer) -> None:
    """What was started is waited for; what was stopped is one bill less."""
    after = {"stop": "show_account", "start": WAIT}
    first = named(steps_of(answer)[0])
    assert first == after.get(answer["action"], first)


def actions_of(at: Standing) -> list[Answer]:
    """Everything that can be done with it, the way back included."""
    actions: list[Answer] = [
        {"action": "label", "label": "mine"},
        {"action": "extend_lease", "lease_hours": 9},
        {"action": "reboot"},
        {"action": "stop"},
        {"action": "start"},
    ]
    if at.kind == "bid":
        floor = at.world.instances[at.instance_id].offer["min_bid"]
        actions.insert(2, {"action": "change_bid", "price": round(floor * 2, 4)})
    return actions
