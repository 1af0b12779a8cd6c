"""A template as answers show it: enough to rent from, in strangers' words that are marked so."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vast_mcp.errors import clean_or_none
from vast_mcp.renting import template_needs
from vast_mcp.renting.image_rules import image_of_template
from vast_mcp.renting.template_content import wanted_in
from vast_mcp.toolspec import Part
from vast_mcp.vast.account import Template

KNOWN_RUNTYPES = frozenset(
    {"ssh", "jupyter", "args", "ssh_proxy", "ssh_direct", "jupyter_proxy", "jupyter_direct"}
)
MOST_NAMES = 20  # of variables that a row shows


class TemplateRow(Part):
    template_hash_id: str
    untrusted_name: str | None = None
    untrusted_image: str | None = None
    untrusted_desc: str | None = None
    runtype: str | None = None
    launch: Annotated[
        str | None, Field(description="How it starts, as create_instance's runtype.")
    ] = None
    untrusted_env: Annotated[list[str] | None, Field(description="Names of its variables.")] = None
    ports: Annotated[list[str] | None, Field(description="Opened; each a direct port.")] = None
    min_cuda: Annotated[float | None, Field(description="Of the driver.")] = None
    disk_gb: Annotated[float | None, Field(description="Recommended.")] = None
    env_from: Annotated[
        list[str] | None, Field(description="Of your own: what create_instance is to name.")
    ] = None


def row_of(template: Template, *, own: bool = False) -> TemplateRow:
    """A template as answers show it. `own`: it is the account's, so that what its description asks
    for is its person's wish.
    """
    facts = template_needs.facts_of(template)
    return TemplateRow(
        template_hash_id=template.hash_id,
        untrusted_name=clean_or_none(template.name, 60),
        untrusted_image=clean_or_none(image_of_template(template), 80),
        untrusted_desc=clean_or_none(template.desc, 120),
        runtype=_runtype(template),
        launch=facts.get("launch"),
        untrusted_env=facts.get("env", [])[:MOST_NAMES] or None,
        ports=facts.get("ports"),
        min_cuda=template_needs.cuda_of(template),
        disk_gb=template.recommended_disk_space,
        env_from=(wanted_in(template.desc) or None) if own else None,
    )


def _runtype(template: Template) -> str | None:
    """Its runtype where it is one of Vast's own words, since anything else is a stranger's text."""
    if template.runtype not in KNOWN_RUNTYPES:
        return None
    return template.runtype
