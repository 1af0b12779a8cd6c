"""How a tool is declared, and how a call becomes a result: strict arguments in, the same JSON on both channels out.

Hosts disagree on which channel their model reads and on what a schema may contain (mcp.md sections 0, 1.2 and 5.3):
so the text block is the structured content, failures carry a top-level `error`, input schemas are flat and closed,
and a published output schema requires nothing.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import json
import logging
import math
import time
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import anyio
import anyio.lowlevel
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.journal import ENDED, LATE, Intent, Journal
from vast_mcp.reconcile import Reconciler
from vast_mcp.settings import Settings, Times
from vast_mcp.vast.wire import Offer, SshKey, Template

if TYPE_CHECKING:
    from vast_mcp.vast.client import Link, Vast

log = logging.getLogger("vast_mcp")

OFFERS_REMEMBERED = 2000


# ── What a tool gets ─────────────────────────────────────────────────────────────────────────────────────────────────


class Office:
    """One process's standing: settings, the link to Vast, and what was seen lately. Made by the server's lifespan."""

    def __init__(self, settings: Settings, app: Any = None) -> None:
        self.settings = settings
        self._app = app
        self.journal = Journal(settings.state_dir)
        self.reconciler = Reconciler(self.journal, settings.times)
        self.account: str | None = None
        self.one_at_a_time = anyio.Lock()  # requests to rent
        self.closing = False  # asked to end: what is under way finishes, and nothing new is sent for
        self.doubts = anyio.Event()  # set when an attempt is in doubt: wakes the background task
        self.answered = anyio.Event()  # set by every answer: wakes the sweep, since a lease may be new
        self._leases = anyio.Lock()
        self.labelled: dict[int, float] = {}  # machine → when its label ends its lease, by the last whole list
        self.swept: list[str] = []  # what became of machines that the journal does not know
        self.created: dict[int, float] = {}  # machines this process rented, and when: known without a journal too
        self.ending: set[int] = set()  # machines whose destroy Vast accepted
        self.delivered: set[str] = (
            set()
        )  # tokens named in answers; another call, or a clean end, says that those arrived
        self.recovered: set[str] = set()  # tokens whose machine a call found and will report itself
        self.offers: dict[int, Offer] = {}
        self.bid_offers: set[int] = set()
        self._seen_at: dict[int, float] = {}  # offer → when, on the monotonic clock
        self.asked: dict[str, float] = {}  # what a person was asked about, by digest → at most at which $/h
        self.instances_seen: set[int] = set()
        self.ssh_keys: list[SshKey] = []
        self.gpu_names: list[str] = []

    @functools.cached_property
    def link(self) -> Link:
        """Made by the first call: httpx is not loaded while a host waits for the list of tools."""
        from vast_mcp.vast.client import Link

        return Link(self.settings, self._app)

    def client(self, deadline: float) -> Vast:
        """Vast.ai's API until a deadline on anyio's clock."""
        from vast_mcp.vast.client import Vast

        return Vast(self.link, deadline)

    def remember(self, offers: list[Offer], *, bid: bool = False) -> None:
        """Keep what a search showed of each offer, so that renting it asks no second time. Oldest go first."""
        for offer in offers:
            self.forget(offer.ask_contract_id)
            self.offers[offer.ask_contract_id] = offer
            self._seen_at[offer.ask_contract_id] = time.monotonic()
            if bid:
                self.bid_offers.add(offer.ask_contract_id)
        for stale in list(self.offers)[: max(0, len(self.offers) - OFFERS_REMEMBERED)]:
            self.forget(stale)

    def forget(self, offer_id: int) -> None:
        """What was seen of this offer holds no more."""
        self.offers.pop(offer_id, None)
        self._seen_at.pop(offer_id, None)
        self.bid_offers.discard(offer_id)

    def age(self) -> None:
        """Time has passed while a person read: what an offer costs is to be looked up again."""
        self._seen_at.clear()

    def age_s(self, offer_id: int) -> float:
        """How many seconds ago an offer was seen; for ever where it was not."""
        return time.monotonic() - self._seen_at.get(offer_id, -math.inf)

    def key_digest(self) -> str:
        """What stands for address and key in the journal."""
        key = self.settings.api_key
        return self.journal.digest({"url": self.settings.base_url, "key": key.get_secret_value() if key else ""})

    @contextlib.asynccontextmanager
    async def leases(self) -> AsyncGenerator[None]:
        """Held from reading a label to moving a lease or ending it, here and among the processes of this journal."""
        async with self._leases, self.journal.leases_held():
            yield

    def settle_delivered(self) -> None:
        """The answers given so far have arrived: what they named need not be announced again."""
        with contextlib.suppress(errors.JournalUnavailable):
            if self.delivered:
                self.journal.told(self.delivered)
                self.delivered.clear()

    async def close(self) -> None:
        self.settle_delivered()
        if "link" in self.__dict__:  # made
            await self.link.close()
        self.journal.close()


Progress = Callable[[float, float | None, str], Awaitable[None]]


class StartOver(Exception):
    """A person was asked in the middle of a call, and agreed: what was looked at before holds no more.

    `asked` and `usd_per_hour`: what to (a digest), and at most at which price. `took_s`: how long it took to answer.
    """

    def __init__(self, asked: str, usd_per_hour: float, took_s: float) -> None:
        super().__init__("a person agreed")
        self.asked, self.usd_per_hour, self.took_s = asked, usd_per_hour, took_s


class InputNeeded(Exception):
    """The call ends with a question to the person; the host makes it again with the answer (protocol 2026-07-28)."""

    def __init__(self, result: InputRequiredResult) -> None:
        super().__init__("a person is asked")
        self.result = result


async def unheard(_done: float, _total: float | None, _message: str) -> None:
    """The progress channel of a call that nobody watches."""


@dataclass(frozen=True)
class Call:
    """One tool call: the office, a client that stops at this call's deadline, and the host's progress channel."""

    office: Office
    vast: Vast
    deadline: float
    progress: Progress
    host: Context[Any, Any] | None = None  # through which a person may be asked
    agreed: Mapping[str, float] = field(default_factory=dict[str, float])  # during this call, as Office.asked
    templates: dict[str, Template | None] = field(default_factory=dict[str, "Template | None"])  # read in this call

    @classmethod
    def quiet(cls, office: Office) -> Call:
        """A call of the server's own: no host waits for it, nobody watches its progress."""
        return cls(office=office, vast=office.client(math.inf), deadline=math.inf, progress=unheard)

    @property
    def settings(self) -> Settings:
        return self.office.settings

    @property
    def times(self) -> Times:
        return self.office.settings.times

    async def another_look(self) -> bool:
        """Pause before looking again at what an act came to; False where the deadline comes first."""
        if anyio.current_time() + self.times.verify_s > self.deadline:
            return False
        await anyio.sleep(self.times.verify_s)
        return True

    def within(self, seconds: float) -> Vast:
        """A client with a nearer deadline, for a look that must leave time for the act it prepares."""
        return self.office.client(min(self.deadline, anyio.current_time() + seconds))


