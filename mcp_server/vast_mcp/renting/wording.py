"""Machines, GPUs and images as a question to a person names them: a stranger's text in it can say
nothing else.
"""

from __future__ import annotations

import re

from vast_mcp.vast.models import Instance

# A registry, a path, a tag or digest: an image's name can say nothing else to a person.
_IMAGE = re.compile(r"[A-Za-z0-9._/:@-]{1,120}")


def gpus(name: str | None, count: int | None) -> str:
    """A machine's GPUs as a question names them."""
    if not name:
        return "a machine of unknown GPU"
    return f"{count or '?'}x {name}"


def machine(instance_id: int, row: Instance | None) -> str:
    """A machine that exists as a question names it."""
    return f"machine {instance_id} ({gpus(row.gpu_name, row.num_gpus) if row else 'not listed'})"


def image(name: str | None) -> str:
    """An image as a question names it; a name that is none could say anything, and is not shown."""
    if name is None:
        return "the template's image"
    if _IMAGE.fullmatch(name) is None:
        return "an image whose name cannot be shown"
    return f"image {name}"
