"""What happens in a storm: every scenario by name, each a few lines on a lane.

A scenario makes wishes, breaks something, and lets the agent ask until it has a verdict. It asserts
nothing; judge.py counts afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from storm import faults
from storm.faults import is_list, is_rent, is_search
from storm.judge import Wish
from storm.lane import TRIES, Lane
from storm.process import KILLS, PATIENCE_S
from storm.proxy import Act, Exchange

# ruff: noqa: E501  lists of scenarios read best as tables

Run = Callable[[Lane], Awaitable[list[Wish]]]
Arrange = Callable[[Lane, Wish], Awaitable[None]]

PUT_S, ABSENT_S, TAKEN_S = 25.0, 90.0, 600.0  # docs/protocol.md


@dataclass(frozen=True)
class Scenario:
    """`row` is its line in the tables; several scenarios may share one."""

    row: str
    name: str
    run: Run
    slow: bool = False  # left out of the short run


# ── one fault, one agent ──────────────────────────────────────────────────────────────────────────


def asked(arrange: Arrange, *, may_refuse: frozenset[str] = frozenset(), **arguments: Any) -> Run:
    """The agent asks until there is a verdict while what `arrange` set up breaks."""

    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish(**arguments)
        wish.may_refuse = may_refuse
        await arrange(lane, wish)
        await lane.pursue(wish)
        return [wish]

    return run


def on_rent(act: Act, *, times: int | None = 1, skip: int = 0) -> Arrange:
    async def arrange(lane: Lane, _wish: Wish) -> None:
        lane.proxy.add(is_rent, act, times=times, skip=skip)

    return arrange


def put_faults() -> list[Scenario]:
    """Faults of the request that spends, before and after the service commits."""
    found: list[Scenario] = []
    for commits, when in ((False, "before the rent commits"), (True, "after the rent committed")):
        acts: dict[str, Act] = {
            "connection reset after send": faults.resets(commits=commits),
            "reset in the middle of the answer": faults.resets_mid_body(commits=commits),
            "connection closed without an answer": faults.ends(commits=commits),
            "502 page": faults.answers(faults.page(502), commits=commits),
            "503 page": faults.answers(faults.page(503), commits=commits),
            "504 page": faults.answers(faults.page(504), commits=commits),
            "200 page": faults.answers(faults.page(200), commits=commits),
            "truncated JSON": faults.truncated(commits=commits),
            "200 success:false": faults.answers(faults.success_false, commits=commits),
            "200 without an id": faults.answers(faults.no_id, commits=commits),
            "429 of a sixth form": faults.answers(faults.UNKNOWN_429, commits=commits),
            "408": faults.answers(faults.page(408), commits=commits),
            "409": faults.answers(faults.page(409), commits=commits),
            "425": faults.answers(faults.page(425), commits=commits),
        }
        found += [
            Scenario(f"{name}, {when}", name, asked(on_rent(act))) for name, act in acts.items()
        ]
        found.append(
            Scenario(
                f"hang past the timeout, {when}",
                "hang",
                asked(on_rent(faults.hangs(commits=commits))),
            )
        )
        found.append(Scenario(f"slow drip, {when}", "drip", asked(_drip(commits=commits))))
    return found + put_answers()


def _drip(*, commits: bool) -> Arrange:
    async def arrange(lane: Lane, wish: Wish) -> None:
        await on_rent(faults.drips(commits=commits, every_s=lane.protocol(PUT_S) / 40))(lane, wish)

    return arrange


def put_answers() -> list[Scenario]:
    """Answers that are verdicts, requests that never left, and the ones that arrive late."""
    quota = frozenset(
        {"search_quota_exceeded"}
    )  # until midnight: longer than any call, and nothing was made
    true_no = frozenset({"insufficient_credit"})
    found = [
        Scenario("nothing breaks", "calm", asked(_nothing)),
        Scenario("nothing breaks, asked three times", "replay", asked_again),
        Scenario("connection refused once", "refused", asked(_refused(1))),
        Scenario("connection refused until asked again", "refused", asked_when_refused),
        Scenario("a pooled connection closed by the far side", "stale", asked(_stale)),
        Scenario(
            "refused for lack of credit",
            "no credit",
            asked(on_rent(faults.answers(faults.no_credit)), may_refuse=true_no),
        ),
        Scenario(
            "410: the offer is gone", "gone", asked(_gone, may_refuse=frozenset({"offer_gone"}))
        ),
        Scenario(
            "429 twice",
            "429 twice",
            asked(on_rent(faults.answers(faults.TOO_MANY["plain text"]), times=2)),
        ),
    ]
    found += [
        Scenario(f"429, {form}", "429", asked(on_rent(faults.answers(make)), may_refuse=quota))
        for form, make in faults.TOO_MANY.items()
    ]
    found += [
        Scenario("rent committed after the reply timed out", f"at {at:g} s", asked(_late(at)))
        for at in (26.0, 45.0, 70.0, 85.0)
    ]
    found += [
        Scenario("410 after a lost first", "first committed", asked(_gone_after_lost)),
        Scenario("410 after a lost first", "first never arrived", asked(_gone_after_absent)),
        Scenario(
            "410 after a lost first",
            "first commits when the second arrives",
            asked(_gone_after_late),
        ),
    ]
    return found


async def _nothing(_lane: Lane, _wish: Wish) -> None: ...


async def asked_again(lane: Lane) -> list[Wish]:
    """The same call three times is one machine."""
    wish = lane.wish()
    for _ in range(3):
        await lane.pursue(wish)
    return [wish]


def _refused(_times: int) -> Arrange:
    """New connections are refused from the last look before the PUT on, for a moment."""

    async def arrange(lane: Lane, _wish: Wish) -> None:
        async def refuse(exchange: Exchange) -> None:
            answer = await exchange.forward()
            lane.proxy.refuse()
            await exchange.send(answer)
            lane.proxy.later(_reopen(lane, lane.protocol(0.5)))

        lane.proxy.add(is_search, refuse)

    return arrange


async def _reopen(lane: Lane, after_s: float) -> None:
    await asyncio.sleep(after_s)
    await lane.proxy.open()


async def asked_when_refused(lane: Lane) -> list[Wish]:
    wish = lane.wish()

    async def refuse(exchange: Exchange) -> None:
        answer = await exchange.forward()
        lane.proxy.refuse()
        await exchange.send(answer)

    lane.proxy.add(is_search, refuse)
    await lane.ask(wish)
    await lane.proxy.open()
    await lane.pursue(wish)
    return [wish]


async def _stale(lane: Lane, _wish: Wish) -> None:
    """Only a request on a connection that was used before meets this."""
    await (await lane.server()).call("show_instances")
    lane.proxy.add(is_rent, faults.stale(_pass), times=2)


async def _pass(exchange: Exchange) -> None:
    await exchange.send(await exchange.forward())


async def _gone(lane: Lane, _wish: Wish) -> None:
    lane.proxy.add(is_rent, faults.answers(faults.gone), times=None)


def _late(protocol_s: float) -> Arrange:
    async def arrange(lane: Lane, wish: Wish) -> None:
        await on_rent(faults.commits_late(lane.protocol(protocol_s)))(lane, wish)

    return arrange


async def _gone_after_lost(lane: Lane, _wish: Wish) -> None:
    await lane.sandbox.set(visible_after_looks=lane.dice.randint(0, 4))
    lane.proxy.add(is_rent, faults.resets(commits=True))
    lane.proxy.add(is_rent, faults.answers(faults.gone), times=None)


async def _gone_after_absent(lane: Lane, _wish: Wish) -> None:
    """The second attempt is told that the offer is gone, the third finds it free again."""
    lane.proxy.add(is_rent, faults.resets(commits=False))
    lane.proxy.add(is_rent, faults.answers(faults.gone))


async def _gone_after_late(lane: Lane, _wish: Wish) -> None:
    """Beyond what is promised, and still one machine: the first request commits when the second one
    arrives.
    """
    arrived = asyncio.Event()

    async def first(exchange: Exchange) -> None:
        async def commit() -> None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(arrived.wait(), PATIENCE_S)
                await exchange.forward()
                committed.set()

        exchange.proxy.later(commit())
        await exchange.client_gone()

    async def second(exchange: Exchange) -> None:
        arrived.set()
        await asyncio.wait_for(committed.wait(), PATIENCE_S)
        await exchange.send(faults.gone())

    committed = asyncio.Event()
    lane.proxy.add(is_rent, first)
    lane.proxy.add(is_rent, second)


# ── the reads that decide ─────────────────────────────────────────────────────────────────────────


def read_faults() -> list[Scenario]:
    """What reconciling sees, after a rent whose answer was lost, and after one that never arrived."""
    found = [
        Scenario("row visible only after some looks", f"{n} looks", asked(_hidden(n)), slow=n > 4)
        for n in (1, 2, 4, 8)
    ]
    found += [
        Scenario(
            "row missing once", "first list", asked(_lists(faults.edits(faults.without_rows)))
        ),
        Scenario(
            "row missing once",
            "second list",
            asked(_lists(faults.edits(faults.without_rows), skip=1)),
        ),
        Scenario(
            "row appears, then vanishes",
            "3 lists",
            asked(_lists(faults.edits(faults.without_rows), skip=1, times=3)),
        ),
        Scenario(
            "row appears, then vanishes",
            "9 lists",
            asked(_lists(faults.edits(faults.without_rows), skip=1, times=9)),
        ),
        Scenario("machine seen, then really gone", "reclaimed", reclaimed),
        Scenario("stopped by a low bid, the error lost", "bid", asked(_low_bid, price=0.002)),
        Scenario("stopped by a low bid, the error told", "bid", asked(_low_bid_told, price=0.002)),
        Scenario(
            "stopped for want of a GPU, the reply lost", "jam", asked(_jammed, cancel_unavail=False)
        ),
        Scenario("two pages of machines", "lost", asked(_paged(None))),
        Scenario(
            "two pages of machines, the second broken",
            "502",
            asked(_paged(faults.answers(faults.page(502)))),
        ),
        Scenario(
            "two pages of machines, the second broken",
            "empty",
            asked(_paged(faults.edits(faults.no_rows))),
        ),
    ]
    broken: dict[str, Act] = {
        "a 502 page": faults.answers(faults.page(502)),
        "truncated": faults.truncated(commits=True),
        "repeated": faults.edits(faults.repeated),
        "short of rows": faults.edits(faults.inconsistent),
        "no list at all": faults.edits(faults.no_rows),
        "reset": faults.resets(commits=False),
    }
    for name, act in broken.items():
        for times in (2, 7):
            found.append(
                Scenario(
                    f"list page {name}, rent committed",
                    f"{times}x",
                    asked(_lists(act, times=times)),
                )
            )
        lost = _lists(act, times=5, commits=False)
        found.append(Scenario(f"list page {name}, rent never arrived", "5x", asked(lost)))
    return found


def _hidden(looks: int) -> Arrange:
    async def arrange(lane: Lane, _wish: Wish) -> None:
        await lane.sandbox.set(visible_after_looks=looks)
        lane.proxy.add(is_rent, faults.resets(commits=True))

    return arrange


def _lists(act: Act, *, times: int = 1, skip: int = 0, commits: bool = True) -> Arrange:
    async def arrange(lane: Lane, _wish: Wish) -> None:
        lane.proxy.add(is_rent, faults.resets(commits=commits))
        lane.proxy.add(_list_after_rent(lane), act, times=times, skip=skip)

    return arrange


def _list_after_rent(lane: Lane) -> Callable[[Any], bool]:
    """A list read once this scenario's rent has been sent; earlier ones have nothing to decide."""
    begun = len(lane.proxy.seen)

    def match(seen: Any) -> bool:
        return is_list(seen) and any(is_rent(one) for one in lane.proxy.seen[begun:])

    return match


