"""Renting: the one act here that starts spending.

The arguments mirror the request body of `PUT /api/v0/asks/{id}/` (the specification), flat, the
path's `id` as `offer_id`. What Vast would accept and bill for something useless is refused
before it is sent; what was sent and not answered is reported as unknown, never as failed.
"""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal, cast

from pydantic import Field, PlainValidator, WithJsonSchema

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep, Problem, redacted
from vast_mcp.journal.records import Intent, token_of
from vast_mcp.leases import labels, packing
from vast_mcp.leases.labels import utc
from vast_mcp.machines.costs import Price, per_day, per_month, rounded
from vast_mcp.renting import env_grammar, preflight, rules
from vast_mcp.renting.rent import Preview, preview, rent
from vast_mcp.renting.terms import ENTRYPOINT, Order, Terms
from vast_mcp.session import Call
from vast_mcp.settings import LONGEST_LEASE_H
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step

DEFAULT_IMAGE = "vastai/base-image:@vastai-automatic-tag"
DEFAULT_LABEL = "vast-mcp"
ONSTART_MAX = 65_536  # characters before packing
LABEL_MAX = (
    256 - 17 - labels.LABEL_ROOM
)  # Vast takes 256; the token with its "#" and the lease need the rest

Env = Annotated[
    dict[str, str],
    PlainValidator(env_grammar.env_of),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "additionalProperties": {"type": "string"}},
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}},
            ]
        }
    ),
]


Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]

# Arguments that are no field of the request.
_GUARDS = {"request_key", "allow_unresolved", "max_usd_per_hour", "lease_hours", "dry_run"}
_NOT_IN_BODY = {"offer_id", "env_from", "image_login_from", *_GUARDS}


class VolumeInfo(Arguments):
    create_new: Annotated[
        bool | None, Field(description="true: make a volume; false (default): link an existing one")
    ] = None
    volume_id: Annotated[
        int | None,
        Field(ge=1, description="existing volume's id, or with create_new a volume offer's id"),
    ] = None
    size: Annotated[int | None, Field(ge=1, description="GB, with create_new only")] = None
    mount_path: Annotated[
        str | None, Field(min_length=1, pattern=r"^[^\x00]+$", description="e.g. /workspace")
    ] = None


