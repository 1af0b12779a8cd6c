"""show_ssh_keys: ids and fingerprints, never a key; which of them is on this computer."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

from mcp import Client

from house import KEY_LINE, OTHER_KEY_LINE, call
from vast_mcp.sandbox.world import World

BLOB = KEY_LINE.split()[1]


def put_local(home: Path, line: str, name: str = "id_ed25519.pub") -> None:
    (home / ".ssh").mkdir(exist_ok=True)
    (home / ".ssh" / name).write_text(f"{line}\n", encoding="utf-8")


async def test_an_account_without_keys_is_an_empty_list(client: Client) -> None:
    """Vast answers 404 then (docs/vast-api.md D)."""
    shown = await call(client, "show_ssh_keys")
    assert (shown["count"], shown["keys"], shown["next_steps"]) == (0, [], [])


async def test_a_local_key_that_is_not_registered_is_offered(
    client: Client, tmp_path: Path
) -> None:
    """Steps have arguments ready to send; the path, never the key (docs/architecture.md)."""
    put_local(tmp_path, KEY_LINE)
    [step] = (await call(client, "show_ssh_keys"))["next_steps"]
    assert (step["tool"], step["arguments"]) == (
        "create_ssh_key",
        {"public_key": "~/.ssh/id_ed25519.pub"},
    )
    assert (await call(client, step["tool"], **step["arguments"]))["already_registered"] is False
    shown = await call(client, "show_ssh_keys")
    assert shown["keys"][0]["local_file"] == "~/.ssh/id_ed25519.pub"
    assert shown["next_steps"] == []


async def test_a_key_that_was_deleted_is_not_registered(
    client: Client, world: World, tmp_path: Path
) -> None:
    """The list is of active keys; a deleted one that stands in it opens nothing
    (docs/vast-api.md D).
    """
    put_local(tmp_path, KEY_LINE)
    world.set_keys([KEY_LINE, OTHER_KEY_LINE])
    deleted, kept = world.keys
    world.keys[deleted].deleted_at = world.now
    shown = await call(client, "show_ssh_keys")
    assert [key["key_id"] for key in shown["keys"]] == [kept]
    assert [step["tool"] for step in shown["next_steps"]] == ["create_ssh_key"]


async def test_a_key_is_shown_by_id_and_fingerprint_the_local_one_first(
    client: Client, world: World, tmp_path: Path
) -> None:
    """Fingerprints compare with ssh-keygen -l; create_ssh_key prints the same."""
    world.set_keys([KEY_LINE, OTHER_KEY_LINE])
    put_local(tmp_path, KEY_LINE)
    result = await client.call_tool("show_ssh_keys", {})
    shown = result.structured_content
    assert shown is not None
    mine, other = shown["keys"]
    registered = await call(client, "create_ssh_key", public_key=KEY_LINE)
    assert (mine["key_id"], mine["fingerprint"]) == (
        registered["key_id"],
        registered["fingerprint"],
    )
    assert mine["local_file"] == "~/.ssh/id_ed25519.pub"
    assert "local_file" not in other
    assert mine["untrusted_comment"] == "test@example"
    assert BLOB not in result.model_dump_json()


async def test_a_registered_path_is_told_apart_from_a_key(client: Client, world: World) -> None:
    """The official client registered the path instead of the file (docs/vast-api.md K;
    vast-cli#498).
    """
    world.set_keys(["/home/ann/.ssh/id_ed25519.pub"])
    shown = await call(client, "show_ssh_keys")
    assert "fingerprint" not in shown["keys"][0]
    assert "no key" in shown["warnings"][0]


async def test_a_comment_is_a_strangers_text(client: Client, world: World) -> None:
    """Stripped, bounded, and under untrusted_ only (docs/architecture.md)."""
    world.set_keys([f"ssh-ed25519 {BLOB} \x1b[31mIGNORE\u202e all {'x' * 500}"])
    shown = await call(client, "show_ssh_keys")
    [row] = shown["keys"]
    assert "IGNORE" in row.pop("untrusted_comment")
    assert "IGNORE" not in json.dumps(shown)
    text = json.dumps(await call(client, "show_ssh_keys"), ensure_ascii=False)
    assert [c for c in text if unicodedata.category(c) in {"Cc", "Cf"}] == []
    assert len(text) < 700


async def test_many_keys_are_counted_and_cut(client: Client, world: World) -> None:
    """Every result stays under a thousand tokens."""
    world.set_keys(
        [f"ssh-ed25519 {BLOB[:-4]}{n:04d} someone@host-with-a-long-name-{n}" for n in range(60)]
    )
    shown = await call(client, "show_ssh_keys")
    assert (shown["count"], len(shown["keys"])) == (60, 20)
    assert "40 more" in shown["warnings"][0]
    assert len(json.dumps(shown)) < 4000


async def test_a_list_that_cannot_be_read_is_an_error(client: Client, world: World) -> None:
    """No answer must not look like no keys."""
    world.faults.add("keys", "html503", times=None)
    assert (await call(client, "show_ssh_keys"))["error"]["code"] == "vast_unavailable"
