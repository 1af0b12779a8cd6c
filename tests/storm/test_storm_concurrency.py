"""Several callers, several processes, one wish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storm.faults import is_rent
from storm.judge import machines_of, puts_of
from storm.lane import Lane
from storm.process import PATIENCE_S
from storm.proxy import Exchange

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def lane(tmp_path: Path) -> AsyncIterator[Lane]:
    made = Lane(tmp_path, "lane", scale=0.02)
    try:
        await made.open()
        yield made
    finally:
        await made.close()


async def test_eight_callers_in_two_processes_with_one_key_are_one_put(lane: Lane) -> None:
    """The request key names the wish; whoever comes second gets the first one's machine
    (docs/protocol.md).
    """
    await asyncio.gather(lane.server("first"), lane.server("second"))
    wish = lane.wish(request_key="one-wish")
    await asyncio.gather(
        *(lane.ask(wish, which) for which in ("first", "second") for _ in range(4))
    )
    evidence = await lane.evidence()
    assert len(puts_of(wish, evidence.seen)) == 1
    [machine] = machines_of(wish, evidence.rentals)
    assert all(answer.success for answer in wish.answers), [answer.said for answer in wish.answers]
    assert {answer.payload["instance_id"] for answer in wish.answers if answer.payload} == {
        machine["id"]
    }
    assert (
        sum(bool(answer.payload and answer.payload.get("replayed")) for answer in wish.answers) == 7
    )


async def test_a_server_that_starts_while_anothers_put_is_in_flight_sends_none(lane: Lane) -> None:
    """A second editor starting up must not declare the first one's PUT absent
    (docs/protocol.md).
    """
    in_flight, go = asyncio.Event(), asyncio.Event()

    async def hold(exchange: Exchange) -> None:
        answer = await exchange.forward()
        in_flight.set()
        await asyncio.wait_for(go.wait(), PATIENCE_S)
        await exchange.send(answer)

    lane.proxy.add(is_rent, hold)
    await lane.server("first")
    wish = lane.wish(request_key="in-flight")
    first = asyncio.create_task(lane.ask(wish, "first"))
    await asyncio.wait_for(in_flight.wait(), PATIENCE_S)
    starting = asyncio.create_task(lane.ask(wish, "second"))
    await asyncio.wait({starting}, timeout=lane.protocol(10))
    go.set()
    await asyncio.gather(first, starting)
    await lane.pursue(wish, "second")
    evidence = await lane.evidence()
    assert len(puts_of(wish, evidence.seen)) == 1
    assert len(machines_of(wish, evidence.rentals)) == 1
    assert wish.answers[-1].success


async def test_processes_that_start_together_all_become_owners(lane: Lane) -> None:
    """Becoming one must not fail, nor go unseen, because a neighbour becomes one too
    (docs/protocol.md).
    """
    names = [f"server-{number}" for number in range(6)]
    await asyncio.gather(*(lane.server(name) for name in names))
    wishes = [lane.wish(request_key=f"together-{name}") for name in names]
    await asyncio.gather(
        *(lane.pursue(wish, name) for wish, name in zip(wishes, names, strict=True))
    )
    evidence = await lane.evidence()
    for wish in wishes:
        assert wish.answers[-1].success, [answer.said for answer in wish.answers]
        assert len(puts_of(wish, evidence.seen)) == 1
        assert len(machines_of(wish, evidence.rentals)) == 1