class CreateInstance(Arguments):
    offer_id: Annotated[int, Field(ge=1, description="offer to rent, from search_offers")]
    image: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=1024,
            description=f"Docker image. Default: the template's, else {DEFAULT_IMAGE}",
        ),
    ] = None
    template_hash_id: Annotated[
        str | None,
        Field(
            min_length=1,
            description="template to start from; what is given here overrides it, env by key",
        ),
    ] = None
    label: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=LABEL_MAX,
            pattern=r"^[^\x00-\x1f\x7f]+$",
            description=f"name, at most {LABEL_MAX} characters; a #token is added to it",
        ),
    ] = None
    disk: Annotated[
        float | None,
        Field(
            ge=8,
            description="GB, at least 8, fixed for life. Default: Vast's 8 to 10 or the template's",
        ),
    ] = None
    runtype: Annotated[
        Literal[
            "ssh", "jupyter", "args", "ssh_proxy", "ssh_direct", "jupyter_proxy", "jupyter_direct"
        ]
        | None,
        Field(description="launch mode. Default ssh, or args with args/args_str"),
    ] = None
    target_state: Annotated[
        Literal["running", "stopped"] | None, Field(description="default running")
    ] = None
    price: Annotated[
        float | None,
        Field(
            ge=0.001,
            le=128,
            description=(
                "bid in $/hour for the machine, 0.001 to 128; makes it interruptible. Absent: on "
                "demand"
            ),
        ),
    ] = None
    env: Annotated[
        Env | None,
        Field(
            repr=False,
            description='variables and ports: {"A":"1","-p 8000:8000":"1"}, or Docker flags '
            '"-e A=1 -p 8000:8000/udp '
            '-h name -v V.1:/mnt -n net", or ["A=1"]. At most 32 KB, 64 ports',
        ),
    ] = None
    env_from: Annotated[
        list[Name] | None,
        Field(
            description=(
                'variables whose values the person keeps, by name: ["HF_TOKEN"]; listed in '
                "VAST_MCP_ENV_PASS"
            )
        ),
    ] = None
    cancel_unavail: Annotated[
        bool | None,
        Field(
            description="cancel if it cannot start at once. Default true on demand and "
            "running, else false: "
            "a stopped machine then bills its disk"
        ),
    ] = None
    vm: Annotated[
        bool | None,
        Field(
            description=(
                "virtual machine. Default false. Needs a registered SSH key and an image with "
                "registry host"
            )
        ),
    ] = None
    onstart: Annotated[
        str | None,
        Field(
            repr=False,
            max_length=ONSTART_MAX,
            description="script to run at start, at most 65536 characters; over 4048 it is "
            "packed and must fit then; "
            "with runtype args the entrypoint, at most 4048, with args/args_str 4096 together",
        ),
    ] = None
    args: Annotated[
        list[str] | None,
        Field(repr=False, description='entrypoint arguments; implies runtype "args"'),
    ] = None
    args_str: Annotated[
        str | None, Field(repr=False, description="the same as one string, instead of args")
    ] = None
    use_jupyter_lab: Annotated[
        bool | None, Field(description="lab, not notebook. Default false")
    ] = None
    jupyter_dir: Annotated[str | None, Field(description="directory to launch Jupyter from")] = None
    python_utf8: Annotated[
        bool | None, Field(description="Python locale C.UTF-8. Default false")
    ] = None
    lang_utf8: Annotated[bool | None, Field(description="locale C.UTF-8. Default false")] = None
    force: Annotated[
        bool | None,
        Field(description="skip checks when creating from an existing instance. Default false"),
    ] = None
    user: Annotated[
        str | None, Field(min_length=1, description="docker user; breaks some images")
    ] = None
    image_login: Annotated[
        str | None,
        Field(repr=False, min_length=1, description="registry login: -u USER -p TOKEN REGISTRY"),
    ] = None
    image_login_from: Annotated[
        Name | None,
        Field(description="instead of image_login: the name of a value in VAST_MCP_ENV_PASS"),
    ] = None
    volume_info: Annotated[
        VolumeInfo | None, Field(description="volume to make or link; it is on one machine")
    ] = None
    request_key: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9._:-]{1,64}$",
            description="name of this rental, 1 to 64 characters of A-Z a-z 0-9 . _ : -; the "
            "same key and arguments "
            "never rent twice. Default: derived from the arguments",
        ),
    ] = None
    allow_unresolved: Annotated[
        bool | None,
        Field(
            description=(
                "with request_key: rent although an earlier rental is in doubt. Default false"
            )
        ),
    ] = None
    max_usd_per_hour: Annotated[
        float | None,
        Field(gt=0, description="most that machine, disk and new volume may cost, $/h, above 0"),
    ] = None
    lease_hours: Annotated[
        float | None,
        Field(
            gt=0,
            le=LONGEST_LEASE_H,
            description=(
                "hours until it is destroyed by itself, above 0 to 8760. Default: the person's, "
                "else none"
            ),
        ),
    ] = None
    dry_run: Annotated[
        bool | None, Field(description="check and price, send nothing. Default false")
    ] = None

    def body(self) -> Json:
        """The request body: what was given, and the documented defaults that must not be left to
        chance.
        """
        body: Json = self.model_dump(exclude_none=True, exclude=_NOT_IN_BODY)
        if "image" not in body and "template_hash_id" not in body:
            body["image"] = DEFAULT_IMAGE
        # Sent always: Vast's own client sends false, and a machine that cannot start then bills
        # its disk (A.7).
        body.setdefault(
            "cancel_unavail",
            "price" not in body and body.get("target_state", "running") == "running",
        )
        if (volume := body.get("volume_info")) is not None:
            volume.setdefault("create_new", False)
        return body

    def secrets(self) -> list[str]:
        """Values of this call that no error may repeat."""
        login = self.image_login or ""
        scripts = [self.onstart or "", self.args_str or "", *(self.args or [])]
        return [*(self.env or {}).values(), login, *login.split(), *scripts]


class DryRun(Part):
    would: Annotated[
        Literal["rent", "replay", "settle"],
        Field(
            description=(
                "replay: it has a machine already; settle: an earlier rental is in doubt and comes "
                "first."
            )
        ),
    ]
    request: Annotated[
        Json, Field(description="The body of the request; what may be secret is masked.")
    ]
    gpu_usd_per_hour: Annotated[float | None, Field(description="Or the bid.")] = None
    disk_usd_per_hour: float | None = None
    volume_usd_per_hour: Annotated[
        float | None, Field(description="Of the new volume, which outlives it.")
    ] = None
    usd_per_hour: Annotated[
        float | None, Field(description="All of it while running; absent when not known.")
    ] = None
    usd_per_day: float | None = None
    usd_per_month: Annotated[float | None, Field(description="Of 720 hours.")] = None
    stopped_usd_per_hour: Annotated[float | None, Field(description="Disk and volume.")] = None
    left: Annotated[
        Json, Field(description="What each limit in force leaves after this rental.")
    ] = {}