async def reclaimed(lane: Lane) -> list[Wish]:
    """Found once and ended by somebody else before the second look: the wish must still come to a
    verdict.
    """
    wish = lane.wish()
    lane.proxy.add(is_rent, faults.resets(commits=True))

    async def reclaim(exchange: Exchange) -> None:
        answer = await exchange.forward()
        for instance_id in (await lane.sandbox.ledger())["living"]:
            await lane.sandbox.set(cancel_rental=instance_id)
        wish.reborn.append(time.monotonic())
        await exchange.send(answer)

    lane.proxy.add(_list_after_rent(lane), reclaim)
    await lane.pursue(wish)
    return [wish]


def _cheapen(listed: Any) -> Any:
    """The floor as it was when the agent looked; it has risen since."""
    return listed | {"offers": [offer | {"min_bid": 0.001} for offer in listed["offers"]]}


async def _low_bid(lane: Lane, _wish: Wish) -> None:
    lane.proxy.add(is_search, faults.edits(_cheapen))
    lane.proxy.add(is_rent, faults.resets(commits=True))


async def _low_bid_told(lane: Lane, _wish: Wish) -> None:
    lane.proxy.add(is_search, faults.edits(_cheapen))


async def _jammed(lane: Lane, wish: Wish) -> None:
    await lane.sandbox.set(jam=wish.offers[0])
    lane.spoiled.add(wish.offers[0])
    lane.proxy.add(is_rent, faults.resets(commits=True))


