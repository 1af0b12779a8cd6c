"""What a machine is rented with, as its answer and the journal tell it: names of variables, never
their values. Pure.

What the request says beats what its template brings (docs/vast-api.md A.10). The words of a
template are a stranger's, so they are kept apart from those of the call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from vast_mcp.errors import Json, clean
from vast_mcp.leases import watchdog
from vast_mcp.leases.packing import BEGAN
from vast_mcp.machines import figures
from vast_mcp.renting.env_grammar import env_of
from vast_mcp.renting.findings import Findings
from vast_mcp.renting.image_rules import image_of_template
from vast_mcp.renting.port_rules import ports_of, ports_of_template
from vast_mcp.renting.rules import by_args
from vast_mcp.vast.account import Template

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_LONGEST_IMAGE = 200  # characters of a template's
_DIRECT = {"ssh": "ssh_direct", "jupyter": "jupyter_direct"}


def asked_by(body: Json, template: Template | None) -> Json:
    """What is asked for, with what the template adds (account/asked.py shows it).

    `image`: the call's own, absent where the template brings it. `launch`: the mode in which it
    starts, absent where an unread template decides. `env`: names of variables. `ports`: opened ones
    as "8000/tcp". `volume`: its `mount_path`, and what names it. `template`: its hash.
    """
    facts: Json = {
        "image": body.get("image"),
        "launch": _launch(body, template),
        "env": sorted({*_names(body.get("env", {})), *_names(_env_of(template))}),
        "ports": _ports(body, template),
        "volume": _volume(body),
        "template": body.get("template_hash_id"),
    }
    return {name: value for name, value in facts.items() if value not in (None, [])}


def made_by(body: Json, findings: Findings) -> Json:
    """What else an answer says of a machine made so (as_made.py shows it)."""
    offer, price, template = findings.offer, findings.price, findings.template
    per_tb = None
    if offer is not None:
        per_tb = figures.usd_per_tb(offer.inet_down_cost, offer.inet_up_cost)
    facts: Json = {
        **started_by(body, template),
        "ssh_keys": findings.let_in,
        "disk": price.disk,
        "volume": price.volume or None,
        "bid": body.get("price"),
        "on_demand": findings.on_demand_usd if "price" in body else None,
        "per_tb": per_tb,
    }
    return {name: value for name, value in facts.items() if value not in (None, {})}


def started_by(body: Json, template: Template | None) -> Json:
    """What starts in it, of all that: what its template adds, and its onstart, or program."""
    return {
        "brought": brought_by(template, body),
        "onstart": _onstart(body, template),
        "program": ("onstart" in body and by_args(body, template)) or None,
    }


def _onstart(body: Json, template: Template | None) -> Json:
    text = body.get("onstart")
    if text is None or by_args(body, template):
        return {}
    tells = BEGAN in text
    if watchdog.is_all_of(text):
        return {}
    return {"characters": len(text), "tells": tells, "vm": bool(body.get("vm"))}


def brought_by(template: Template | None, body: Json) -> Json:
    """What a template adds that holds: its `image`, the names of variables that only it has
    (`env`), and of those that the call sets to something else (`overridden`).
    """
    if template is None:
        return {}
    own, its = set(_names(body.get("env", {}))), set(_names(_env_of(template)))
    image = None if "image" in body else image_of_template(template)
    facts: Json = {
        "image": None if image is None else clean(image, _LONGEST_IMAGE),
        "env": sorted(its - own),
        "overridden": sorted(its & own),
    }
    return {name: value for name, value in facts.items() if value}


def _env_of(template: Template | None) -> dict[str, str]:
    """A template's variables and flags, as far as they can be read."""
    if template is None or not template.env:
        return {}
    try:
        return env_of(template.env)
    except ValueError:
        return {}


def _names(env: Iterable[str]) -> list[str]:
    """The names of variables: what is none by its shape could say anything."""
    return [name for name in env if _NAME.fullmatch(name)]


def _launch(body: Json, template: Template | None) -> str | None:
    if "runtype" in body:
        return body["runtype"]
    if by_args(body, template):
        return "args"
    if template is None:
        return None if "template_hash_id" in body else "ssh"
    is_direct = {"ssh": template.ssh_direct, "jupyter": template.jup_direct}
    runtype = template.runtype or ""
    if runtype not in _DIRECT:
        return None
    return _DIRECT[runtype] if is_direct[runtype] else runtype


def _ports(body: Json, template: Template | None) -> list[str]:
    opened = ports_of(body).opened
    if template is not None:
        opened |= ports_of_template(template, body).opened
    return [f"{number}/{way}" for number, way in sorted(opened)]


def _volume(body: Json) -> Json | None:
    """The volume that is mounted: by its own argument, or by -v (docs/vast-api.md A.4, A.8)."""
    info: Json = body.get("volume_info", {})
    if info.get("create_new"):
        return {"new": True, "size_gb": info["size"], "mount_path": info["mount_path"]}
    if info:
        return {"volume_id": info["volume_id"], "mount_path": info["mount_path"]}
    for key in body.get("env", {}):
        if key.startswith("-v "):
            name, _, path = key.removeprefix("-v ").partition(":")
            return {"name": name, "mount_path": path}
    return None
