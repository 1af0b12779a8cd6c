"""reserve: money is paid ahead once, with a person's yes, and a lost answer is settled by the
balance.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import OURS, an_offer, call, served
from people import CANCEL, DECLINE, ERAS, YES, Mode, Person, approve, code_in
from vast_mcp.host.server import build
from vast_mcp.journal import Journal
from vast_mcp.journal.deposits import Deposit
from vast_mcp.renting.deposits import judged
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Limits, Settings
from vast_mcp.vast.rates import Deposited
from vast_mcp_tools import CATALOGUE

DAY = 86_400


@pytest.fixture
def world() -> World:
    return World(credit=100.0)


@pytest.fixture
def machine(world: World) -> int:
    """A machine of ours that runs, of a contract with months to go."""
    offer = an_offer(world, dph_base=lambda usd: usd > 0.1)
    world.offers[offer["id"]] |= {
        "end_date": world.now + 200 * DAY,
        "credit_discount_max": 0.4,
    }
    made = world.rent(offer["id"], {"image": "a/b", "disk": 20, "label": OURS}).id
    for _ in range(3):
        world.show(made)
    return made


async def reserve(client: Client, machine: int, usd: float = 10.0, **more: Any) -> dict[str, Any]:
    return await call(
        client, "manage_instance", instance_id=machine, action="reserve", amount_usd=usd, **more
    )


def paid(world: World) -> list[float]:
    return [entry.detail["usd"] for entry in world.ledger if entry.kind == "prepay"]


@ERAS
async def test_a_person_is_asked_whatever_the_settings_say_and_told_what_is_lost(
    world: World, settings: Settings, machine: int, era: Mode
) -> None:
    """Amount, hours, discount, refund rule and what is left of the credit, before it is sent."""
    person = Person()
    async with served(world, settings, elicitation_callback=person, mode=era) as client:
        result = await reserve(client, machine)
    [question] = person.questions
    for words in ("10.00 $ ahead", "hours", "30 % for three", "less 5 %", "90.00 $ are left"):
        assert words in question
    assert (paid(world), world.credit) == ([10.0], 90.0)
    told = result["reserved"]
    assert told["paid_usd"] == 10.0
    assert 0 < told["refund_if_destroyed_usd"] < 10.0
    assert told["discount_percent"] > 0
    assert "less 5 %" in result["warnings"][0]


@pytest.mark.parametrize(
    ("answer", "code"), [(DECLINE, "declined"), (CANCEL, "needs_confirmation")]
)
async def test_without_a_yes_nothing_is_paid(
    world: World, settings: Settings, machine: int, answer: Any, code: str
) -> None:
    """A no, and nobody's answer, which a shell may give."""
    async with served(world, settings, elicitation_callback=Person(answer)) as client:
        error = (await reserve(client, machine))["error"]
    assert (error["code"], paid(world), world.credit) == (code, [], 100.0)


async def test_a_code_stands_for_the_answer_once_and_for_this_amount(
    world: World, settings: Settings, machine: int, state: Path
) -> None:
    """Where the host cannot ask, its error says what would be agreed to."""
    async with served(world, replace(settings, state_dir=state)) as client:
        error = (await reserve(client, machine))["error"]
        assert error["code"] == "needs_confirmation"
        assert "less 5 %" in error["message"]
        assert approve(code_in(error)) == 0
        assert (await reserve(client, machine, 11.0))["error"]["code"] == "needs_confirmation"
        assert "error" not in await reserve(client, machine)
        assert (await reserve(client, machine))["error"]["code"] == "needs_confirmation"
    assert paid(world) == [10.0]


@pytest.mark.parametrize("fault", ["drop", "html502", "truncated_json"])
async def test_a_lost_answer_is_settled_by_the_balance_and_never_sent_again(
    world: World, settings: Settings, machine: int, fault: str
) -> None:
    """A second one would be paid as well."""
    world.faults.add("prepay", fault, when="after")
    async with served(world, settings, elicitation_callback=Person()) as client:
        result = await reserve(client, machine)
    assert (result["reserved"]["paid_usd"], paid(world)) == (10.0, [10.0])
    assert len(world.asked("prepay")) == 1


