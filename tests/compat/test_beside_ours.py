"""The official client and our tools do the same to one sandbox: its ledger tells them not apart.
Run by `make compat`.
"""

import json
from typing import Any

from box import Box

KEY_LINE = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0d test@example"
)


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
