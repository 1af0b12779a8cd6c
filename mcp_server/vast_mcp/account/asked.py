"""What a machine was rented as, so that "the same again" is possible: by the journal, which has
what was sent, else by the row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, cast

from pydantic import Field

from vast_mcp.errors import Json, clean_or_none
from vast_mcp.machines.machine import Machine
from vast_mcp.toolspec import Part
from vast_mcp.vast import names
from vast_mcp.vast.models import Instance
from vast_mcp.vast.replies import as_object

FACT = "asked"  # of the journal's record
MOST = 40  # names or ports
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MAPPED = re.compile(r"-p (?:[0-9]+:)?([0-9]+)(?:/(tcp|udp))?")
_MOUNTED = re.compile(r"-v ([A-Za-z0-9_.]{1,64}):(/[A-Za-z0-9_./-]{1,128})")


class Asked(Part):
    """What a machine was rented as. Names of variables, never what they hold."""

    image: str | None = None
    untrusted_image: str | None = None
    launch: Annotated[str | None, Field(description="As runtype; vm for a VM.")] = None
    env: Annotated[list[str] | None, Field(description="Names of its variables.")] = None
    ports: Annotated[list[str] | None, Field(description="Opened, inside.")] = None
    volume: Annotated[Json | None, Field(description="Mounted: which, and where.")] = None
    template: Annotated[str | None, Field(description="template_hash_id.")] = None

    def image_alone(self) -> Asked:
        """What a list has room for."""
        return Asked(image=self.image, untrusted_image=self.untrusted_image)


def asked_of(machine: Machine, row: Instance) -> Asked:
    """What a machine was rented as, by the journal where that has it, else by its row."""
    by_row = _by_row(machine, row)
    return asked_by_record(machine.facts, by_row) or by_row


def asked_by_record(facts: Json, by_row: Asked) -> Asked | None:
    """What a machine was rented as, by what the journal noted of it; None where it did not."""
    asked = as_object(facts.get(FACT))
    return None if asked is None else _by_facts(asked, by_row)


def _by_facts(facts: Json, by_row: Asked) -> Asked:
    """What the journal has; an image that a template brought is a stranger's, and not there."""
    image = _text(facts.get("image"))
    return Asked(
        image=image,
        untrusted_image=None if image else by_row.untrusted_image,
        launch="vm" if by_row.launch == "vm" else _text(facts.get("launch")) or by_row.launch,
        env=_names(facts.get("env")),
        ports=_texts(facts.get("ports")),
        volume=as_object(facts.get("volume")),
        template=_text(facts.get("template")),
    )


def _by_row(machine: Machine, row: Instance) -> Asked:
    pairs = row.extra_env or []
    return Asked(
        untrusted_image=clean_or_none(row.image_uuid, 120),
        launch="vm" if machine.is_vm else launch_of(row.image_runtype),
        env=_names(pairs),
        ports=_some(_port(found) for found in map(_MAPPED.fullmatch, pairs) if found),
        volume=_volume(pairs),
        template=names.template_hash(row.template_hash_id),
    )


def launch_of(stored: str | None) -> str | None:
    """A stored launch mode in the words of `runtype` (docs/vast-api.md A.3)."""
    text = stored or ""
    kind = next((kind for kind in ("args", "jupyter", "ssh") if kind in text), None)
    if kind in {None, "args"} or text == kind:
        return kind
    return f"{kind}_direct" if "direc" in text else f"{kind}_proxy"


def _port(found: re.Match[str]) -> str:
    inside, protocol = found.groups()
    return f"{inside}/{protocol or 'tcp'}"


def _volume(pairs: Iterable[str]) -> Json | None:
    found = next(filter(None, map(_MOUNTED.fullmatch, pairs)), None)
    return None if found is None else {"name": found[1], "mount_path": found[2]}


def _names(value: object) -> list[str] | None:
    return _some(name for name in _texts(value) or () if _NAME.fullmatch(name))


def _texts(value: object) -> list[str] | None:
    if not isinstance(value, list):
        return None
    return _some(one for one in cast("list[object]", value) if isinstance(one, str))


def _some(texts: Iterable[str]) -> list[str] | None:
    """The first of these; None for none."""
    return list(dict.fromkeys(texts))[:MOST] or None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