async def test_what_the_balance_cannot_tell_stays_in_doubt_and_the_same_call_settles_it(
    world: World, settings: Settings, machine: int
) -> None:
    """Another request is not sent beside it; once the balance is read, the first is the answer."""
    world.faults.add("prepay", "drop", when="after")
    person = Person()
    async with served(world, settings, elicitation_callback=person) as client:
        world.faults.add("balance", "html502", times=None, skip=2)  # asked before and after
        error = (await reserve(client, machine))["error"]
        assert (error["code"], error["instance_id"]) == ("outcome_unknown", machine)
        assert error["billing_possible"] is True
        assert "error" in await reserve(client, machine, 20.0)
        world.faults.clear()
        result = await reserve(client, machine)
    assert result["reserved"]["recovered"] is True
    assert (paid(world), len(world.asked("prepay")), len(person.questions)) == ([10.0], 1, 1)


async def test_one_that_never_arrived_is_proven_absent_by_two_looks_and_asked_about_anew(
    world: World, settings: Settings, machine: int
) -> None:
    """The service may pay later than it answers: absence takes time, as a rental's does."""
    quick = replace(settings, times=replace(settings.times, lists_apart_s=0.0, absent_after_s=0.0))
    world.faults.add("prepay", "drop", when="before")
    person = Person()
    async with served(world, quick, elicitation_callback=person) as client:
        first = await reserve(client, machine)
        assert first["error"]["code"] == "outcome_unknown"
        second = await reserve(client, machine)
    assert "error" not in second
    assert (paid(world), len(person.questions)) == ([10.0], 2)
    assert "came to nothing" in person.questions[1]


async def test_a_second_payment_is_asked_about_with_the_first_one_named(
    world: World, settings: Settings, machine: int
) -> None:
    """The same words may be an honest wish for more, or a repetition: only a person knows."""
    person = Person()
    async with served(world, settings, elicitation_callback=person) as client:
        await reserve(client, machine)
        await reserve(client, machine)
    assert "10.00 $ were paid ahead for it at" in person.questions[1]
    assert paid(world) == [10.0, 10.0]


async def test_it_counts_against_the_hours_that_the_credit_must_last(
    world: World, settings: Settings, machine: int
) -> None:
    """What is paid ahead for one machine is no credit for the others."""
    hours = 100.0 / world.instances[machine].dph_total
    limits = Limits(min_credit_hours=hours * 0.95)
    held = replace(settings, limits=limits)
    person = Person()
    async with served(world, held, elicitation_callback=person) as client:
        error = (await reserve(client, machine))["error"]
        assert (error["code"], person.questions) == ("over_limit", [])
        assert "error" not in await reserve(client, machine, 2.0)
    assert paid(world) == [2.0]


async def test_more_than_the_contract_lasts_or_the_credit_holds_is_refused_unsent(
    world: World, settings: Settings, machine: int
) -> None:
    """rental_too_long and insufficient_credit (docs/vast-api.md C.7), known before."""
    async with served(world, settings, elicitation_callback=Person()) as client:
        assert (await reserve(client, machine, 101.0))["error"]["code"] == "insufficient_credit"
        world.credit = 1e6
        error = (await reserve(client, machine, 5e5))["error"]
        assert (error["code"], error["problems"][0]["field"]) == ("bad_arguments", "amount_usd")
    assert world.asked("prepay") == []


async def test_destroying_says_what_comes_back_and_what_is_forfeited(
    world: World, settings: Settings, machine: int
) -> None:
    """By the balance read just before (docs/vast-api.md C.8); the machine's row shows the payment
    until then.
    """
    async with served(world, settings, elicitation_callback=Person()) as client:
        told = (await reserve(client, machine))["reserved"]
        shown = await call(client, "show_instance", instance_id=machine)
        ended = await call(client, "destroy_instance", instance_ids=[machine])
    [one] = ended["results"]
    assert shown["prepaid_usd"] == 10.0
    assert one["refund_usd"] == pytest.approx(told["refund_if_destroyed_usd"], abs=0.01)
    assert world.credit == pytest.approx(90 + one["refund_usd"], abs=0.01)
    assert "Forfeited" in ended["warnings"][-1]