def _paged(act: Act | None) -> Arrange:
    """More machines of somebody else's than a page holds, younger than ours, so that ours is on the
    second.
    """

    async def arrange(lane: Lane, wish: Wish) -> None:
        async def commit_and_fill(exchange: Exchange) -> None:
            await exchange.forward()
            for _ in range(27):
                await lane.sandbox.rent(lane.offer(), "somebody else's")
            exchange.reset()

        lane.proxy.add(is_rent, commit_and_fill)
        if act is not None:
            lane.proxy.add(
                lambda seen: is_list(seen) and "after_token" in seen.target, act, times=3
            )

    return arrange


# ── ends of the server ────────────────────────────────────────────────────────────────────────────


def kills() -> list[Scenario]:
    """The server's end at every arrow between two states, in four ways, and the agent asking again."""
    found: list[Scenario] = []
    lost = {
        "reply lost": faults.resets(commits=True),
        "never arrived": faults.resets(commits=False),
    }
    slow_down = faults.answers(faults.TOO_MANY["plain text"])
    for how in KILLS:
        for stop in (
            "claim:after",
            "sending:before",
            "sending:after",
            "confirmed:before",
            "confirmed:after",
        ):
            found.append(Scenario(f"killed at {stop}", how, killed_at(stop, how)))
        for stop in ("unknown:before", "unknown:after"):
            found += [
                Scenario(f"killed at {stop}, {name}", how, killed_at(stop, how, act))
                for name, act in lost.items()
            ]
        for stop in ("confirmed:before", "confirmed:after"):
            found.append(
                Scenario(
                    f"killed at {stop}, reply lost", how, killed_at(stop, how, lost["reply lost"])
                )
            )
        for stop in ("absent:before", "absent:after"):
            found.append(
                Scenario(f"killed at {stop}", how, killed_at(stop, how, lost["never arrived"]))
            )
        for stop in ("withdrawn:before", "withdrawn:after"):
            found.append(Scenario(f"killed at {stop}, 429", how, killed_at(stop, how, slow_down)))
        found += [
            Scenario(
                "killed while the PUT arrives, it commits",
                how,
                killed_on_wire(how, _strike_then(commits=True)),
            ),
            Scenario(
                "killed while the PUT arrives, it does not",
                how,
                killed_on_wire(how, _strike_then(commits=False)),
            ),
            Scenario(
                "killed after the rent, before the reply",
                how,
                killed_on_wire(how, _commit_then_strike),
            ),
            Scenario(
                "killed after the reply's first byte",
                how,
                killed_on_wire(how, _first_byte_then_strike),
            ),
            Scenario("killed on the list read, reply lost", how, killed_on_list(how, commits=True)),
            Scenario(
                "killed on the list read, never arrived", how, killed_on_list(how, commits=False)
            ),
        ]
    return found