class CreateInstanceResult(Result):
    instance_id: Annotated[
        int | None,
        Field(description="The machine. It bills from now until it is destroyed. Absent: dry_run."),
    ] = None
    offer_id: int
    request_key: Annotated[
        str, Field(description="Names this rental: the same key finds it again.")
    ]
    label: Annotated[
        str | None, Field(description="As Vast has it, with this rental's token after the last #.")
    ] = None
    kind: Literal["on_demand", "interruptible"]
    usd_per_hour: Annotated[
        float | None,
        Field(
            description="$/h with disk while running; absent when the offer's price is not known."
        ),
    ] = None
    disk_gb: Annotated[float | None, Field(description="Disk that usd_per_hour counts, GB.")] = None
    replayed: Annotated[
        bool | None, Field(description="True: an earlier call rented it, nothing was sent.")
    ] = None
    recovered: Annotated[
        bool | None, Field(description="True: the reply was lost and the machine was found.")
    ] = None
    lease: Annotated[str | None, Field(description="When it is destroyed, and by whom.")] = None
    dry_run: Annotated[DryRun | None, Field(description="Only for dry_run: nothing was sent.")] = (
        None
    )
    warnings: list[str] = []
    next_steps: list[Step] = []


async def create_instance(args: CreateInstance, call: Call) -> CreateInstanceResult:
    """Rents one offer as a container or VM. Spends money: the machine bills from birth until
    destroy_instance, its disk even while stopped. Checks arguments, the offer, and for a VM the
    SSH keys, before anything is sent. The same call again never rents twice: it returns the
    machine there is (replayed), or finds the one whose reply was lost (recovered). Returns the
    id at once; the machine needs minutes to start. After an error with billing_possible true a
    machine may
    exist: its next_steps settle it.
    """
    order = _order(args, call)
    try:
        if args.dry_run:
            return _previewed(args, await preview(call, order), call)
        rental = await rent(call, order)
    except errors.VastMcpError as exc:
        raise _told(exc, args, call) from exc
    call.session.created.setdefault(rental.instance_id, time.time())
    warnings = list(rental.warnings)
    if args.lease_hours is not None and rental.replayed:
        warnings.append(
            "lease_hours was not applied, since the machine exists; manage_instance extend_lease "
            "moves it."
        )
    intent = rental.intent
    return CreateInstanceResult(
        instance_id=rental.instance_id,
        offer_id=intent.offer_id,
        request_key=intent.request_key,
        label=intent.label,
        kind=_kind(args),
        usd_per_hour=intent.facts.get("usd_per_hour"),
        disk_gb=intent.facts.get("disk_gb"),
        replayed=rental.replayed or None,
        recovered=rental.recovered or None,
        lease=_lease_said(intent),
        warnings=list(dict.fromkeys(warnings)),
        next_steps=[
            step("show_instances", "see whether it runs", label=intent.token),
            step("destroy_instance", "ends all billing for it", instance_ids=[rental.instance_id]),
        ],
    )


def _order(args: CreateInstance, call: Call) -> Order:
    """What is to be rented, checked as far as that asks nobody. Raises BadArguments, or
    OverLimit for a lease.
    """
    body = args.body()
    problems = _from_person(args, body, call)
    problems += _pack(args, body)
    problems += _label_problems(args.label)
    known = {problem.field for problem in problems}
    problems += [problem for problem in rules.contradictions(body) if problem.field not in known]
    if problems:
        raise errors.bad("create_instance", problems)
    given = args.model_dump(exclude_none=True)
    return Order(
        offer_id=args.offer_id,
        body=body,
        script=args.onstart,
        label=args.label or DEFAULT_LABEL,
        given=given,
        again=_again(given),
        hides=not _PRIVATE.isdisjoint(given),
        digested=args.model_dump(exclude_none=True, exclude=_GUARDS),
        request_key=args.request_key,
        allow_unresolved=bool(args.request_key and args.allow_unresolved),
        max_usd_per_hour=args.max_usd_per_hour,
        lease_hours=_lease_hours(args, call),
        dry_run=bool(args.dry_run),
    )


def _lease_said(intent: Intent) -> str | None:
    """What the first answer said of the lease, and where it ends now if that was moved since."""
    said, until = intent.facts.get("lease"), intent.lease_until
    if until is None or (said and utc(until) in said):
        return said
    return f"Extended to {utc(until)}. As rented: {said}" if said else f"Ends {utc(until)}."


