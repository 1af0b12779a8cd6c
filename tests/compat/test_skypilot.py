"""SkyPilot's own Vast provisioner (0.14.1, on vastai-sdk 1.9.1) against the sandbox. Run by
`make compat`.

What it may not do here: run a task. Its API server and its agent in the machines are not asked.
"""

from collections import Counter
from typing import Any

import pytest
from box import Box

pytestmark = pytest.mark.timeout(300)


def kind(box: Box) -> dict[str, Any]:
    """A kind of machine in SkyPilot's words, of which the market has at least two in a region."""
    query = "chunked=true georegion=true num_gpus=1 disk_space>=80"
    [rows] = box.skypilot(("search", {"query": query}))
    count = Counter((row["gpu_name"], row["geolocation"][-2:]) for row in rows)
    (card, region), found = count.most_common(1)[0]
    assert found > 1
    return {"type": f"1x-{card.replace(' ', '_')}-1-1024", "region": region}


def test_its_catalogue_reads_every_offer(box: Box) -> None:
    """It reads a price, a floor of bids, a place and a kind of host in each row
    (docs/vast-api.md B.4).
    """
    query = "georegion = true chunked = true inet_down >= 100 disk_space >= 80"
    [rows] = box.skypilot(("search", {"query": query, "limit": 10000}))
    assert rows
    for row in rows:
        assert row["search"]["totalHour"] > 0
        assert row["geolocation"]
        assert row["gpu_total_ram"] >= row["gpu_ram"]
        assert {"min_bid", "hosting_type", "cpu_cores", "cpu_ram", "num_gpus"} <= row.keys()


def test_a_cluster_comes_up_stops_starts_and_goes(box: Box) -> None:
    """One machine a node, found again by its label; `exited` and `stopped` are stopped to it
    (docs/vast-api.md C.4).
    """
    cluster = {"name": "c", "count": 2, **kind(box)}
    run, up, info = box.skypilot(("run", cluster), ("states", cluster), ("info", cluster))
    made = [str(rental["id"]) for rental in box.rentals()]
    assert sorted(map(str, run["made"])) == sorted(made)
    assert {rental["label"] for rental in box.rentals()} == {"c-head", "c-worker"}
    assert up == dict.fromkeys(made, "UP")
    for machine, (host, port) in info.items():
        row = box.show(int(machine))
        direct = [int(way["HostPort"]) for way in (row["ports"] or {}).get("22/tcp", [])]
        assert (host, port) == (row["ssh_host"], (direct or [row["ssh_port"]])[0])
    _stopped, down, again = box.skypilot(("stop", cluster), ("states", cluster), ("run", cluster))
    assert down == dict.fromkeys(made, "STOPPED")
    assert again["made"] == []
    assert box.skypilot(("terminate", cluster), ("machines", {})) == [None, {}]
    assert len(box.rentals()) == 2


def test_its_environment_is_an_object_and_its_start_script_is_kept(box: Box) -> None:
    """The SDK refuses a text for `env` (docs/vast-api.md A.4)."""
    more = {"env": "-e TOKEN=1", "onstart_cmd": "echo ready"}
    box.skypilot(("run", {"name": "e", "more": more, **kind(box)}))
    [rental] = box.rentals()
    assert rental["env"] == {"__SOURCE": "skypilot", "TOKEN": "1"}
    assert rental["onstart"].endswith("echo ready")


def test_it_gives_up_where_no_offer_fits(box: Box) -> None:
    """No match is a list without rows (docs/vast-api.md B.2)."""
    assert box.skypilot(("search", {"query": 'gpu_name="No Such Card"'})) == [[]]