def killed_at(stop: str, how: str, act: Act | None = None) -> Run:
    """The server stands still at an arrow, is struck there, ends, and is asked again."""

    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        if act is not None:
            lane.proxy.add(is_rent, act)

        async def strike(_name: str) -> None:
            await lane.kill(how)
            if KILLS[how] is not None:
                await lane.servers["first"].ended()

        lane.control.on_stop = strike
        await lane.server(stops=stop)
        await first_call_then_death(lane, wish)
        return [wish]

    return run


async def first_call_then_death(lane: Lane, wish: Wish) -> None:
    """Calls until one falls into the trap; the server's end; sometimes a look at it all; then the
    agent asks again.
    """
    await asked_to_death(lane, wish)
    lane.control.on_stop = None
    if lane.dice.random() < 0.3:
        await lane.show(wish)
    await lane.pursue(wish)


async def asked_to_death(lane: Lane, wish: Wish, which: str = "first") -> None:
    """A short budget may end before the trap is reached; an end that comes late may let one call
    more through.
    """
    server = lane.servers[which]
    for _ in range(TRIES):
        answer = await lane.ask(wish, which)
        if not server.alive or answer.verdict:
            break
    await server.ended()


def killed_on_wire(how: str, act: Callable[[Lane, str], Act]) -> Run:
    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        await lane.server()
        lane.proxy.add(is_rent, act(lane, how))
        await first_call_then_death(lane, wish)
        return [wish]

    return run


