"""What an hour on a machine that works is expected to cost, by which offer it is looked for: the
order in which offers are tried. All weights stand here. Pure.

    price + (what a try costs) / (chance that it works) / (hours of work)

A try that fails is paid for as well as the one that works, and on average 1 / chance of them are
made; of equal price, the one that works sooner and oftener comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vast_mcp.account.before import Before
from vast_mcp.offers.filters import reliability_of
from vast_mcp.vast.models import Offer

# The chance of a host that was never down: start, pull and way in fail on good hosts too.
BEST = 0.85
# How fast the chance falls with reliability: 0.99 → 0.73, 0.97 → 0.54, 0.95 → 0.40.
OF_RELIABILITY = 15.0
UNKNOWN_RELIABILITY = 0.9  # of a row that shows none
# Rentals that what a row says is worth beside what was met: two failures halve a good chance.
PRIOR = 2.0
OF_HOST = 0.3  # of a rental of another machine of the same host, beside one of its own
OF_DOUBT = 0.5  # the chance that is left by what speaks against image, driver or ports
OF_TOO_SLOW = 0.1  # the chance of a pull that takes longer than a try is given
BOOT_S = 90.0  # from rental to a way in, beside the pull: usual are 1 to 2 minutes
FAILED_SHARE = 0.7  # of a try's time that passes until a failing one is known to fail and is gone
# Hours of work that a try's cost is spread over. A lease is a bound: a quarter of it is counted.
HOURS, OF_LEASE = 1.0, 0.25
LEAST_CHANCE = 0.02


@dataclass(frozen=True)
class Weighed:
    """What is expected of one offer. `chance`: that it works; `ready_s`, `ready_usd`: until it does
    and at what cost, where it does; `usd_per_hour`: of work, what fails included.
    """

    chance: float
    ready_s: float
    ready_usd: float
    usd_per_hour: float


def weighed(
    usd_per_hour: float,
    pull_usd: float,
    pull_s: float,
    chance: float,
    *,
    give_up_s: float,
    lease_hours: float | None,
) -> Weighed:
    """What an offer at this price comes to. `lease_hours`: from the hand-over on; None is no
    end.
    """
    ready_s = BOOT_S + pull_s
    if ready_s > give_up_s:
        chance *= OF_TOO_SLOW
    chance = max(chance, LEAST_CHANCE)
    each_s = chance * min(ready_s, give_up_s) + (1 - chance) * FAILED_SHARE * give_up_s
    each_usd = usd_per_hour * each_s / 3600 + pull_usd
    work_h = max(HOURS, OF_LEASE * (lease_hours or 0.0))
    return Weighed(
        chance,
        ready_s,
        usd_per_hour * ready_s / 3600 + pull_usd,
        usd_per_hour + each_usd / chance / work_h,
    )


def chance_of(
    offer: Offer, own: Before | None, of_host: Sequence[Before], doubts: Sequence[str]
) -> float:
    """The chance that an offer's machine works: by its reliability, by what became of rentals of it
    and of its host's other machines, and by what speaks against it.
    """
    reliability = reliability_of(offer)
    if reliability is None:
        reliability = UNKNOWN_RELIABILITY
    said = BEST * max(0.0, min(1.0, reliability)) ** OF_RELIABILITY
    good, bad = _met([] if own is None else [own])
    host_good, host_bad = _met(of_host)
    good, bad = good + OF_HOST * host_good, bad + OF_HOST * host_bad
    chance = (said * PRIOR + good) / (PRIOR + good + bad)
    return chance * OF_DOUBT if doubts else chance


def _met(all_before: Sequence[Before]) -> tuple[float, float]:
    """How many rentals were ready, and how many failed."""
    good = sum(one.times_ready for one in all_before)
    return good, sum(one.times_failed for one in all_before)
