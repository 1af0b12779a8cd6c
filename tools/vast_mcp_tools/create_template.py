"""A launch that was put together once is kept as a template, and rented again by its hash."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.asked import FACT
from vast_mcp.account.roll import check_known, roll
from vast_mcp.errors import Json, Problem
from vast_mcp.machines import ways
from vast_mcp.masking import Hidden
from vast_mcp.renting import template_content, template_needs
from vast_mcp.renting.arguments import ONSTART_MAX, Env, Name
from vast_mcp.renting.defaults import ENV_TEXT
from vast_mcp.renting.template_content import Base
from vast_mcp.renting.template_own import is_own, own_template
from vast_mcp.renting.template_shown import TemplateRow, row_of
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.vast.account import Template
from vast_mcp.vast.replies import as_object

TOOL = "create_template"
PRIVATE = frozenset({"env", "onstart", "args_str"})
IS_PUBLIC = "Vast shows it as public: everybody can read what is in it."
EXISTS = "A template of this content was there already: nothing was made."
ANOTHERS = "It is another account's: it can be rented, and not edited."
UNCHANGED = "It had this content already."


class CreateTemplate(Arguments):
    longer = {"env": ENV_TEXT, "onstart": ONSTART_MAX}
    grammars = frozenset({"env"})
    told_elsewhere = frozenset(
        {"name", "image", "runtype", "env", "env_from", "onstart", "args_str", "disk"}
    )

    name: Annotated[
        str | None,
        Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$"),
    ] = None
    from_instance_id: Annotated[int | None, Field(ge=1, description="saves it")] = None
    template_hash_id: Annotated[str | None, Field(description="edits it")] = None
    image: Annotated[str | None, Field(max_length=1024)] = None
    runtype: str | None = None
    env: Annotated[Env | None, Field(repr=False)] = None
    env_from: list[Name] | None = None
    onstart: Annotated[str | None, Field(repr=False, max_length=ONSTART_MAX)] = None
    args_str: Annotated[str | None, Field(repr=False)] = None
    disk: Annotated[float | None, Field(ge=8)] = None

    def repeatable(self) -> Json | None:
        given = self.model_dump(exclude_none=True)
        return given if PRIVATE.isdisjoint(given) else None


class CreateTemplateResult(Result):
    outcome: Annotated[
        Literal["created", "edited", "unchanged", "exists"],
        Field(description="exists: the same content was a template already."),
    ]
    template: TemplateRow
    former_hash_id: Annotated[
        str | None, Field(description="What it was rented by before, and is no more.")
    ] = None
    left_out: Annotated[
        list[str] | None, Field(description="Variables of the machine that look secret.")
    ] = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def create_template(args: CreateTemplate, call: Call) -> CreateTemplateResult:
    """Saves a private template; no secret is written into it."""
    given = _given(args)
    names: list[str] = given.pop("env_from", [])
    _check(given, names, call)
    base = await _base(args, call)
    names = [*dict.fromkeys([*names, *template_content.nameable(base.left_out)])]
    merged = _merged(base.given, given)
    names = [name for name in names if name not in merged.get("env", {})]
    fields = template_content.fields_of(merged)
    if args.template_hash_id is not None:
        says_names = args.env_from is not None or bool(names)
        result = await _edit(args.template_hash_id, fields, names if says_names else None, call)
    else:
        result = await _create(fields, names, call)
    result.left_out = list(base.left_out) or None
    result.warnings = [*result.warnings, *_of_names(result.template), *base.notes]
    return result


# ── what it is to hold ─────────────────────────────────────────────────────────────────────────


def _given(args: CreateTemplate) -> Json:
    given = args.model_dump(
        exclude_none=True, exclude={"from_instance_id", "template_hash_id", "env"}
    )
    if args.env is not None:
        given["env"] = dict(args.env)
    if args.runtype is not None:
        given["runtype"] = template_content.spoken_runtype(args.runtype)
    return given


def _check(given: Json, names: list[str], call: Call) -> None:
    """Raises BadArguments, and repeats no value."""
    problems = template_content.problems_of(given, names, call.settings)
    if problems:
        raise errors.bad(TOOL, problems)


async def _base(args: CreateTemplate, call: Call) -> Base:
    """What a machine gives to it. Raises NoSuchInstance, VmNotPossible."""
    instance_id = args.from_instance_id
    if instance_id is None:
        return Base()
    there = await roll(call)
    check_known([instance_id], there, argument="from_instance_id")
    row = there.living.get(instance_id)
    if row is not None and ways.is_vm(row):
        raise errors.VmNotPossible(
            "This is a VM, and what a template of it would make is not known.",
            instance_id=instance_id,
            problems=[Problem("from_instance_id", "a container")],
        )
    launch = await call.vast.launch_of(instance_id)
    if launch is None:
        raise errors.NoSuchInstance(
            "Vast does not show this machine at the moment.", instance_id=instance_id
        )
    return template_content.base_of(launch, _asked_image(call, instance_id), call.settings)


def _asked_image(call: Call, instance_id: int) -> str | None:
    """The image as it was asked for, where the journal has that."""
    record = call.record_of(instance_id)
    asked = as_object(None if record is None else record.facts.get(FACT))
    image: object = None if asked is None else asked.get("image")
    return image if isinstance(image, str) else None


def _merged(base: Json, given: Json) -> Json:
    """What the call says beats what a machine has; env by key."""
    merged = {**base, **given}
    if "env" in base and "env" in given:
        merged["env"] = {**base["env"], **given["env"]}
    if "args_str" in given and "runtype" not in given:
        merged["runtype"] = "args"
    if merged.get("runtype") != "args" and "args_str" not in given:
        merged.pop("args_str", None)
    return merged


# ── saving it ──────────────────────────────────────────────────────────────────────────────────


async def _create(fields: Json, names: list[str], call: Call) -> CreateTemplateResult:
    lacking = [one for one in ("name", "image") if one not in fields]
    if lacking:
        said = "required for a new template, without from_instance_id"
        raise errors.bad(TOOL, [Problem(one, said) for one in lacking])
    fields = {"runtype": "ssh", "use_ssh": True, **fields, "private": True}
    if names:
        fields["desc"] = template_content.described(names, None)
    made = await call.vast.create_template(fields)
    if isinstance(made, Template):
        return _result("created", made)
    there = await call.vast.template_numbered(made)
    if there is None:
        raise errors.UnexpectedReply(
            f"Vast says that template {made} has this content, and does not show it."
        )
    result = _result("exists", there)
    result.warnings.insert(0, EXISTS)
    if not await is_own(call, there):
        result.warnings.insert(1, ANOTHERS)
    return result


async def _edit(
    hash_id: str, fields: Json, names: list[str] | None, call: Call
) -> CreateTemplateResult:
    """`names`: None leaves what its description says of them."""
    before = await own_template(call, TOOL, hash_id)
    if names is not None:
        if isinstance(before.desc, Hidden):
            said = "its description at Vast repeats a secret of the person's: they edit it there"
            raise errors.bad(TOOL, [Problem("env_from", said)])
        fields = {**fields, "desc": template_content.described(names, before.desc)}
    if not fields:
        raise errors.bad(TOOL, [Problem("template_hash_id", "give what is to be another in it")])
    try:
        after = await call.vast.edit_template(hash_id, fields)
    except errors.VastMcpError:
        after = await _edited(call, before, fields)
        if after is None:
            raise
    if after.hash_id == before.hash_id:
        result = _result("unchanged", after)
        result.warnings.insert(0, UNCHANGED)
        return result
    call.session.templates_now[before.hash_id] = after.hash_id
    call.session.templates_now.pop(after.hash_id, None)
    result = _result("edited", after)
    result.former_hash_id = before.hash_id
    if after.id != before.id:
        result.warnings.insert(0, "Others use the former one: Vast made a new template of it.")
    return result


async def _edited(call: Call, before: Template, fields: Json) -> Template | None:
    """The template as an edit made it whose reply was lost: its number stays, its hash does not.
    None where that cannot be seen.
    """
    try:
        found = await call.vast.template_numbered(before.id or 0)
    except errors.VastMcpError:
        return None
    if found is None or found.hash_id == before.hash_id:
        return None
    kept = found.model_dump(include=set(fields))
    return found if all(fields[name] == value for name, value in kept.items()) else None


# ── the answer ─────────────────────────────────────────────────────────────────────────────────


def _result(
    outcome: Literal["created", "edited", "unchanged", "exists"], template: Template
) -> CreateTemplateResult:
    return CreateTemplateResult(
        outcome=outcome,
        template=row_of(template, own=outcome != "exists"),
        warnings=[IS_PUBLIC] if template.private is False else [],
        next_steps=[
            step(
                "search_offers",
                "offers that it fits on, and rents it",
                **template_needs.search_for(template),
            )
        ],
    )


def _of_names(row: TemplateRow) -> list[str]:
    if not row.env_from:
        return []
    return [
        f"It holds no value of {', '.join(row.env_from)}: create_instance with env_from "
        f"{row.env_from} gives them where it is rented."
    ]


SPEC = ToolSpec(
    fn=create_template,
    arguments=CreateTemplate,
    result=CreateTemplateResult,
    title="Save a template",
    read_only=False,
    destructive=False,
    idempotent=True,
    open_world=True,
    sends=("save_template",),
)