# ── How a tool is declared ───────────────────────────────────────────────────────────────────────────────────────────


class Arguments(BaseModel):
    """Base of every argument model: JSON types as they are, nothing unknown, no NaN, no examples in errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, hide_input_in_errors=True, defer_build=True
    )


class Part(BaseModel):
    """Base of everything inside a result. Absent facts are left out of the answer."""

    # Validators are built by the first answer, and those of a part never twice.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class Result(Part):
    """Base of every result model; `sandbox` is stated by the server where it is true."""

    sandbox: Annotated[bool | None, Field(description="True when this is the local sandbox: no money moves.")] = None
    notices: Annotated[list[str] | None, Field(description="Machines of earlier calls, found or ended since.")] = None


class Step(Part):
    """A call that leads on, arguments ready."""

    tool: str
    arguments: dict[str, Any]
    why: str


def step(tool: str, why: str, **arguments: Any) -> Step:
    return Step(tool=tool, arguments=arguments, why=why)


@dataclass(frozen=True)
class ToolSpec:
    """Everything a tool is. The function's docstring is the description that the model reads."""

    fn: Callable[..., Awaitable[Result]]
    arguments: type[Arguments]
    result: type[Result]
    title: str
    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool

    @property
    def name(self) -> str:
        return self.fn.__name__

    @property
    def description(self) -> str:
        return " ".join((self.fn.__doc__ or "").split())


