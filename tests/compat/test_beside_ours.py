"""The official client and our tools do the same to one sandbox: its ledger tells them not apart.
Run by `make compat`.
"""

import json
import re
import time
from typing import Any

from box import ROOT, Box

KEY_LINE = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0d test@example"
)


PENDING = "/api/v0/instances/pending-price-increases/"


def since(box: Box, before: int) -> list[tuple[str, Any]]:
    """The ledger's entries of after, without when."""
    return [(entry["kind"], entry["detail"]) for entry in box.ledger()[before:]]


def a_key(box: Box) -> int:
    return box.http.post("/api/v0/ssh/", json={"ssh_key": KEY_LINE}).json()["key"]["id"]


def test_a_key_is_detached_and_deleted_alike(box: Box) -> None:
    """DELETE of the machine's and of the account's (docs/vast-api.md D)."""
    found: list[list[tuple[str, Any]]] = []
    for way in ("theirs", "ours"):
        box.set(reset=True)
        key, machine = a_key(box), box.rent()
        before = len(box.ledger())
        if way == "theirs":
            assert "removed" in box.says("detach", "ssh", machine, key)
            box.says("delete", "ssh-key", key)
        else:
            given = {"instance_id": machine, "key_id": key, "not_ours": True}
            assert box.ours("detach_ssh_key", given)["outcome"] == "detached"
            assert box.ours("delete_ssh_key", {"key_id": key})["outcome"] == "deleted"
        found.append(since(box, before))
    assert found[0] == found[1]
    assert [kind for kind, _ in found[0]] == ["key_detach", "key_delete"]


def test_a_template_is_made_edited_and_deleted_alike(box: Box) -> None:
    """The official client edits by v1 with every field, ours by v0 with what changes; the content
    is the same, and so is its hash (docs/vast-api.md E).
    """
    found: list[list[tuple[str, Any]]] = []
    for way in ("theirs", "ours"):
        box.set(reset=True)
        found.append(_theirs(box) if way == "theirs" else _ours(box))
    assert [kind for kind, _ in found[0]] == ["template", "template_edit", "template_delete"]
    assert [(kind, detail["name"]) for kind, detail in found[0]] == [
        (kind, detail["name"]) for kind, detail in found[1]
    ]


def _theirs(box: Box) -> list[tuple[str, Any]]:
    words = ("--image", "example/server", "--image_tag", "v1", "--env", "-e A=1", "--ssh")
    more = ("--direct", "--disk_space", "50")
    box.says("create", "template", "--name", "mine", *words, *more)
    old = box.ledger()[-1]["detail"]["hash_id"]
    box.says("update", "template", old, "--name", "yours", *words, *more)
    new = box.ledger()[-1]["detail"]["hash_id"]
    [row] = json.loads(box.says("search", "templates", f"hash_id={new}"))
    assert (row["env"], row["tag"], row["ssh_direct"]) == ("-e A=1", "v1", True)
    box.says("delete", "template", "--template-id", row["id"])
    return since(box, 0)


def _ours(box: Box) -> list[tuple[str, Any]]:
    given = {"image": "example/server:v1", "env": "-e A=1", "runtype": "ssh_direct", "disk": 50}
    made = box.ours("create_template", {"name": "mine", **given})["template"]
    change = {"template_hash_id": made["template_hash_id"], "name": "yours"}
    edited = box.ours("create_template", change)
    new = edited["template"]["template_hash_id"]
    [row] = json.loads(box.says("search", "templates", f"hash_id={new}"))
    assert (row["env"], row["tag"], row["ssh_direct"]) == ("-e A=1", "v1", True)
    assert box.ours("delete_template", {"template_hash_id": new})["outcome"] == "deleted"
    return since(box, 0)


