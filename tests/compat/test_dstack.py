"""dstack's own Vast backend (0.22.5, gpuhunt 0.1.34) against the sandbox. Run by `make compat`.

What it may not do here: run a job whole. Its server, and the agent that it starts in a machine, are
not asked.
"""

from typing import Any

import pytest
from box import Box

pytestmark = pytest.mark.timeout(300)

# What dstack sends for a job (docs/vast-api.md A.3: args mode, a shell in `onstart`).
JOB: dict[str, Any] = {
    "instance_name": "job-0",
    "image_name": "dstackai/base:0.9",
    "onstart": "sleep infinity",
    "disk_size": 50,
}


def test_a_good_key_enters_and_a_bad_one_does_not(box: Box) -> None:
    """Both are told apart by the status alone (docs/vast-api.md I)."""
    box.set(api_keys=["good"])
    keys = [("may_enter", {"key": key}) for key in ("good", "bad")]
    assert box.dstack(*keys) == [True, False]


def test_it_finds_offers_with_prices_for_renting_and_for_bidding(box: Box) -> None:
    """It reads cpu_cores, storage_cost and min_bid of every row (docs/vast-api.md B.4), and sends
    `cuda_max_good` with a floor for `compute_cap` (docs/vast-api.md B.2).
    """
    [found] = box.dstack(("offers", {"gpu": {"memory": "24GB", "count": 1}}))
    assert {offer["spot"] for offer in found} == {True, False}
    assert all(offer["price"] > 0 and len(offer["gpus"]) == 1 for offer in found)
    assert all(offer["backend_data"]["min_bid"] for offer in found if offer["spot"])


def test_a_job_is_one_machine_that_it_finds_its_way_into(box: Box) -> None:
    """It logs in at `public_ipaddr` and the mapping of its own port (docs/vast-api.md C.6)."""
    offer = box.offer()
    [made] = box.dstack(("create", {"bundle_id": offer, **JOB}))
    [rental] = box.rentals()
    assert (rental["id"], rental["offer_id"], rental["disk"]) == (made["id"], offer, 50)
    first, *_others, last = box.dstack(*[("update", made)] * 3)
    row = box.show(made["id"])
    port = int(row["ports"]["10022/tcp"][0]["HostPort"])
    assert first == {"host": None, "port": None}
    assert last == {"host": row["public_ipaddr"].strip(), "port": port}


def test_a_bid_that_loses_at_once_is_destroyed_by_it(box: Box) -> None:
    """`success: false` with `new_contract` is a machine to it (docs/vast-api.md A.6, A.11)."""
    [refused] = box.dstack(("create", {"bundle_id": box.offer(), "bid": 0.001, **JOB}))
    [rental] = box.rentals()
    assert refused == {"refused": True, "made": rental["id"]}
    update, destroy = box.dstack(("update", rental), ("destroy", rental))
    assert "stopped" in update["gave_up"]
    assert destroy == {"done": True}
    assert box.rentals()[0]["alive"] is False


def test_destroying_twice_is_destroying_once(box: Box) -> None:
    """It takes `no_such_instance` for gone (docs/vast-api.md C.7)."""
    destroy = ("destroy", {"id": box.rent()})
    assert box.dstack(destroy, destroy) == [{"done": True}, {"done": True}]
    assert [entry["kind"] for entry in box.ledger()] == ["rent", "destroy"]


def test_it_waits_where_the_sandbox_says_too_often(box: Box) -> None:
    """A 429 is told by its status (docs/vast-api.md H)."""
    destroy = ("destroy", {"id": box.rent()})
    fault = {"endpoint": "destroy", "kind": "too_many_detail", "times": 1}
    box.http.post("/_sandbox/faults", json=fault)
    assert box.dstack(destroy, destroy) == [{"limited": True}, {"done": True}]


def test_it_rents_nothing_twice(box: Box) -> None:
    """An offer is gone once it is rented (docs/vast-api.md B.4)."""
    create = ("create", {"bundle_id": box.offer(), **JOB})
    first, second = box.dstack(create, create)
    assert [first] == [{"id": rental["id"]} for rental in box.rentals()]
    assert second == {"refused": True, "made": None}
