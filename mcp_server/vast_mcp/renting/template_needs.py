"""What a template wants of an offer, as far as a search can ask for it. Pure.

A template is a stranger's text: of it numbers are read, and names of a known shape.
"""

from __future__ import annotations

from typing import cast

from vast_mcp.errors import Json
from vast_mcp.renting.port_rules import ports_of_template
from vast_mcp.renting.template_filters import filters_in
from vast_mcp.renting.what_runs import asked_by, brought_by
from vast_mcp.vast.account import Template
from vast_mcp.vast.replies import as_object

_CUDA = ("cuda_max_good", "cuda_vers")  # Vast's column, and the official client's name for it
_VM_IMAGE = "vastai/kvm"  # of which Vast's own templates make VMs
_AT_LEAST = ("gte", "gt", "eq")
_MOST_CUDA = 100.0


def facts_of(template: Template) -> Json:
    """Its `launch` mode, opened `ports`, and `env`: the names of its variables, a stranger's."""
    asked = asked_by({"template_hash_id": template.hash_id}, template)
    shown: Json = {name: asked[name] for name in ("launch", "ports") if name in asked}
    names: list[str] = brought_by(template, {}).get("env", [])
    return shown | ({"env": names} if names else {})


def search_for(template: Template) -> Json:
    """Arguments of search_offers for an offer that it fits on, and that lead on with it."""
    found: Json = {"template_hash_id": template.hash_id}
    if template.recommended_disk_space:
        found["min_disk_gb"] = template.recommended_disk_space
    if (template.image or "").endswith(_VM_IMAGE):
        found["vm"] = True
    ports = ports_of_template(template, {}).least
    if ports:
        found["min_direct_ports"] = ports
    cuda = cuda_of(template)
    if cuda is not None:
        found["min_cuda"] = cuda
    return found


def cuda_of(template: Template) -> float | None:
    """The least CUDA of a driver that its filters ask for; None where they ask for none, or in a
    form of their own.
    """
    filters = filters_in(template.extra_filters) or {}
    for column in _CUDA:
        ops = as_object(filters.get(column)) or {}
        for op in _AT_LEAST:
            number = _number(ops.get(op))
            if number is not None:
                return number
    return None


def _number(value: object) -> float | None:
    try:
        number = float(cast("str", value))
    except (TypeError, ValueError):
        return None
    return number if 0 < number < _MOST_CUDA else None
