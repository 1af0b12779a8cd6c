"""Ready-made launches: image, start script and ports that somebody has already put together."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vast_mcp.errors import Json, clean
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step
from vast_mcp.vast.models import Template

HASH_CHARS = 64
KNOWN_RUNTYPES = frozenset(
    {"ssh", "jupyter", "args", "ssh_proxy", "ssh_direct", "jupyter_proxy", "jupyter_direct"}
)


class SearchTemplates(Arguments):
    words: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="all occur in name, image or description"),
    ] = None
    recommended: Annotated[bool, Field(description="Default true; false: strangers' too")] = True
    mine: Annotated[bool, Field(description="only your own, recommended or not. Default false")] = (
        False
    )
    limit: Annotated[int, Field(ge=1, le=20, description="1 to 20, default 10")] = 10


class TemplateRow(Part):
    template_hash_id: str
    untrusted_name: str | None = None
    untrusted_image: str | None = None
    untrusted_desc: str | None = None
    runtype: str | None = None
    disk_gb: Annotated[float | None, Field(description="Recommended.")] = None


class SearchTemplatesResult(Result):
    count: Annotated[int, Field(description="Found; limit cuts what is shown.")]
    templates: list[TemplateRow]
    warnings: list[str] = []
    next_steps: list[Step] = []


async def search_templates(args: SearchTemplates, call: Call) -> SearchTemplatesResult:
    """Finds templates, most used first, for create_instance's template_hash_id."""
    found = await call.vast.search_templates(await _filters(args, call))
    words = (args.words or "").lower().split()
    fitting = [template for template in found if _usable(template) and _has(template, words)]
    fitting.sort(key=lambda template: (-(template.count_created or 0), template.hash_id))
    rows = [_row(template) for template in fitting[: args.limit]]
    steps = [
        step(
            "search_offers", "an offer to rent with it: create_instance offer_id, template_hash_id"
        )
    ]
    return SearchTemplatesResult(
        count=len(fitting),
        templates=rows,
        warnings=_warnings(args, len(fitting)),
        next_steps=steps if rows else _wider(args),
    )


async def _filters(args: SearchTemplates, call: Call) -> Json:
    """The grammar has no text operator (E), so the words are matched here."""
    if args.mine:
        return {"creator_id": {"eq": (await call.vast.user()).id}}
    return {"recommended": {"eq": True}} if args.recommended else {}


def _usable(template: Template) -> bool:
    """A hash that is none could not be created from, and would be a stranger's text among the
    facts.
    """
    return (
        0 < len(template.hash_id) <= HASH_CHARS
        and template.hash_id.isascii()
        and template.hash_id.isalnum()
    )


def _has(template: Template, words: list[str]) -> bool:
    text = " ".join(
        part for part in (template.name, _image(template), template.desc) if part
    ).lower()
    return all(word in text for word in words)


def _image(template: Template) -> str | None:
    return f"{template.image}:{template.tag}" if template.image and template.tag else template.image


def _row(template: Template) -> TemplateRow:
    image = _image(template)
    return TemplateRow(
        template_hash_id=template.hash_id,
        untrusted_name=clean(template.name, 60) if template.name else None,
        untrusted_image=clean(image, 80) if image else None,
        untrusted_desc=clean(template.desc, 120) if template.desc else None,
        runtype=template.runtype if template.runtype in KNOWN_RUNTYPES else None,
        disk_gb=template.recommended_disk_space,
    )


def _warnings(args: SearchTemplates, count: int) -> list[str]:
    return [f"{count - args.limit} more; narrower words show them."] if count > args.limit else []


def _wider(args: SearchTemplates) -> list[Step]:
    if args.mine or not args.recommended:
        return []
    words: Json = {"words": args.words} if args.words else {}
    return [
        step(
            "search_templates", "everybody's templates: strangers' work", recommended=False, **words
        )
    ]


SPEC = ToolSpec(
    fn=search_templates,
    arguments=SearchTemplates,
    result=SearchTemplatesResult,
    title="Search templates",
    read_only=True,
    destructive=False,
    idempotent=True,
    open_world=True,
)
