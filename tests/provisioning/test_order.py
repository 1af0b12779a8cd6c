"""The order of offers, in the markets of `make plans`."""

from __future__ import annotations

from storm.plans.weights import cases


def test_the_order_costs_less_than_cheapest_first_and_not_much_more_than_knowing() -> None:
    some = list(cases(3))
    in_order = sum(one.tried(one.expected) for one in some)
    cheapest_first = sum(one.tried(one.cheapest) for one in some)
    assert sum(one.best() for one in some) <= in_order < cheapest_first
