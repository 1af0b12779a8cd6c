"""SSH keys belong to the account, and copies of them to its instances (D)."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from . import replies
from .account import Key
from .instances import Instance
from .service import own
from .shapes import Json
from .state import State

BEFORE_FIRST_KEY = 700_000


def list_keys(state: State) -> list[Json]:
    """List the account's keys; none is a 404 (D)."""
    if state.team or not state.keys:
        raise replies.no_keys()
    return _rows(state.keys)


def _rows(keys: dict[int, Key]) -> list[Json]:
    return [key.as_json() for key in keys.values()]


def add(state: State, text: Any) -> Key:
    """Keep whatever text comes, a file's path too (D); the same key again is the one that is
    there.
    """
    public_key = _read_public_key(state, text)
    known = _find(state.keys.values(), public_key)
    if known is not None:
        return known
    key = new_key(state, public_key)
    state.write("key_add", key_id=key.id, public_key=public_key)
    return key


def new_key(state: State, public_key: str) -> Key:
    """Give the account a key that the ledger does not hear of."""
    key = _numbered(state, _free_number(state.keys), public_key)
    state.keys[key.id] = key
    return key


def _numbered(state: State, number: int, public_key: str) -> Key:
    return Key(number, public_key, state.now, state.user_id)


def delete(state: State, key_id: int) -> None:
    """Delete a key of the account; a missing one is a 400 (D)."""
    if state.keys.pop(key_id, None) is None:
        raise replies.no_ssh_key_to_delete(key_id)
    state.write("key_delete", key_id=key_id)


def update(state: State, key_id: int, text: Any) -> Key:
    """Change the text of a key of the account (D)."""
    public_key = _read_public_key(state, text)
    if key_id not in state.keys:
        raise replies.refusal(404, "not_found", f"No SSH key {key_id}")
    if _find(state.keys.values(), public_key) is not None:
        msg = "The SSH key already exists on this account"
        raise replies.refusal(400, "invalid_args", msg)
    state.keys[key_id] = replace(state.keys[key_id], public_key=public_key)
    state.write("key_update", key_id=key_id, public_key=public_key)
    return state.keys[key_id]


def replace_on(state: State, instance_id: int, key_id: Any, text: Any) -> Key:
    """Put another text in the place of an instance's key (D)."""
    instance = _standing(state, instance_id)
    public_key = _read_public_key(state, text)
    if key_id not in instance.keys:
        raise replies.refusal(200, "add_ssh_to_instance", "SSH key is not on this instance.")
    key = replace(instance.keys[key_id], public_key=public_key)
    instance.keys[key_id] = key
    state.write("key_replace", instance, key_id=key_id, public_key=public_key)
    return key


def _standing(state: State, instance_id: int) -> Instance:
    """Find an instance; these routes say with a 200 that there is none (D)."""
    instance = state.find(instance_id)
    if instance is None:
        raise replies.refusal(200, "no_such_instance", f"Instance {instance_id} not found.")
    return instance


def attached(state: State, instance_id: int) -> str:
    """List an instance's keys, as JSON in a text (D)."""
    return json.dumps(_rows(_standing(state, instance_id).keys))


def attach(state: State, instance_id: int, text: Any) -> Key:
    """Put a key on one instance; the account's own are there from its birth (D). A VM takes none
    later.
    """
    instance = own(state, instance_id)
    public_key = _read_public_key(state, text)
    if _find(instance.keys.values(), public_key) is not None:
        raise replies.already_attached()
    if instance.kind == "vm":
        raise replies.key_too_late_for_vm()
    key = _copy_for(state, instance, public_key)
    instance.keys[key.id] = key
    state.write("key_attach", instance, key_id=key.id, public_key=public_key)
    return key


def _copy_for(state: State, instance: Instance, public_key: str) -> Key:
    known = _find(state.keys.values(), public_key)
    if known is not None:
        return replace(known)
    key = _numbered(state, _free_number([*state.keys, *instance.keys]), public_key)
    state.keys[key.id] = key  # it becomes the account's too (D)
    return replace(key)


def detach(state: State, instance_id: int, key_id: int) -> None:
    """Take a key off one instance (D)."""
    instance = _standing(state, instance_id)
    if instance.keys.pop(key_id, None) is None:
        raise replies.no_such_ssh_key()
    state.write("key_detach", instance, key_id=key_id)


def _read_public_key(state: State, text: Any) -> str:
    if state.team:
        raise replies.team_keys()
    if not isinstance(text, str) or not text.strip():
        raise replies.no_ssh_key("ssh_key is required")
    return text


def _find(keys: Iterable[Key], public_key: str) -> Key | None:
    same = (key for key in keys if key.public_key.strip() == public_key.strip())
    return next(same, None)


def _free_number(taken: Iterable[int]) -> int:
    return max(taken, default=BEFORE_FIRST_KEY) + 1