class Slim(GenerateJsonSchema):
    """Schemas without titles, null arms or null defaults: hosts strip or choke on them, and each costs tokens."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            made.pop("default")
        return made


def flat(schema: Json) -> Json:
    """The schema with every local `$ref` written out and titles and model docstrings dropped."""
    definitions = cast("Json", schema.pop("$defs", {}))

    def expand(node: Any) -> Any:
        if isinstance(node, list):
            return [expand(item) for item in cast("list[Any]", node)]
        if not isinstance(node, dict):
            return node
        node = cast("Json", node)
        if isinstance(ref := node.get("$ref"), str):
            target = {k: v for k, v in definitions[ref.rsplit("/", 1)[-1]].items() if k != "description"}
            return expand({**target, **{k: v for k, v in node.items() if k != "$ref"}})
        return {key: expand(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))}

    return cast("Json", expand(schema))


def input_schema(spec: ToolSpec) -> Json:
    """The closed, flat schema of a tool's arguments."""
    schema = flat(spec.arguments.model_json_schema(schema_generator=Slim))
    schema.pop("description", None)
    schema.setdefault("properties", {})
    return schema


def output_schema(spec: ToolSpec) -> Json:
    """The schema of a tool's result. Nothing is required at the top, since a failure has only `error` (mcp.md 0.2)."""
    schema = flat(spec.result.model_json_schema(mode="serialization", schema_generator=Slim))
    schema.pop("description", None)
    schema.pop("required", None)
    schema.pop("additionalProperties", None)
    schema["properties"]["error"] = {"type": "object", "description": "Only on failure: code, message, next_steps."}
    return schema


# ── How a call runs ──────────────────────────────────────────────────────────────────────────────────────────────────


class _Metadata(FuncMetadata):
    """The SDK's argument handling without its repair of strings that look like JSON.

    That repair turns `args_str='["bash"]'` into a list and "null" into nothing; StrictTool does a narrower one.
    """

    def pre_parse_json(self, data: Json) -> Json:
        return data


class _Whole(ArgModelBase):
    """Hands the function the validated model itself instead of its fields."""

    model_config = ConfigDict(defer_build=True)  # the first call builds it; listing needs the schema only

    def model_dump_one_level(self) -> Json:
        return {"args": self}


def _takes_text(schema: Json) -> bool:
    arms = cast("list[Json]", schema.get("anyOf", [schema]))
    return any(arm.get("type") not in {"object", "array"} for arm in arms)


def _unwrapped(value: Any, schema: Json) -> Any:
    """An object or array that came as JSON text (Claude Desktop does that), for an argument that takes no text."""
    if not isinstance(value, str) or value.strip()[:1] not in {"{", "["} or _takes_text(schema):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