def _strike_then(*, commits: bool) -> Callable[[Lane, str], Act]:
    def make(lane: Lane, how: str) -> Act:
        async def act(exchange: Exchange) -> None:
            await lane.kill(how)
            if commits:
                await exchange.send(await exchange.forward())
            else:
                exchange.reset()

        return act

    return make


def _commit_then_strike(lane: Lane, how: str) -> Act:
    async def act(exchange: Exchange) -> None:
        answer = await exchange.forward()
        await lane.kill(how)
        await exchange.send(answer)

    return act


def _first_byte_then_strike(lane: Lane, how: str) -> Act:
    async def act(exchange: Exchange) -> None:
        answer = await exchange.forward()
        raw = answer.head() + answer.body
        await exchange.send_part(raw[:1])
        await lane.kill(how)
        await exchange.send_part(raw[1:])
        exchange.over = True

    return act


def killed_on_list(how: str, *, commits: bool) -> Run:
    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        await lane.server()
        lane.proxy.add(is_rent, faults.resets(commits=commits))

        async def strike(exchange: Exchange) -> None:
            answer = await exchange.forward()
            await lane.kill(how)
            await exchange.send(answer)

        lane.proxy.add(_list_after_rent(lane), strike)
        await first_call_then_death(lane, wish)
        return [wish]

    return run


# ── two servers ───────────────────────────────────────────────────────────────────────────────────


def pairs() -> list[Scenario]:
    """Two servers of one person: one journal, one account."""
    lost = faults.resets(commits=True)
    never = faults.resets(commits=False)
    return [
        Scenario("two servers, one wish at once", "calm", at_once(None)),
        Scenario("two servers, one wish at once", "reply lost", at_once(lost)),
        Scenario("two servers, one wish at once", "never arrived", at_once(never)),
        Scenario("eight callers in two servers, one wish", "calm", at_once(None, callers=4)),
        Scenario("eight callers in two servers, one wish", "reply lost", at_once(lost, callers=4)),
        Scenario(
            "a second server starts while the PUT is in flight",
            "same wish",
            starts_meanwhile(same=True, loses=False),
        ),
        Scenario(
            "a second server starts while the PUT is in flight",
            "reply lost",
            starts_meanwhile(same=True, loses=True),
        ),
        Scenario(
            "a second server starts while the PUT is in flight",
            "another wish",
            starts_meanwhile(same=False, loses=False),
        ),
        Scenario(
            "a second server asks while the first stands still",
            "before sending",
            stands_still("sending:before"),
        ),
        Scenario(
            "a second server asks while the first stands still",
            "before the PUT",
            stands_still("sending:after"),
        ),
        Scenario("410 to a second server, the first commits late", "one machine", gone_to_second),
        Scenario(
            "a second server asks after the first was killed", "PUT commits", survivor(commits=True)
        ),
        Scenario(
            "a second server asks after the first was killed",
            "PUT never arrives",
            survivor(commits=False),
        ),
    ]


def at_once(act: Act | None, callers: int = 1, second: str = "second") -> Run:
    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        await lane.server("first")
        await lane.server(second)
        if act is not None:
            lane.proxy.add(is_rent, act)
        await asyncio.gather(
            *(lane.pursue(wish, which) for which in ("first", second) for _ in range(callers))
        )
        return [wish]

    return run


