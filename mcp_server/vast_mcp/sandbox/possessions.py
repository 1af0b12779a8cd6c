"""The account possesses volumes and templates, and has a face (docs/vast-api.md E, F, G)."""

from typing import Any

from .account import user_row
from .service import let_others_act, write_volume
from .shapes import Json
from .state import State
from .volumes import Volume


def rent_volume(state: State, body: Json) -> Volume:
    """Rent room for a volume (F)."""
    size, name = body.get("size"), body.get("name")
    let_others_act(state)
    volume = state.volumes.rent(body.get("id"), size, name, state.now)
    write_volume(state, volume)
    return volume


def clone_volume(state: State, body: Json) -> Volume:
    """Rent room for a copy of a volume (F)."""
    source, room = body.get("src_id"), body.get("dst_id")
    let_others_act(state)
    volume = state.volumes.clone(source, room, body.get("size"), state.now)
    write_volume(state, volume)
    return volume


def delete_volume(state: State, volume_id: Any) -> None:
    """Delete a volume; it costs nothing from here on (F)."""
    volume = state.volumes.delete(volume_id, state.now)
    state.write("volume_delete", volume_id=volume.id)


def add_template(state: State, body: Json) -> Json:
    """Add a template of the account's own (E)."""
    template = state.shelf.add(body, state.now)
    return _write_template(state, "template", template)


def replace_template(state: State, body: Json) -> tuple[str, Json]:
    """Give a template every field anew, or a copy of it where it is not only ours (E)."""
    template = state.shelf.numbered(body)
    held = [one.launch.template for one in state.living if one.launch.template is not None]
    used = any(one["id"] == template["id"] for one in held)
    msg, changed = state.shelf.replace(template, body, state.now, copied=used)
    return msg, _write_template(state, "template_edit", changed)


def delete_template(state: State, body: Json) -> int:
    """Take a template of the account's own off the shelf (E)."""
    template = state.shelf.delete(body)
    _write_template(state, "template_delete", template)
    return template["id"]


def edit_template(state: State, body: Json) -> Json:
    """Change a template of the account's own (E)."""
    template = state.shelf.edit(body, state.now)
    return _write_template(state, "template_edit", template)


def _write_template(state: State, kind: str, template: Json) -> Json:
    state.write(kind, hash_id=template["hash_id"], name=template["name"])
    return template


def user(state: State) -> Json:
    """Show the account as `users/current` does (G)."""
    row = user_row(state.user_id, state.balance, state.credit, state.first_public_key)
    return row | state.office.user
