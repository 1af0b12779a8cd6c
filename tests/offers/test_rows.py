"""Rows of offers: what is said once of several is neither lost nor added to any of them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from house import so_many
from vast_mcp.offers.rows import OfferRow, told_once

# Few values of each, so that rows have some alike; one of them is that nothing is known.
ROW = st.builds(
    OfferRow,
    offer_id=st.integers(1, 9),
    machine_id=st.none() | st.integers(1, 3),
    gpu_name=st.none() | st.sampled_from(["RTX 4090", "H200"]),
    untrusted_gpu_name=st.none() | st.just("best card"),
    num_gpus=st.none() | st.just(2),
    gpu_ram_gb=st.none() | st.sampled_from([24, 141]),
    compute_cap=st.none() | st.sampled_from([8.9, 9.0]),
    gpu_vendor=st.none() | st.just("amd"),
    usd_per_hour=st.sampled_from([0.25, 1.0]),
    cpu_cores=st.none() | st.sampled_from([6.4, 8.0]),
    cpu_ram_gb=st.none() | st.just(0) | st.just(32),
    usd_per_tb=st.none() | st.sampled_from([[0.0], [2.67], [2.67, 40.0]]),
    direct_ports=st.none() | st.just(0),
    vm=st.none() | st.just(True),
)


@settings(max_examples=so_many(300))
@given(rows=st.lists(ROW, max_size=12))
def test_each_row_with_what_is_said_of_all_is_the_whole_row(rows: list[OfferRow]) -> None:
    """A program reads {**same, **row}: what a row does not know must not come from the others."""
    whole = [row.model_dump(mode="json", exclude_none=True) for row in rows]
    same, told = told_once(rows)
    shown = [row.model_dump(mode="json", exclude_none=True) for row in told]
    assert [{**same, **row} for row in shown] == whole
    assert {"offer_id", "usd_per_hour", "num_gpus", "machine_id", "gpu_name"}.isdisjoint(same)