async def test_a_destroy_goes_on_where_nobody_says_what_it_forfeits(
    world: World, settings: Settings, machine: int
) -> None:
    """An end is never stopped for a figure."""
    async with served(world, settings, elicitation_callback=Person()) as client:
        await reserve(client, machine)
        world.faults.add("balance", "html502", times=None)
        ended = await call(client, "destroy_instance", instance_ids=[machine])
    assert [one["outcome"] for one in ended["results"]] == ["destroyed"]
    assert "could not be read" in ended["warnings"][-1]


async def test_vasts_refusal_is_final_and_gives_the_yes_back(
    world: World, settings: Settings, machine: int
) -> None:
    """Nothing is in doubt after a 400 in Vast's words."""
    refusal = {"success": False, "error": "rental_too_long", "msg": "The rental ends before that."}
    world.faults.add("prepay", "status", when="before", status=400, body=refusal)
    async with served(world, settings, elicitation_callback=Person()) as client:
        error = (await reserve(client, machine))["error"]
        assert (error["code"], error["billing_possible"]) == ("invalid_request", False)
        assert "error" not in await reserve(client, machine)
    assert paid(world) == [10.0]


def test_a_balance_proves_a_payment_its_absence_or_nothing() -> None:
    """A machine may have used up what was paid before anybody looked."""
    one = Deposit(1, "a", 7, 10.0, "unknown", 5.0, 0.0, months=0.02)

    def balance(usd: float, months: float | None = 0.02) -> Deposited:
        return Deposited(usd, 0.0, months)

    assert judged(one, balance(14.4), 1.0, 60.0) == "paid"
    assert judged(one, balance(4.9), 1.0, 60.0) == "lacks"
    assert judged(one, balance(5.0), 1.0, 4 * 3600.0) == "undecided"
    assert judged(one, balance(5.0), None, 60.0) == "undecided"
    assert judged(one, balance(4.9, None), 1.0, 60.0) == "undecided"
    assert judged(replace(one, refundable_usd=0.0), balance(0.0, None), 1.0, 60.0) == "lacks"


def test_a_payment_that_raised_the_discount_of_what_is_used_up_is_no_absence() -> None:
    """What a destroy gives back may then fall (docs/vast-api.md C.8): the months still rise."""
    before = Deposit(1, "a", 7, 30.0, "unknown", 20.0, 0.0, months=0.97)
    after = Deposited(refundable_usd=0.0, discount_usd=140.0, months=1.01)
    assert judged(before, after, 1.0, 60.0) == "paid"


async def test_two_calls_at_once_pay_twice_only_if_somebody_says_so(
    world: World, settings: Settings, machine: int, state: Path
) -> None:
    """Each person read a question in which the other payment was not: the later is asked anew."""
    shared = replace(settings, state_dir=state)
    other = Person()
    answers = [YES, DECLINE]
    questions: list[str] = []

    async with served(world, shared, elicitation_callback=other, mode="legacy") as second:

        async def reading(_context: Any, params: Any) -> Any:
            questions.append(params.message)
            if len(questions) == 1:
                assert "error" not in await reserve(second, machine)
            return answers[len(questions) - 1]

        async with served(world, shared, elicitation_callback=reading, mode="legacy") as first:
            error = (await reserve(first, machine))["error"]
    assert (error["code"], paid(world)) == ("declined", [10.0])
    assert "10.00 $ were paid ahead for it at" in questions[1]


async def test_one_in_doubt_that_began_as_this_one_was_read_is_never_asked_about_as_nothing(
    world: World, settings: Settings, machine: int, state: Path
) -> None:
    """A person who was told that it came to nothing would pay twice."""
    kept, app, others = replace(settings, state_dir=state), create_app(world), list[Any]()
    async with served(world, kept, elicitation_callback=Person()) as other:

        async def reading(scope: Any, receive: Any, send: Any) -> None:
            if "balance" in scope["path"] and not others:
                others.append(None)
                world.faults.add("prepay", "drop", when="after")
                world.faults.add("balance", "html502", times=None, skip=2)
                others.append(await reserve(other, machine))
                world.faults.clear()
            await app(scope, receive, send)

        person = Person()
        served_so = Client(build(kept, CATALOGUE, reading), elicitation_callback=person)
        async with served_so as client:
            error = (await reserve(client, machine))["error"]
    assert others[1]["error"]["code"] == error["code"] == "outcome_unknown"
    assert (person.questions, paid(world)) == ([], [10.0])