def test_a_higher_price_is_accepted_and_rejected_alike(box: Box) -> None:
    """PUT of the increase's id, after a look at the list (docs/vast-api.md C.7)."""
    machines = [box.rent() for _ in range(4)]
    for machine in machines:
        box.set(raise_price={"instance_id": machine})
    before = len(box.ledger())
    for command, action in (("accept", "accept_price"), ("reject", "reject_price")):
        theirs, other = machines.pop(), machines.pop()
        box.vastai(command, "price-increase", theirs, "-y")
        given = {"instance_id": other, "action": action, "not_ours": True}
        told = box.ours("manage_instance", given)
        assert "price_increase" in told, told
    done = [(kind, detail.keys()) for kind, detail in since(box, before)]  # each has its number
    assert [kind for kind, _ in done[::2]] == ["rise_accepted", "rise_rejected"]
    assert done[::2] == done[1::2]
    assert box.http.get(PENDING).json()["count"] == 0


def test_money_is_paid_ahead_alike_once_a_person_said_yes(box: Box) -> None:
    """PUT of the amount, and the same credit left (docs/vast-api.md C.7, C.8)."""
    first, second = box.rent(), box.rent()
    before, credit = len(box.ledger()), box.credit()
    box.says("prepay", "instance", first, 1)
    half_way = box.credit()
    given = {"instance_id": second, "action": "reserve", "amount_usd": 1.0, "not_ours": True}
    kept = {"VAST_MCP_STATE_DIR": str(box.home / "state")}
    asked = box.ours("manage_instance", given, **kept)["error"]
    assert (asked["code"], len(box.ledger())) == ("needs_confirmation", before + 1)
    code = re.search(r"approve ([2-9A-Z]{4}-[2-9A-Z]{4})", asked["message"])
    assert code is not None
    box.run(ROOT / ".venv/bin/vast-mcp", "approve", code[1], "--yes", **kept)
    assert box.ours("manage_instance", given, **kept)["reserved"]["paid_usd"] == 1.0
    done = since(box, before)
    assert [kind for kind, _ in done] == ["prepay", "prepay"]
    assert done[0][1] == done[1][1]
    assert credit - half_way == half_way - box.credit() == 1.0


def test_maintenance_of_what_one_rents_is_told_by_ours_alone(box: Box) -> None:
    """POST with the machines' ids (docs/vast-api.md C.11). The official client asks by GET, as a
    host of its own machines; no reply to that is recorded (docs/sandbox.md).
    """
    machine = box.rent()
    host = box.show(machine)["machine_id"]
    announced = {
        "id": 7,
        "machine_id": host,
        "start_time": time.time() + 3600,
        "duration_hours": 2.0,
        "maintenance_category": "disk",
    }
    box.set(maintenances=[announced])
    before = box.ledger()
    theirs = box.vastai("show", "maints", "--ids", host)
    told = " ".join(box.ours("show_instance", {"instance_id": machine})["notices"])
    assert "405" in theirs.stderr
    assert "maintenance (disk)" in told
    assert box.ledger() == before


def test_several_are_stopped_started_labelled_and_destroyed_alike(box: Box) -> None:
    """The bulk routes do what the official client's lists do, and nothing to a third machine
    (docs/vast-api.md C.7).
    """
    found: list[list[tuple[str, Any]]] = []
    left: list[list[bool]] = []
    for way in ("theirs", "ours"):
        box.set(reset=True, rent_again=True)
        *two, third = (box.rent() for _ in range(3))
        before = len(box.ledger())
        if way == "theirs":
            box.says("stop", "instances", *two)
            box.says("start", "instances", *two)
            for one in two:
                box.says("label", "instance", one, "batch")
            box.says("destroy", "instances", *two, "-y")
        else:
            _ours_of_several(box, two)
        found.append(since(box, before))
        left.append([one["id"] == third for one in box.rentals() if one["destroyed_at"] is None])
    assert found[0] == found[1]
    assert left == [[True], [True]]


def _ours_of_several(box: Box, ids: list[int]) -> None:
    given = {"instance_ids": ids, "not_ours": True}
    for change in ({"action": "stop"}, {"action": "start"}, {"action": "label", "label": "batch"}):
        told = box.ours("manage_instance", {**given, **change})
        assert [one["outcome"] for one in told["results"]] == ["done"] * len(ids), told
    told = box.ours("destroy_instance", given)
    assert [one["outcome"] for one in told["results"]] == ["destroyed"] * len(ids)