def _kind(args: CreateInstance) -> Literal["on_demand", "interruptible"]:
    return "on_demand" if args.price is None else "interruptible"


# ── trying without renting ─────────────────────────────────────────────────────────────────────


def _previewed(args: CreateInstance, seen: Preview, call: Call) -> CreateInstanceResult:
    """The answer to a dry run."""
    found, terms = seen.found, seen.terms
    price = terms.price if terms else Price(None, None)
    total = price.total
    label = labels.leased(seen.request.order.label, terms.lease_until if terms else None)
    made = DryRun(
        would="rent" if found is None else "replay" if found.lives else "settle",
        request=_masked(
            (terms.body if terms else seen.request.order.body) | {"label": f"{label}#<token>"}
        ),
        gpu_usd_per_hour=rounded(price.gpu, 5),
        disk_usd_per_hour=rounded(price.disk, 5),
        volume_usd_per_hour=rounded(price.volume, 5) or None,
        usd_per_hour=rounded(total, 5),
        usd_per_day=per_day(total),
        usd_per_month=per_month(total),
        stopped_usd_per_hour=rounded(price.stopped, 5),
        left=_left(args, terms, call),
    )
    again = args.model_dump(exclude_none=True, exclude={"dry_run"})
    return CreateInstanceResult(
        instance_id=found.instance_id if found and found.lives else None,
        offer_id=args.offer_id,
        request_key=seen.request.wish.request_key,
        kind=_kind(args),
        usd_per_hour=terms.usd_per_hour if terms else None,
        disk_gb=terms.disk_gb if terms else None,
        lease=terms.lease.said if terms and terms.lease else None,
        dry_run=made,
        warnings=list(dict.fromkeys(seen.warnings)),
        next_steps=[step("create_instance", "rents it", **again)]
        if _PRIVATE.isdisjoint(again)
        else [],
    )


def _masked(body: Json) -> Json:
    """The body as an answer may show it: names of variables, sizes of scripts, no values."""
    shown = dict(body)
    for name in _PRIVATE & body.keys():
        value = body[name]
        if isinstance(value, dict):
            shown[name] = dict.fromkeys(cast("Json", value), "***")
        else:
            shown[name] = (
                f"*** ({len(value)} {'characters' if isinstance(value, str) else 'arguments'})"
            )
    return shown


def _left(args: CreateInstance, terms: Terms | None, call: Call) -> Json:
    allowed, room, total = (
        call.settings.limits,
        terms.room if terms else None,
        terms.price.total if terms else None,
    )
    caps = [cap for cap in (allowed.max_usd_per_hour, args.max_usd_per_hour) if cap is not None]
    left: Json = {}
    if caps and total is not None:
        left["max_usd_per_hour"] = round(min(caps) - total, 5)
    if (
        allowed.max_total_usd_per_hour is not None
        and room is not None
        and room.usd_per_hour is not None
    ):
        left["max_total_usd_per_hour"] = round(
            allowed.max_total_usd_per_hour - room.usd_per_hour, 5
        )
    if allowed.max_instances is not None and room is not None:
        left["max_instances"] = allowed.max_instances - room.machines
    if allowed.min_credit_hours is not None and room is not None and room.credit_hours is not None:
        left["credit_hours"] = round(min(room.credit_hours, 1e6), 1)
    if allowed.max_lease_hours is not None:
        left["max_lease_hours"] = round(
            allowed.max_lease_hours - (args.lease_hours or call.settings.lease_hours or 0), 2
        )
    return left


def _from_person(args: CreateInstance, body: Json, call: Call) -> list[Problem]:
    """Put the values that the person keeps into the body, by their names; what is wrong with
    those.
    """
    held = call.settings.env_pass
    env: dict[str, str] = dict(body.get("env", {}))
    problems: list[Problem] = []
    for at, name in enumerate(args.env_from or []):
        value = held.get(name)
        if value is None:
            problems.append(Problem(f"env_from.{at}", _not_held(name, call)))
        elif name in (args.env or {}):
            problems.append(Problem("env_from", f"{name} is in env too: give it once"))
        else:
            env[name] = value.get_secret_value()
    if args.env_from and not problems:
        try:
            body["env"] = env_grammar.env_of(env)
        except ValueError as exc:
            problems.append(Problem("env_from", f"env with these {exc}"))
    if (name := args.image_login_from) is not None:
        value = held.get(name)
        if value is None:
            problems.append(Problem("image_login_from", _not_held(name, call)))
        elif args.image_login is not None:
            problems.append(
                Problem("image_login_from", "an alternative to image_login: give one of them")
            )
        else:
            body["image_login"] = value.get_secret_value()
    return problems