class StrictTool(Tool):
    """A ToolSpec as the SDK runs it."""

    @classmethod
    @functools.cache  # building schemas takes 5 ms a tool
    def of(cls, spec: ToolSpec) -> StrictTool:
        """Build the SDK's tool. The function gets its argument model as `args` and a Call as `call`."""

        async def run(args: Arguments, ctx: Context[Office, Any]) -> CallToolResult | InputRequiredResult:
            office = ctx.request_context.lifespan_context
            try:
                return _both_channels(await answer(spec, args, office, ctx.report_progress, ctx))
            except InputNeeded as needed:
                return needed.result

        base = cast("type[ArgModelBase]", spec.arguments)  # every model has what the SDK calls on it; see _Whole
        model = create_model(f"{spec.arguments.__name__}Call", __base__=(_Whole, base))
        return cls(
            fn=run,
            name=spec.name,
            title=spec.title,
            description=spec.description,
            is_async=True,
            parameters=input_schema(spec),
            fn_metadata=_Metadata(arg_model=model, output_schema=output_schema(spec)),
            context_kwarg="ctx",
            annotations=ToolAnnotations(
                title=spec.title,
                read_only_hint=spec.read_only,
                destructive_hint=spec.destructive,
                idempotent_hint=spec.idempotent,
                open_world_hint=spec.open_world,
            ),
        )

    async def run(self, arguments: Json, context: Any, convert_result: bool = False) -> Any:
        properties = cast("dict[str, Json]", self.parameters["properties"])
        arguments = {key: _unwrapped(value, properties.get(key, {})) for key, value in arguments.items()}
        try:
            return await super().run(arguments, context, convert_result=convert_result)
        except ToolError as exc:
            if not isinstance(exc.__cause__, ValidationError):
                raise
            sandbox = context.request_context.lifespan_context.settings.sandbox
            return failure(bad_arguments(self.name, exc.__cause__, self.parameters), sandbox=sandbox)


async def answer(
    spec: ToolSpec,
    args: Arguments,
    office: Office,
    progress: Progress = unheard,
    host: Context[Office, Any] | None = None,
) -> Json:
    """What a call comes to: the result's JSON, or the error's under `error`. Raises InputNeeded and nothing else."""
    deadline = anyio.current_time() + office.settings.times.budget_s
    call = Call(office=office, vast=office.client(deadline), deadline=deadline, progress=progress, host=host)
    office.settle_delivered()
    if host is not None and host.input_responses is not None:
        office.age()
    payload: Json
    try:
        _check_allowed(spec, office)
        result = await _run(spec, args, call)
        payload = result.model_dump(mode="json", exclude_none=True)
    except errors.VastMcpError as exc:
        log.info("%s: %s", spec.name, exc.code)
        payload = {"error": exc.as_json()}
    except InputNeeded:
        raise
    except Exception as exc:
        payload = {"error": _defect(spec, exc).as_json()}
    office.answered.set()
    await anyio.lowlevel.checkpoint_if_cancelled()  # an answer that nobody will read has told nothing
    secrets = office.settings.secrets()
    return cast("Json", _without(secrets, payload | _stated(office, payload)))


async def _run(spec: ToolSpec, args: Arguments, call: Call) -> Result:
    """The tool's own function, from the start again after a person was asked. Their time is not the call's."""
    while True:
        try:
            return await spec.fn(args, call)
        except StartOver as over:
            call.office.age()
            deadline = call.deadline + over.took_s
            agreed = {**call.agreed, over.asked: over.usd_per_hour}
            call = replace(call, vast=call.office.client(deadline), deadline=deadline, agreed=agreed)


def _check_allowed(spec: ToolSpec, office: Office) -> None:
    if office.settings.limits.read_only and not spec.read_only:
        raise errors.ReadOnly(
            f"Nothing was sent: the person allows this server to look only (VAST_MCP_READ_ONLY), and {spec.name} acts."
        )