def starts_meanwhile(*, same: bool, loses: bool) -> Run:
    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        other = wish if same else lane.wish()
        in_flight, go = asyncio.Event(), asyncio.Event()

        async def hold(exchange: Exchange) -> None:
            answer = await exchange.forward()
            in_flight.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(go.wait(), lane.protocol(PUT_S) * 0.8)
            if loses:
                exchange.reset()
            else:
                await exchange.send(answer)

        await lane.server("first")
        lane.proxy.add(is_rent, hold)
        first = asyncio.create_task(lane.pursue(wish, "first"))
        await asyncio.wait_for(in_flight.wait(), PATIENCE_S)
        await lane.server("second")
        second = asyncio.create_task(lane.pursue(other, "second"))
        await asyncio.sleep(lane.protocol(5))
        go.set()
        await asyncio.gather(first, second)
        return [wish] if same else [wish, other]

    return run


def stands_still(stop: str) -> Run:
    """The first server is a laptop asleep: alive, its attempt journalled, its PUT not yet sent."""

    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        there, awake = asyncio.Event(), asyncio.Event()

        async def sleep(_name: str) -> None:
            there.set()
            await asyncio.wait_for(awake.wait(), PATIENCE_S)

        lane.control.on_stop = sleep
        await lane.server("first", stops=stop)
        await lane.server("second")
        first = asyncio.create_task(lane.pursue(wish, "first"))
        await asyncio.wait_for(there.wait(), PATIENCE_S)
        second = asyncio.create_task(lane.pursue(wish, "second", tries=64))
        await asyncio.wait({second}, timeout=lane.protocol(ABSENT_S) * 2)
        awake.set()
        await asyncio.gather(first, second)
        return [wish]

    return run


async def gone_to_second(lane: Lane) -> list[Wish]:
    """The attempt that was given up is a living neighbour's; its rent commits when the second
    server's PUT arrives.
    """
    wish = lane.wish()
    there, awake = asyncio.Event(), asyncio.Event()

    async def sleep(_name: str) -> None:
        there.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(awake.wait(), PATIENCE_S)

    lane.control.on_stop = sleep
    await _gone_after_late(lane, wish)
    await lane.server("first", stops="absent:after")
    await lane.server("second")
    first = asyncio.create_task(lane.pursue(wish, "first"))
    await asyncio.wait_for(there.wait(), PATIENCE_S)
    second = asyncio.create_task(lane.pursue(wish, "second", tries=64))
    await asyncio.wait({second}, timeout=lane.protocol(ABSENT_S))
    awake.set()
    await asyncio.gather(first, second)
    return [wish]


def survivor(*, commits: bool) -> Run:
    """The second server is alive and idle when the first one is killed with its PUT in flight."""

    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        await lane.server("first")
        await lane.server("second")
        lane.proxy.add(is_rent, _strike_then(commits=commits)(lane, "SIGKILL"))
        await asked_to_death(lane, wish)
        await lane.pursue(wish, "second")
        return [wish]

    return run


# ── agents that do not ask again ──────────────────────────────────────────────────────────────────


def turns() -> list[Scenario]:
    """An agent that turns to another offer after an unknown: it wants one machine."""
    found: list[Scenario] = []
    for commits, name in ((True, "reply lost"), (False, "never arrived")):
        found += [
            Scenario(
                "turns to another offer after outcome_unknown",
                name,
                turns_after_unknown(commits=commits),
                slow=True,
            ),
            Scenario(
                "turns to another offer after the server died",
                name,
                turns_after_death(commits=commits),
            ),
            Scenario(
                "turns to another offer after cutting the call short",
                name,
                turns_at_once(commits, "unknown"),
            ),
            Scenario(
                "turns to another offer after cutting the PUT short",
                name,
                turns_at_once(commits, "sending"),
            ),
        ]
    found += [
        Scenario(
            "turns to another offer after a confirmed, untold rent", how, turns_after_untold(how)
        )
        for how in KILLS
        if how != "end of stdin"
    ]
    return [
        *found,
        Scenario("insists on another offer with allow_unresolved", "reply lost", insists),
        Scenario("destroyed, then asked for again", "twice", destroyed_and_again),
    ]


def turn(lane: Lane, wish: Wish) -> dict[str, Any]:
    """The arguments that change when an agent takes the next offer for the same wish."""
    wish.offers.append(lane.offer())
    changes: dict[str, Any] = {"offer_id": wish.offers[-1]}
    if "request_key" in wish.arguments:
        changes["request_key"] = f"{wish.arguments['request_key']}-other"
    return changes