async def test_a_question_names_what_was_paid_behind_one_that_came_to_nothing(
    world: World, settings: Settings, machine: int
) -> None:
    """The newest is not all that a person has to know."""
    person = Person()
    async with served(world, settings, elicitation_callback=person) as client:
        assert "error" not in await reserve(client, machine)
        world.faults.add(
            "prepay", "status", status=400, body={"success": False, "error": "x", "msg": "no"}
        )
        assert "error" in await reserve(client, machine, 20.0)
        await reserve(client, machine, 30.0)
    last = person.questions[-1]
    assert "10.00 $ were paid ahead" in last
    assert "20.00 $ for it" in last


async def test_a_code_is_for_a_payment_beside_those_it_names(
    world: World, settings: Settings, machine: int, state: Path
) -> None:
    """Approved in a shell, and meanwhile another one was paid: nobody said yes to both."""
    kept = replace(settings, state_dir=state)
    async with (
        served(world, kept) as alone,
        served(world, kept, elicitation_callback=Person()) as asking,
    ):
        assert approve(code_in((await reserve(alone, machine))["error"])) == 0
        assert "error" not in await reserve(asking, machine, 3.0)
        error = (await reserve(alone, machine))["error"]
        assert error["code"] == "needs_confirmation"
        assert "3.00 $ were paid ahead" in error["message"]
    assert paid(world) == [3.0]


async def test_a_process_that_stood_still_before_it_was_sent_sends_nothing(
    world: World, settings: Settings, machine: int, state: Path
) -> None:
    """To all others it is proven absent by then, and another may be paid."""
    deposits = Journal(state).deposits
    announced = deposits.announce("a", machine, 10.0, 0.0)
    assert deposits.may_leave(announced, time.monotonic())
    assert not deposits.may_leave(announced, time.monotonic() - 30)
    assert not deposits.may_leave(replace(announced, made_at=time.time() - 30), time.monotonic())
    assert deposits.may_fly(announced)
    assert not deposits.may_fly(replace(announced, made_at=time.time() - 60))


async def test_what_is_certain_stays_whoever_writes_later(state: Path) -> None:
    """An answer that came late is worth more than a balance, and no balance than an answer."""
    deposits = Journal(state).deposits
    one = deposits.announce("a", 7, 10.0, 0.0)
    deposits.settle(one, "absent")
    deposits.settle(one, "unknown")
    assert deposits.of("a", 7)[0].state == "absent"
    deposits.settle(one, "paid")
    deposits.settle(one, "absent")
    assert deposits.of("a", 7)[0].state == "paid"


async def test_a_credit_read_before_a_payment_is_counted_without_it(state: Path) -> None:
    """Of two processes each may have read the credit before the other paid."""
    deposits = Journal(state).deposits
    read_at = time.time()
    one = deposits.announce("a", 7, 10.0, 0.0)
    assert deposits.off_credit_usd("a", read_at) == 10.0
    deposits.settle(one, "paid")
    assert deposits.off_credit_usd("a", read_at) == 10.0
    assert deposits.off_credit_usd("a", time.time()) == 0.0
    assert deposits.off_credit_usd("b", read_at) == 0.0


@pytest.mark.parametrize(("usd", "code"), [(10.004, "bad_arguments"), (10.01, None)])
async def test_what_is_paid_is_what_the_person_read(
    world: World, settings: Settings, machine: int, usd: float, code: str | None
) -> None:
    """A question shows cents, and a part of one would be paid unread."""
    async with served(world, settings, elicitation_callback=Person()) as client:
        result = await reserve(client, machine, usd)
    assert result.get("error", {}).get("code") == code
    assert paid(world) == ([] if code else [usd])