def _without(secrets: list[str], value: Any) -> Any:
    """The person's secrets masked wherever a stranger's text may repeat them."""
    if isinstance(value, str):
        return errors.redacted(value, secrets)
    if isinstance(value, list):
        return [_without(secrets, item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _without(secrets, item) for key, item in cast("Json", value).items()}
    return value


def _defect(spec: ToolSpec, exc: Exception) -> errors.InternalFault:
    """The exception's own text may hold a caller's values: the log gets its type and place, the model neither."""
    ours = [frame for frame in traceback.extract_tb(exc.__traceback__) if "vast_mcp" in frame.filename]
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
    log.error("%s: defect: %s at %s", spec.name, type(exc).__name__, where)
    return errors.InternalFault(
        f"A defect of vast-mcp ({type(exc).__name__}). The log names the place; show_instances shows what runs.",
        next_steps=[NextStep("show_instances", {}, "see what runs")],
    )


def _stated(office: Office, payload: Json) -> Json:
    """What every answer says where it applies: the sandbox, and machines nobody may have heard of."""
    stated: Json = {"sandbox": True} if office.settings.sandbox else {}
    named = {payload.get("instance_id"), cast("Json", payload.get("error", {})).get("instance_id")}
    try:
        if office.account is not None and office.journal.exists():
            untold = [i for i in office.journal.untold(office.account) if i.token not in office.delivered]
            office.delivered.update(intent.token for intent in untold)
            shown = [i for i in untold if i.instance_id not in named or i.announce == ENDED]
            notices = [_notice(intent) for intent in shown] + office.swept
            office.swept = []
            stated |= {"notices": notices} if notices else {}
    except Exception as exc:
        # An answer is worth more than what goes with it; the next rent says what is wrong with the journal.
        log.info("notices wait: %s", type(exc).__name__)
    return stated


def lease_notice(instance_id: int, until: float) -> str:
    """What an agent is told of a machine that was destroyed behind its back."""
    return f"Machine {instance_id} was destroyed: its lease ended at {utc(until)}."


def utc(at: float) -> str:
    """Epoch seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _notice(intent: Intent) -> str:
    if intent.announce == ENDED:
        return lease_notice(intent.instance_id or 0, intent.lease_until or intent.gone_at or 0.0)
    state = "is stopped and bills its disk" if intent.stopped else "exists and bills"
    lost = "whose reply was lost" if intent.announce == LATE else "whose answer may not have arrived"
    return (
        f"Machine {intent.instance_id} {state}: it came of an earlier create_instance {lost} "
        f"(offer {intent.offer_id}, token {intent.token})."
    )


def failure(error: errors.VastMcpError, *, sandbox: bool) -> CallToolResult:
    """An error known before any tool ran."""
    return _both_channels({"error": error.as_json()} | ({"sandbox": True} if sandbox else {}))


def _both_channels(payload: Json) -> CallToolResult:
    """The same JSON as text and as structure; a failure is marked as one."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return CallToolResult(
        is_error="error" in payload,
        content=[TextContent(type="text", text=text)],
        structured_content=json.loads(text),
    )


# ── What is wrong with the arguments ─────────────────────────────────────────────────────────────────────────────────


def bad_arguments(tool: str, exc: ValidationError, schema: Json) -> errors.BadArguments:
    """The SDK's validation error as ours: fields and problems, nearest names, none of the caller's values."""
    problems = [
        Problem(_path(detail["loc"]), _problem(cast("Json", detail), schema))
        for detail in exc.errors(include_url=False, include_input=False)
    ]
    # One wrong value of a union is reported once per arm; one line a field and problem is enough.
    return errors.bad(tool, list(dict.fromkeys(problems)))


def _path(loc: tuple[int | str, ...]) -> str:
    return errors.clean(".".join(str(part) for part in loc), 80) or "(arguments)"


def _problem(detail: Json, schema: Json) -> str:
    kind, context = detail["type"], cast("Json", detail.get("ctx") or {})
    if kind == "extra_forbidden":
        known = _known_beside(detail["loc"], schema)
        near = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1, cutoff=0.5)
        return f"unknown argument; the nearest is {near[0]}" if near else f"unknown argument; known: {', '.join(known)}"
    if kind == "missing":
        return "required"
    if kind == "literal_error":
        return f"must be one of {context.get('expected')}"
    return str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input ")


def _known_beside(loc: tuple[int | str, ...], schema: Json) -> list[str]:
    """The names that exist where an unknown one was given."""
    for part in loc[:-1]:
        schema = cast("Json", schema.get("items", {}) if isinstance(part, int) else schema["properties"].get(part, {}))
    return list(schema.get("properties", {}))
