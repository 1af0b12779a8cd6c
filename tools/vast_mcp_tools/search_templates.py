"""A template is a ready-made launch: image, start script and ports that somebody put together."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vast_mcp.errors import Json
from vast_mcp.renting import template_needs
from vast_mcp.renting.image_rules import image_of_template
from vast_mcp.renting.template_shown import TemplateRow, row_of
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.vast.account import Template


class SearchTemplates(Arguments):
    words: Annotated[
        str | None,
        Field(max_length=200, description="all in name, image, hash or description"),
    ] = None
    recommended: Annotated[bool, Field(description="Default true; false: strangers' too")] = True
    mine: Annotated[bool, Field(description="only your own. Default false")] = False
    limit: Annotated[int, Field(ge=1, le=20, description="1 to 20, default 10")] = 10


class SearchTemplatesResult(Result):
    count: Annotated[int, Field(description="Found; limit cuts what is shown.")]
    templates: list[TemplateRow]
    warnings: list[str] = []
    next_steps: list[Step] = []


async def search_templates(args: SearchTemplates, call: Call) -> SearchTemplatesResult:
    """Finds templates for create_instance, most used first."""
    found = await call.vast.recent.search_templates(await _filters(args, call))
    words = (args.words or "").lower().split()
    fitting = [template for template in found if _has(template, words)]
    fitting.sort(key=_most_used_first)
    return SearchTemplatesResult(
        count=len(fitting),
        templates=[row_of(template, own=args.mine) for template in fitting[: args.limit]],
        warnings=_warnings(args, len(fitting)),
        next_steps=_steps(args, fitting),
    )


async def _filters(args: SearchTemplates, call: Call) -> Json:
    """What Vast is asked. Its grammar has no operator for text (docs/vast-api.md E), so the words
    are matched here.
    """
    if args.mine:
        user = await call.vast.recent.user()
        return {"creator_id": {"eq": user.id}}
    if args.recommended:
        return {"recommended": {"eq": True}}
    return {}


def _has(template: Template, words: list[str]) -> bool:
    text = _text(template)
    return all(word in text for word in words)


def _text(template: Template) -> str:
    """What its words are looked for in, in lower case."""
    parts = (template.name, image_of_template(template), template.desc, template.hash_id)
    return " ".join(filter(None, parts)).lower()


def _most_used_first(template: Template) -> tuple[int, str]:
    return -(template.count_created or 0), template.hash_id


def _warnings(args: SearchTemplates, count: int) -> list[str]:
    if count <= args.limit:
        return []
    return [f"{count - args.limit} more; narrower words show them."]


def _steps(args: SearchTemplates, found: list[Template]) -> list[Step]:
    """An offer to rent with what was found, else the same words among everybody's templates."""
    if found:
        why = "offers that the first fits on, and rents it"
        return [step("search_offers", why, **template_needs.search_for(found[0]))]
    if args.mine or not args.recommended:
        return []
    wider: Json = {"recommended": False}
    if args.words:
        wider["words"] = args.words
    return [step("search_templates", "everybody's templates: strangers' work", **wider)]


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
