"""metering: what a machine has cost, by what looks have shown."""

from __future__ import annotations

import pytest

from vast_mcp.machines.costs import Bills
from vast_mcp.machines.metering import MOST_SPANS, Estimate, Meter

HOUR = 3600.0
BORN = 1_800_000_000.0
WHOLE, DISK = 0.5, 0.01
RUNS, RESTS = Bills(WHOLE, WHOLE, DISK), Bills(DISK, WHOLE, DISK)
AWAY, UNPRICED = Bills(0.0, WHOLE, DISK), Bills(None, None, None)


def metered(*looks: tuple[float, Bills], never_ran: bool = False) -> Meter:
    """A meter of looks at these hours after birth."""
    meter = Meter()
    for hours, bills in looks:
        now = BORN + hours * HOUR
        if meter.rate is None:
            meter.begin(bills, BORN, never_ran=never_ran, now=now)
        else:
            meter.look(bills, now)
    return meter


def spent(meter: Meter, hours: float, since: float = -1.0) -> Estimate:
    found = meter.spent(BORN + hours * HOUR, BORN + since * HOUR)
    assert found is not None
    return found


def test_a_machine_costs_on_as_it_was_last_seen() -> None:
    """Stopped hours cost its disk (docs/vast-api.md C.8)."""
    meter = metered((0, RUNS), (2, RUNS), (2, RESTS))
    assert spent(meter, 12).most == pytest.approx(2 * WHOLE + 10 * DISK)


def test_a_restart_counts_from_its_look() -> None:
    meter = metered((0, RUNS), (2, RUNS), (2, RESTS), (5, RESTS), (5, RUNS))
    estimate = spent(meter, 6)
    assert estimate.most == estimate.least == pytest.approx(3 * WHOLE + 3 * DISK)


def test_between_looks_that_differ_the_dearer_counts_and_the_cheaper_is_kept() -> None:
    """Somebody else stopped it at a time that nobody saw."""
    estimate = spent(metered((0, RUNS), (1, RUNS), (5, RESTS)), 5)
    assert (estimate.most, estimate.least) == pytest.approx((5 * WHOLE, WHOLE + 4 * DISK))


def test_before_the_first_look_a_machine_may_have_run_all_the_time() -> None:
    """At most; but one that no host ever took up, or that was rented to rest, has not."""
    late = spent(metered((10, RESTS)), 10)
    assert (late.most, late.least) == pytest.approx((10 * WHOLE, 10 * DISK))
    assert spent(metered((10, RESTS), never_ran=True), 10).most == pytest.approx(10 * DISK)


def test_a_host_that_is_offline_costs_nothing_meanwhile() -> None:
    assert spent(metered((0, RUNS), (1, RUNS), (1, AWAY)), 9).most == pytest.approx(WHOLE)


def test_a_look_without_a_price_counts_nothing_and_the_next_bridges_it() -> None:
    meter = metered((0, UNPRICED), (1, RUNS), (2, UNPRICED), (4, RUNS))
    assert spent(meter, 4).most == pytest.approx(4 * WHOLE)
    assert metered((0, UNPRICED)).spent(BORN + HOUR) is None


def test_a_part_of_the_time_is_told_by_itself() -> None:
    """What charges do not reach yet is estimated and added (account/spent.py)."""
    meter = metered((0, RUNS), (2, RUNS), (2, RESTS), (4, RESTS))
    assert spent(meter, 6, since=1).most == pytest.approx(WHOLE + 4 * DISK)
    assert spent(meter, 6, since=7).most == 0


def test_many_changes_keep_their_sum() -> None:
    meter, bills = Meter(), (RUNS, RESTS)
    meter.begin(RUNS, BORN, never_ran=False, now=BORN)
    for number in range(4 * MOST_SPANS):
        at = BORN + (number + 1) * HOUR
        meter.look(bills[number % 2], at)
        meter.look(bills[(number + 1) % 2], at)
    assert len(meter.spans) <= MOST_SPANS
    assert spent(meter, 4 * MOST_SPANS).most == pytest.approx(2 * MOST_SPANS * (WHOLE + DISK))


def test_a_clock_that_goes_back_makes_no_money() -> None:
    meter = metered((0, RUNS), (2, RUNS))
    assert meter.look(RUNS, BORN + HOUR) is False
    assert spent(meter, 1, since=-5).most == pytest.approx(WHOLE)


def test_the_next_process_goes_on_and_a_text_of_nobodys_begins_anew() -> None:
    meter = metered((0, RUNS), (2, RUNS), (2, RESTS))
    again = Meter.of_json(meter.as_json())
    assert again == meter
    for text in ("", "{", '{"spans": 7}', '{"rate": NaN}', '{"spans": [[1, 2, 3]]}'):
        assert Meter.of_json(text) is None
