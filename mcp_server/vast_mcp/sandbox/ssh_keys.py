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


def attached(state: State, instance_id: int) -> str:
    """List an instance's keys, as JSON in a text (D)."""
    return json.dumps(_rows(own(state, instance_id).keys))


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
    number = _free_number([*state.keys, *instance.keys])
    return _numbered(state, number, public_key)


def detach(state: State, instance_id: int, key_id: int) -> None:
    """Take a key off one instance (D)."""
    instance = own(state, instance_id)
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
