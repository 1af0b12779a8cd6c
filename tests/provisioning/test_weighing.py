"""The order of offers is by what a working hour is expected to cost."""

from __future__ import annotations

from typing import Any

import pytest

from vast_mcp.account.before import Before
from vast_mcp.journal.met import Event, What
from vast_mcp.provisioning.bids import bid_for
from vast_mcp.provisioning.pulls import GUESSED_GB, pull_of
from vast_mcp.provisioning.weighing import BEST, chance_of, weighed
from vast_mcp.vast.models import Offer


def offer(**facts: Any) -> Offer:
    return Offer.model_validate({"ask_contract_id": 1, "reliability2": 0.99, **facts})


def before(*events: tuple[What, str]) -> Before:
    """What became of rentals, one after the other."""
    return Before([Event(7, n, what, detail, at=n) for n, (what, detail) in enumerate(events, 1)])


def expected(usd: float = 0.4, chance: float = 0.8, **other: Any) -> float:
    given = {"pull_usd": 0.01, "pull_s": 60.0, "give_up_s": 1200.0, "lease_hours": None, **other}
    return weighed(usd, given.pop("pull_usd"), given.pop("pull_s"), chance, **given).usd_per_hour


# What of two offers that are alike in the rest comes first.
FIRST: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("the cheaper", {"usd": 0.39}, {"usd": 0.4}),
    ("the one that works more probably", {"chance": 0.8}, {"chance": 0.7}),
    ("the one whose traffic costs less", {"pull_usd": 0.01}, {"pull_usd": 0.03}),
    ("the one that pulls sooner", {"pull_s": 60.0}, {"pull_s": 600.0}),
    ("a little dearer and much surer", {"usd": 0.41, "chance": 0.8}, {"chance": 0.4}),
    (
        "the cheaper, where it works for long",
        {"usd": 0.4, "chance": 0.7, "lease_hours": 100.0},
        {"usd": 0.43, "chance": 0.8, "lease_hours": 100.0},
    ),
    ("the one whose pull ends in time", {"pull_s": 900.0}, {"pull_s": 1200.0}),
]


@pytest.mark.parametrize(("_what", "first", "second"), FIRST, ids=[one[0] for one in FIRST])
def test_of_two_offers_this_comes_first(
    _what: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    assert expected(**first) < expected(**second)


def test_nothing_is_as_sure_as_a_machine_that_was_ready_here() -> None:
    plain = chance_of(offer(), None, [], [])
    assert 0.6 < plain < BEST
    assert chance_of(offer(), before(("ready", "")), [], []) > plain


def test_what_failed_by_itself_is_less_probable_and_what_the_request_did_is_not() -> None:
    plain = chance_of(offer(), None, [], [])
    once = chance_of(offer(), before(("failed", "no_progress")), [], [])
    twice = chance_of(offer(), before(("failed", "no_progress"), ("failed", "offline")), [], [])
    assert twice < once < plain
    assert chance_of(offer(), before(("failed", "image")), [], []) == plain


def test_a_failure_of_its_host_counts_less_than_its_own() -> None:
    failed = before(("failed", "no_progress"))
    own, hosts = chance_of(offer(), failed, [], []), chance_of(offer(), None, [failed], [])
    assert own < hosts < chance_of(offer(), None, [], [])


def test_a_row_without_a_reliability_is_no_good_one() -> None:
    silent = chance_of(offer(reliability2=None), None, [], [])
    assert silent < chance_of(offer(reliability2=0.95), None, [], [])


@pytest.mark.parametrize(
    ("image", "usual", "most"),
    [
        ("nvidia/cuda:12.4.1-devel-ubuntu22.04", 4.0, 6.0),
        ("docker.io/nvidia/cuda:12.4.1-base-ubuntu22.04", 0.2, 0.5),
        ("pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime", 3.5, 6.0),
        ("ubuntu", 0.05, 0.2),
        # Somebody else's by these names, or another's registry, says nothing.
        ("ubuntu-of-mine", GUESSED_GB, 40.0),
        ("example.org/nvidia/cuda:12.4.1-devel", GUESSED_GB, 40.0),
        (None, GUESSED_GB, 40.0),
    ],
)
def test_an_image_that_many_use_is_known_by_its_name(
    image: str | None, usual: float, most: float
) -> None:
    pull = pull_of(image, 40.0)
    assert (pull.gb, pull.most_gb) == (usual, most)


def test_no_image_is_larger_than_its_disk() -> None:
    assert pull_of("vllm/vllm-openai:latest", 5.0).most_gb == 5.0


# The lowest bid, the price on demand, the most that it may cost; the bid.
BIDS: list[tuple[float, float | None, float | None, float | None]] = [
    (0.2, 0.5, None, 0.22),
    (0.2, 0.21, None, 0.21),
    (0.2, None, None, 0.22),
    (0.2, 0.5, 0.205, 0.205),
    (0.2, 0.5, 0.1, 0.2),  # over what is allowed, which leaves it out
    (0.2, 0.2, None, None),
    (0.2, 0.1, None, None),
    (0.0, 0.5, None, 0.0011),
]


@pytest.mark.parametrize(("lowest", "on_demand", "most", "bid"), BIDS)
def test_a_bid_is_a_tenth_over_the_lowest(
    lowest: float, on_demand: float | None, most: float | None, bid: float | None
) -> None:
    assert bid_for(offer(min_bid=lowest), on_demand, most) == bid