async def pursue_turned(lane: Lane, wish: Wish) -> None:
    """The agent takes what it gets: the other offer's machine, or word of the first one's, and
    stops there.
    """
    changes = turn(lane, wish)
    await lane.pursue(wish, **changes)


def turns_after_unknown(*, commits: bool) -> Run:
    """Lists fail until the first call has ended without a verdict."""

    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        lane.proxy.add(is_rent, faults.resets(commits=commits))
        rule = lane.proxy.add(_list_after_rent(lane), faults.answers(faults.page(502)), times=None)
        await lane.ask(wish)
        rule.times = 0
        await pursue_turned(lane, wish)
        return [wish]

    return run


def turns_after_death(*, commits: bool) -> Run:
    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        await lane.server()
        lane.proxy.add(is_rent, _strike_then(commits=commits)(lane, "SIGKILL"))
        await asked_to_death(lane, wish)
        await pursue_turned(lane, wish)
        return [wish]

    return run


def turns_at_once(commits: bool, state: str) -> Run:
    """A host cuts the call short and says so; the agent never hears what came of it.

    Lists fail until then, so that no answer is on its way when the host hangs up: that one would
    have been told.
    """

    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        sent = asyncio.Event()

        async def lose(exchange: Exchange) -> None:
            if commits:
                await exchange.forward()
            sent.set()
            await exchange.client_gone()

        async def ask() -> None:
            for _ in range(TRIES):  # a short budget may end before anything is sent
                if not sent.is_set():
                    await lane.ask(wish)

        server = await lane.server()
        lane.proxy.add(is_rent, lose)
        blind = lane.proxy.add(_list_after_rent(lane), faults.answers(faults.page(502)), times=None)
        first = asyncio.create_task(ask())
        await asyncio.wait_for(sent.wait(), PATIENCE_S)
        await lane.until_state(state)
        server.cancel_all()
        await server.heard()
        blind.times = 0
        await pursue_turned(lane, wish)
        first.cancel()
        await asyncio.wait({first})
        return [wish]

    return run


def turns_after_untold(how: str) -> Run:
    """The rent was confirmed and journalled, the answer never left the server: nobody was told of
    the machine.
    """

    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()

        async def strike(_name: str) -> None:
            await lane.kill(how)
            await lane.servers["first"].ended()

        lane.control.on_stop = strike
        await lane.server(stops="confirmed:after")
        await asked_to_death(lane, wish)
        lane.control.on_stop = None
        await pursue_turned(lane, wish)
        await lane.show(wish)
        return [wish]

    return run


async def insists(lane: Lane) -> list[Wish]:
    """request_key and allow_unresolved together: the agent knows that it may pay twice."""
    wish = lane.wish(request_key=f"insists-{lane.name}-{len(lane.wishes)}")
    wish.several = 2
    await lane.server()
    lane.proxy.add(is_rent, _strike_then(commits=True)(lane, "SIGKILL"))
    await asked_to_death(lane, wish)
    changes = turn(lane, wish)
    await lane.pursue(wish, allow_unresolved=True, **changes)
    await lane.pursue(wish)
    return [wish]


async def destroyed_and_again(lane: Lane) -> list[Wish]:
    """A machine whose destroy was verified counts as gone: the same call rents anew, and that reply
    is lost.
    """
    wish = lane.wish()
    first = await lane.pursue(wish)
    if first.success and first.payload is not None:
        server = await lane.server()
        gone = await server.call("destroy_instance", instance_ids=[first.payload["instance_id"]])
        if "error" not in gone:
            wish.reborn.append(time.monotonic())
            lane.proxy.add(is_rent, faults.resets(commits=lane.dice.random() < 0.5))
            await lane.pursue(wish)
    return [wish]


ALL: list[Scenario] = [*put_faults(), *read_faults(), *kills(), *pairs(), *turns()]

# With the times that people wait: a doubt outlasts a call, and its absence takes a minute and a
# half.
REAL: list[Scenario] = [
    Scenario(f"real times: {name}", name, asked(on_rent(act)))
    for name, act in {
        "connection reset after the rent committed": faults.resets(commits=True),
        "connection reset before the rent commits": faults.resets(commits=False),
        "hang after the rent committed": faults.hangs(commits=True),
        "hang before the rent commits": faults.hangs(commits=False),
    }.items()
]
