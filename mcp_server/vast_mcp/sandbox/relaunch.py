"""A machine that is rented gets another template, image or disk (docs/vast-api.md C.7)."""

from dataclasses import replace
from typing import Any

from . import replies
from .create_body import read_launch
from .instances import Instance
from .launch import Launch
from .service import recycle
from .shapes import Json, known
from .state import State

CHANGES = ("image", "onstart", "image_login", "disk", "env", "args")
FIELDS = frozenset({*CHANGES, "template_hash_id", "template_id", "recycle", "id"})


def update(state: State, instance_id: int, body: Json) -> Json:
    """Change what the next container is made of; the present one goes on unless it is recycled.

    The hash of a template wins over its number (C.7). That a changed disk is priced at once is
    ours.
    """
    instance = _find(state, instance_id)
    given = known({name: body.get(name) for name in CHANGES})
    template = _template(state, body)
    asked = (_of(instance.launch) if template is None else _kept(instance.launch)) | given
    if template is not None:
        asked["template_hash_id"] = template["hash_id"]
    launch = read_launch(asked, state.templates, instance.offer_id)
    instance.tick(state.now)
    instance.launch = _with_its_contract(launch, instance.launch, keep_template=template is None)
    state.write("update_template", instance)
    if body.get("recycle"):
        recycle(state, instance_id)
    return {name: getattr(instance.launch, name) for name in ("image", "onstart", "disk", "args")}


def _find(state: State, instance_id: int) -> Instance:
    instance = state.find(instance_id)
    if instance is None:
        raise replies.refusal(404, "not_found", f"Instance {instance_id} not found.")
    return instance


def _template(state: State, body: Json) -> Json | None:
    wanted: Any = body.get("template_hash_id")
    if wanted is not None:
        return _named(state, "hash_id", wanted)
    wanted = body.get("template_id")
    if wanted is not None:
        return _named(state, "id", wanted)
    return None


def _named(state: State, name: str, wanted: Any) -> Json:
    found = [one for one in state.templates.values() if one[name] == wanted]
    if not found:
        raise replies.refusal(404, "not_found", f"Template {str(wanted)[:40]} not found.")
    return found[0]


def _kept(launch: Launch) -> Json:
    """What a template does not replace."""
    return {"disk": launch.disk, "vm": launch.vm}


def _of(launch: Launch) -> Json:
    """Say a launch as the request that would make it."""
    return _kept(launch) | known(
        {
            "image": launch.image,
            "runtype": launch.runtype,
            "onstart": launch.onstart,
            "args": launch.args or None,
            "env": launch.env,
            "jupyter_dir": launch.jupyter_dir,
            "use_jupyter_lab": launch.use_jupyter_lab,
            "image_login": launch.image_login,
        }
    )


def _with_its_contract(new: Launch, old: Launch, *, keep_template: bool) -> Launch:
    """Keep what the contract is about: its price, its volume, its label."""
    return replace(
        new,
        price=old.price,
        volume_info=old.volume_info,
        label=old.label,
        start=old.start,
        cancel_unavail=old.cancel_unavail,
        template=old.template if keep_template else new.template,
    )