def _not_held(name: str, call: Call) -> str:
    """What the person does about a name. A secret in a name's place is not repeated: those are
    not in capitals.
    """
    shown = name if name.isupper() or len(name) <= 16 else f"{name[:4]}…"
    if name in call.settings.env_pass:
        return (
            f"{shown} has no value: the person sets it where VAST_API_KEY is set, and restarts "
            f"this server"
        )
    known = ", ".join(call.settings.env_pass) or "none"
    return (
        f"{shown} is not allowed: the person adds it to VAST_MCP_ENV_PASS, sets it, and restarts "
        f"(listed: {known})"
    )


def _label_problems(label: str | None) -> list[Problem]:
    """A name that ends as what is put behind it."""
    if labels.lease_of(label) is not None:
        return [Problem("label", "must not end in lease-until=…: lease_hours puts that there")]
    if token_of(label) is not None:
        return [
            Problem(
                "label",
                "must not end in # and 16 hexadecimal digits: vast-mcp marks its machines so",
            )
        ]
    return []


def _pack(args: CreateInstance, body: Json) -> list[Problem]:
    """Put a long onstart into the body as a short one; what is wrong where that cannot be."""
    onstart, most = args.onstart, packing.ONSTART_MAX
    if onstart is None or len(onstart) <= most:
        return []
    if args.runtype == "args" or (
        args.runtype is None and (args.args is not None or args.args_str is not None)
    ):
        return [Problem("onstart", ENTRYPOINT.format(len(onstart)))]
    body["onstart"] = packed = packing.packed(onstart)
    if len(packed) <= most:
        return []
    problem = (
        f"is {len(onstart)} characters, packed {len(packed)}; Vast takes {most}. Let it download "
        f"the rest"
    )
    return [Problem("onstart", problem)]


def _lease_hours(args: CreateInstance, call: Call) -> float | None:
    """How long the rental may live, where it has a lease. Raises OverLimit."""
    hours = args.lease_hours or call.settings.lease_hours
    longest = call.settings.limits.max_lease_hours
    if hours is not None and longest is not None and hours > longest:
        raise errors.OverLimit(
            f"Nothing was sent: a lease of {hours:g} hours is over the {longest:g} that are "
            f"allowed "
            "(VAST_MCP_MAX_LEASE_HOURS, set by the person).",
            problems=[Problem("lease_hours", f"at most {longest:g}")],
        )
    return hours


# What may hold secrets is never repeated in an answer.
_PRIVATE = {"env", "image_login", "onstart", "args", "args_str"}


def _again(given: Json) -> NextStep:
    """The same call, where an answer may repeat its arguments; else the look that settles it."""
    if _PRIVATE.isdisjoint(given):
        return NextStep(
            "create_instance", given, "the same call: goes on settling, rents nothing twice"
        )
    return NextStep(
        "show_instances",
        {},
        "looks for the machine and goes on settling; then the same create_instance call, unchanged",
    )


def _told(exc: errors.VastMcpError, args: CreateInstance, call: Call) -> errors.VastMcpError:
    """The error with what this tool knows: no values of the caller, and the step that leads on."""
    if exc.vast_message:
        exc.vast_message = redacted(exc.vast_message, [*args.secrets(), *call.settings.secrets()])
    if exc.instance_id is not None:
        call.session.created.setdefault(exc.instance_id, time.time())
    if isinstance(exc, errors.NoSshKey):
        exc.next_steps = preflight.no_ssh_key(call).next_steps
    elif isinstance(exc, (errors.OfferGone, errors.OfferPrivate)):
        call.session.offers.forget(args.offer_id)
        exc.next_steps = [NextStep("search_offers", _like(args), "find another offer")]
    elif isinstance(exc, errors.InvalidPrice):
        exc.next_steps = [
            NextStep("search_offers", {"type": "bid"}, "offers with their minimum bids")
        ]
    return exc


def _like(args: CreateInstance) -> dict[str, Any]:
    """Search arguments for something like what was asked for here."""
    wanted: dict[str, Any] = {}
    if args.vm:
        wanted["vm"] = True
    if args.price is not None:
        wanted["type"] = "bid"
    if args.disk is not None:
        wanted["min_disk_gb"] = args.disk
    return wanted


SPEC = ToolSpec(
    fn=create_instance,
    arguments=CreateInstance,
    result=CreateInstanceResult,
    title="Rent a GPU machine",
    read_only=False,
    destructive=True,
    idempotent=False,
    open_world=True,
)
