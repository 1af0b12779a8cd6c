"""A template of the account's own, which alone can be edited and deleted (docs/vast-api.md E)."""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.errors import NextStep, Problem
from vast_mcp.renting.template_hashes import FIELD, no_such, problems_of, steps_of
from vast_mcp.session import Call
from vast_mcp.vast.account import Template


async def own_template(call: Call, tool: str, hash_id: str) -> Template:
    """The template by its hash, read anew. Raises NoSuchTemplate, and BadArguments where it is
    another's, or whose it is cannot be read.
    """
    problems = problems_of(hash_id)
    if problems:
        refused = errors.bad(tool, problems)
        refused.next_steps = steps_of(hash_id)
        raise refused
    template = await call.vast.template(hash_id)
    if template is None:
        raise no_such(call.session, hash_id)
    if not await is_own(call, template):
        why = "is another account's: only who made a template changes it"
        if template.creator_id is None or template.id is None:
            why = "whose template it is could not be read"
        refused = errors.bad(tool, [Problem(FIELD, why)])
        refused.next_steps = [NextStep("search_templates", {"mine": True}, "your own")]
        raise refused
    return template


async def is_own(call: Call, template: Template) -> bool:
    """Whether the account made a template, and its number is known."""
    user = await call.vast.recent.user()
    return template.id is not None and template.creator_id == user.id
