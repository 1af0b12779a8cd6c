"""Renting: the one act here that starts spending.

The arguments mirror the request body of `PUT /api/v0/asks/{id}/` (the specification), flat, the path's `id` as
`offer_id`. What Vast would accept and bill for something useless is refused before it is sent; what was sent and not
answered is reported as unknown, never as failed.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, cast

from pydantic import Field, PlainValidator, WithJsonSchema

from vast_mcp import confirm, errors, leases, limits, packing, preflight, watchdog
from vast_mcp.errors import Json, NextStep, Problem, redacted
from vast_mcp.journal import Intent, Wish, token_of
from vast_mcp.limits import Price, Room
from vast_mcp.renting import Cleared, Request, account_of, check_told, derived_key, rent, standing_of
from vast_mcp.settings import LONGEST_LEASE_H
from vast_mcp.toolspec import Arguments, Call, Part, Result, Step, ToolSpec, step, utc
from vast_mcp.vast.wire import Offer, Template
from vast_mcp.volumes import MONTH_H

DEFAULT_IMAGE = "vastai/base-image:@vastai-automatic-tag"
DEFAULT_LABEL = "vast-mcp"
ONSTART_MAX = 65_536  # characters before packing
LABEL_MAX = 256 - 17 - leases.LABEL_ROOM  # Vast takes 256; the token with its "#" and the lease need the rest

Env = Annotated[
    dict[str, str],
    PlainValidator(preflight.env_of),
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
        int | None, Field(ge=1, description="existing volume's id, or with create_new a volume offer's id")
    ] = None
    size: Annotated[int | None, Field(ge=1, description="GB, with create_new only")] = None
    mount_path: Annotated[str | None, Field(min_length=1, pattern=r"^[^\x00]+$", description="e.g. /workspace")] = None


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
        Field(min_length=1, description="template to start from; what is given here overrides it, env by key"),
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
        Field(ge=8, description="GB, at least 8, fixed for life. Default: Vast's 8 to 10 or the template's"),
    ] = None
    runtype: Annotated[
        Literal["ssh", "jupyter", "args", "ssh_proxy", "ssh_direct", "jupyter_proxy", "jupyter_direct"] | None,
        Field(description="launch mode. Default ssh, or args with args/args_str"),
    ] = None
    target_state: Annotated[Literal["running", "stopped"] | None, Field(description="default running")] = None
    price: Annotated[
        float | None,
        Field(
            ge=0.001,
            le=128,
            description="bid in $/hour for the machine, 0.001 to 128; makes it interruptible. Absent: on demand",
        ),
    ] = None
    env: Annotated[
        Env | None,
        Field(
            repr=False,
            description='variables and ports: {"A":"1","-p 8000:8000":"1"}, or Docker flags "-e A=1 -p 8000:8000/udp '
            '-h name -v V.1:/mnt -n net", or ["A=1"]. At most 32 KB, 64 ports',
        ),
    ] = None
    env_from: Annotated[
        list[Name] | None,
        Field(
            description='variables whose values the person keeps, by name: ["HF_TOKEN"]; listed in VAST_MCP_ENV_PASS'
        ),
    ] = None
    cancel_unavail: Annotated[
        bool | None,
        Field(
            description="cancel if it cannot start at once. Default true on demand and running, else false: "
            "a stopped machine then bills its disk"
        ),
    ] = None
    vm: Annotated[
        bool | None,
        Field(description="virtual machine. Default false. Needs a registered SSH key and an image with registry host"),
    ] = None
    onstart: Annotated[
        str | None,
        Field(
            repr=False,
            max_length=ONSTART_MAX,
            description="script to run at start, at most 65536 characters; over 4048 it is packed and must fit then; "
            "with runtype args the entrypoint, at most 4048, with args/args_str 4096 together",
        ),
    ] = None
    args: Annotated[list[str] | None, Field(repr=False, description='entrypoint arguments; implies runtype "args"')] = (
        None
    )
    args_str: Annotated[str | None, Field(repr=False, description="the same as one string, instead of args")] = None
    use_jupyter_lab: Annotated[bool | None, Field(description="lab, not notebook. Default false")] = None
    jupyter_dir: Annotated[str | None, Field(description="directory to launch Jupyter from")] = None
    python_utf8: Annotated[bool | None, Field(description="Python locale C.UTF-8. Default false")] = None
    lang_utf8: Annotated[bool | None, Field(description="locale C.UTF-8. Default false")] = None
    force: Annotated[
        bool | None, Field(description="skip checks when creating from an existing instance. Default false")
    ] = None
    user: Annotated[str | None, Field(min_length=1, description="docker user; breaks some images")] = None
    image_login: Annotated[
        str | None, Field(repr=False, min_length=1, description="registry login: -u USER -p TOKEN REGISTRY")
    ] = None
    image_login_from: Annotated[
        Name | None, Field(description="instead of image_login: the name of a value in VAST_MCP_ENV_PASS")
    ] = None
    volume_info: Annotated[VolumeInfo | None, Field(description="volume to make or link; it is on one machine")] = None
    request_key: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9._:-]{1,64}$",
            description="name of this rental, 1 to 64 characters of A-Z a-z 0-9 . _ : -; the same key and arguments "
            "never rent twice. Default: derived from the arguments",
        ),
    ] = None
    allow_unresolved: Annotated[
        bool | None,
        Field(description="with request_key: rent although an earlier rental is in doubt. Default false"),
    ] = None
    max_usd_per_hour: Annotated[
        float | None, Field(gt=0, description="most that machine, disk and new volume may cost, $/h, above 0")
    ] = None
    lease_hours: Annotated[
        float | None,
        Field(
            gt=0,
            le=LONGEST_LEASE_H,
            description="hours until it is destroyed by itself, above 0 to 8760. Default: the person's, else none",
        ),
    ] = None
    dry_run: Annotated[bool | None, Field(description="check and price, send nothing. Default false")] = None

    def body(self) -> Json:
        """The request body: what was given, and the documented defaults that must not be left to chance."""
        body: Json = self.model_dump(exclude_none=True, exclude=_NOT_IN_BODY)
        if "image" not in body and "template_hash_id" not in body:
            body["image"] = DEFAULT_IMAGE
        # Sent always: Vast's own client sends false, and a machine that cannot start then bills its disk (A.7).
        body.setdefault("cancel_unavail", "price" not in body and body.get("target_state", "running") == "running")
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
        Field(description="replay: it has a machine already; settle: an earlier rental is in doubt and comes first."),
    ]
    request: Annotated[Json, Field(description="The body of the request; what may be secret is masked.")]
    gpu_usd_per_hour: Annotated[float | None, Field(description="Or the bid.")] = None
    disk_usd_per_hour: float | None = None
    volume_usd_per_hour: Annotated[float | None, Field(description="Of the new volume, which outlives it.")] = None
    usd_per_hour: Annotated[float | None, Field(description="All of it while running; absent when not known.")] = None
    usd_per_day: float | None = None
    usd_per_month: Annotated[float | None, Field(description="Of 720 hours.")] = None
    stopped_usd_per_hour: Annotated[float | None, Field(description="Disk and volume.")] = None
    left: Annotated[Json, Field(description="What each limit in force leaves after this rental.")] = {}


class CreateInstanceResult(Result):
    instance_id: Annotated[
        int | None, Field(description="The machine. It bills from now until it is destroyed. Absent: dry_run.")
    ] = None
    offer_id: int
    request_key: Annotated[str, Field(description="Names this rental: the same key finds it again.")]
    label: Annotated[str | None, Field(description="As Vast has it, with this rental's token after the last #.")] = None
    kind: Literal["on_demand", "interruptible"]
    usd_per_hour: Annotated[
        float | None, Field(description="$/h with disk while running; absent when the offer's price is not known.")
    ] = None
    disk_gb: Annotated[float | None, Field(description="Disk that usd_per_hour counts, GB.")] = None
    replayed: Annotated[bool | None, Field(description="True: an earlier call rented it, nothing was sent.")] = None
    recovered: Annotated[bool | None, Field(description="True: the reply was lost and the machine was found.")] = None
    lease: Annotated[str | None, Field(description="When it is destroyed, and by whom.")] = None
    dry_run: Annotated[DryRun | None, Field(description="Only for dry_run: nothing was sent.")] = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def create_instance(args: CreateInstance, call: Call) -> CreateInstanceResult:
    """Rents one offer as a container or VM. Spends money: the machine bills from birth until destroy_instance, its
    disk even while stopped. Checks arguments, the offer, and for a VM the SSH keys, before anything is sent. The same
    call again never rents twice: it returns the machine there is (replayed), or finds the one whose reply was lost
    (recovered). Returns the id at once; the machine needs minutes to start. After an error with billing_possible true
    a machine may exist: its next_steps settle it."""
    body = args.body()
    problems = _from_person(args, body, call)
    problems += _pack(args, body)
    problems += _label_problems(args.label)
    known = {problem.field for problem in problems}
    problems += [problem for problem in preflight.contradictions(body) if problem.field not in known]
    if problems:
        raise errors.bad("create_instance", problems)
    hours = _lease_hours(args, call)
    account, warnings = await account_of(call)
    wish = _wish(args, body, account, call)
    plan = _Plan()

    async def look() -> Cleared:
        _check_market(args, call)
        await _check_entrypoint(args, call)
        priced = bool(args.dry_run) or limits.price_wanted(call, args.max_usd_per_hour)
        plan.findings = findings = await preflight.look(call, args.offer_id, body, priced=priced)
        warnings.extend(findings.warnings)
        plan.price = price = findings.price(body)
        why = next((warning for warning in findings.warnings if "price" in warning), "")
        limits.check_machine(call, price.total, asked=args.max_usd_per_hour, why=why, offer_id=args.offer_id)
        seen = await limits.standing(call)
        journal, allowed = call.office.journal, call.settings.limits

        def allow() -> None:
            plan.room = limits.check_account(allowed, seen, journal, account, price.total, young_s=call.times.young_s)

        allow()
        plan.lease = lease = await _lease(args, body, hours, call)
        usd = findings.usd_per_hour(body)
        facts: Json = {"usd_per_hour": usd, "disk_gb": findings.counted_disk_gb if usd is not None else None}
        facts |= {"vm": True} if body.get("vm") else {}  # no row of Vast's says which machines are VMs
        facts |= {"lease": lease.said} if lease else {}
        until = lease.until if lease else None
        if args.dry_run:
            if confirm.wanted(call, price.total):
                warnings.append("The person is asked before this is rented (VAST_MCP_CONFIRM).")
            return Cleared(facts, price.total, allow, until)
        what = _question(args, body, findings, hours)
        given = args.model_dump(exclude_none=True)
        approval = await confirm.ask(call, "create_instance", given, price.total, what, _again(args))
        return Cleared(facts, price.total, allow, until, approval)

    try:
        if args.dry_run:
            return await _dry(args, body, wish, look, plan, warnings, call)
        rental = await rent(call, Request(wish=wish, body=body, look=look, again=_again(args)))
        # Only what this very call rented may be destroyed for its price.
        if rental.sent_here:
            warnings += await limits.check_moved(call, rental.instance_id, plan.price, asked=args.max_usd_per_hour)
    except errors.VastMcpError as exc:
        raise _told(exc, args, body, call) from exc
    call.office.created.setdefault(rental.instance_id, time.time())
    if args.lease_hours is not None and rental.replayed:
        warnings.append("lease_hours was not applied, since the machine exists; manage_instance extend_lease moves it.")
    return CreateInstanceResult(
        instance_id=rental.instance_id,
        offer_id=rental.intent.offer_id,
        request_key=rental.intent.request_key,
        label=rental.intent.label,
        kind=_kind(body),
        usd_per_hour=rental.intent.facts.get("usd_per_hour"),
        disk_gb=rental.intent.facts.get("disk_gb"),
        replayed=rental.replayed or None,
        recovered=rental.recovered or None,
        lease=_lease_said(rental.intent),
        warnings=list(dict.fromkeys([*warnings, *rental.warnings])),
        next_steps=[
            step("show_instances", "see whether it runs", label=rental.intent.token),
            step("destroy_instance", "ends all billing for it", instance_ids=[rental.instance_id]),
        ],
    )


def _question(args: CreateInstance, body: Json, findings: preflight.Findings, lease_h: float | None) -> str:
    """What a person is asked, without the price: no values of the caller but ids, numbers and an image's plain name."""
    offer = findings.offer
    what = confirm.gpus(offer.gpu_name if offer else None, offer.num_gpus if offer else None)
    kind = f"interruptible, at a bid of {args.price:g} $/h," if args.price is not None else "on demand"
    volume = " and a new volume" if args.volume_info and args.volume_info.create_new else ""
    ends = "It runs until it is destroyed." if lease_h is None else f"It ends by itself after {lease_h:g} hours."
    return (
        f"Rent {what} (offer {args.offer_id}) {kind} with {findings.counted_disk_gb:g} GB of disk{volume} on Vast.ai, "
        f"as a {'virtual machine' if body.get('vm') else 'container'} of {confirm.image(body.get('image'))}? {ends}"
    )


def _lease_said(intent: Intent) -> str | None:
    """What the first answer said of the lease, and where it ends now if that was moved since."""
    said, until = intent.facts.get("lease"), intent.lease_until
    if until is None or (said and utc(until) in said):
        return said
    return f"Extended to {utc(until)}. As rented: {said}" if said else f"Ends {utc(until)}."


def _kind(body: Json) -> Literal["on_demand", "interruptible"]:
    return "interruptible" if "price" in body else "on_demand"


@dataclass
class _Plan:
    """What the looks of this call found, for the answer and for the look afterwards."""

    findings: preflight.Findings = field(default_factory=preflight.Findings)
    price: Price = field(default_factory=lambda: Price(None, None))
    room: Room | None = None
    lease: Lease | None = None


# ── trying without renting ───────────────────────────────────────────────────────────────────────────────────────────


async def _dry(
    args: CreateInstance,
    body: Json,
    wish: Wish,
    look: Callable[[], Awaitable[Cleared]],
    plan: _Plan,
    warnings: list[str],
    call: Call,
) -> CreateInstanceResult:
    """Every check and price of the real call; nothing is sent and no attempt is journalled."""
    found = standing_of(call, wish)
    if found is None:
        check_told(call, wish)
        await look()
    price = plan.price
    total = price.total
    idle = None if price.disk is None or price.volume is None else price.disk + price.volume
    made = DryRun(
        would="rent" if found is None else "replay" if found.lives else "settle",
        request=_masked(body | {"label": _label(wish, plan)}),
        gpu_usd_per_hour=_rounded(price.gpu),
        disk_usd_per_hour=_rounded(price.disk),
        volume_usd_per_hour=_rounded(price.volume) or None,
        usd_per_hour=_rounded(total),
        usd_per_day=None if total is None else round(total * 24, 2),
        usd_per_month=None if total is None else round(total * MONTH_H, 2),
        stopped_usd_per_hour=_rounded(idle),
        left=_left(args, plan, call),
    )
    return CreateInstanceResult(
        instance_id=found.instance_id if found and found.lives else None,
        offer_id=args.offer_id,
        request_key=wish.request_key,
        kind=_kind(body),
        usd_per_hour=plan.findings.usd_per_hour(body),
        disk_gb=plan.findings.counted_disk_gb if total is not None else None,
        lease=plan.lease.said if plan.lease else None,
        dry_run=made,
        warnings=list(dict.fromkeys(warnings)),
        next_steps=[step("create_instance", "rents it", **again)]
        if _PRIVATE.isdisjoint(again := args.model_dump(exclude_none=True, exclude={"dry_run"}))
        else [],
    )


def _label(wish: Wish, plan: _Plan) -> str:
    return f"{leases.leased(wish.label, plan.lease.until if plan.lease else None)}#<token>"


def _rounded(usd: float | None) -> float | None:
    return None if usd is None else round(usd, 5)


def _masked(body: Json) -> Json:
    """The body as an answer may show it: names of variables, sizes of scripts, no values."""
    shown = dict(body)
    for name in _PRIVATE & body.keys():
        value = body[name]
        if isinstance(value, dict):
            shown[name] = dict.fromkeys(cast("Json", value), "***")
        else:
            shown[name] = f"*** ({len(value)} {'characters' if isinstance(value, str) else 'arguments'})"
    return shown


def _left(args: CreateInstance, plan: _Plan, call: Call) -> Json:
    allowed, room, total = call.settings.limits, plan.room, plan.price.total
    caps = [cap for cap in (allowed.max_usd_per_hour, args.max_usd_per_hour) if cap is not None]
    left: Json = {}
    if caps and total is not None:
        left["max_usd_per_hour"] = round(min(caps) - total, 5)
    if allowed.max_total_usd_per_hour is not None and room is not None and room.usd_per_hour is not None:
        left["max_total_usd_per_hour"] = round(allowed.max_total_usd_per_hour - room.usd_per_hour, 5)
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
    """Put the values that the person keeps into the body, by their names; what is wrong with those."""
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
            body["env"] = preflight.env_of(env)
        except ValueError as exc:
            problems.append(Problem("env_from", f"env with these {exc}"))
    if (name := args.image_login_from) is not None:
        value = held.get(name)
        if value is None:
            problems.append(Problem("image_login_from", _not_held(name, call)))
        elif args.image_login is not None:
            problems.append(Problem("image_login_from", "an alternative to image_login: give one of them"))
        else:
            body["image_login"] = value.get_secret_value()
    return problems


def _not_held(name: str, call: Call) -> str:
    """What the person does about a name. A secret in a name's place is not repeated: those are not in capitals."""
    shown = name if name.isupper() or len(name) <= 16 else f"{name[:4]}…"
    if name in call.settings.env_pass:
        return f"{shown} has no value: the person sets it where VAST_API_KEY is set, and restarts this server"
    known = ", ".join(call.settings.env_pass) or "none"
    return f"{shown} is not allowed: the person adds it to VAST_MCP_ENV_PASS, sets it, and restarts (listed: {known})"


def _label_problems(label: str | None) -> list[Problem]:
    """A name that ends as what is put behind it."""
    if leases.lease_of(label) is not None:
        return [Problem("label", "must not end in lease-until=…: lease_hours puts that there")]
    if token_of(label) is not None:
        return [Problem("label", "must not end in # and 16 hexadecimal digits: vast-mcp marks its machines so")]
    return []


_ENTRYPOINT = f"is {{}} characters; with runtype args it is the entrypoint, at most {packing.ONSTART_MAX}"


def _pack(args: CreateInstance, body: Json) -> list[Problem]:
    """Put a long onstart into the body as a short one; what is wrong where that cannot be."""
    onstart, most = args.onstart, packing.ONSTART_MAX
    if onstart is None or len(onstart) <= most:
        return []
    if args.runtype == "args" or (args.runtype is None and (args.args is not None or args.args_str is not None)):
        return [Problem("onstart", _ENTRYPOINT.format(len(onstart)))]
    body["onstart"] = packed = packing.packed(onstart)
    if len(packed) <= most:
        return []
    problem = f"is {len(onstart)} characters, packed {len(packed)}; Vast takes {most}. Let it download the rest"
    return [Problem("onstart", problem)]


async def _check_entrypoint(args: CreateInstance, call: Call) -> None:
    """A template can bring runtype args (A.10), and then a long onstart has no shell to unpack it (A.3)."""
    template_hash = args.template_hash_id
    if args.runtype is not None or template_hash is None or len(args.onstart or "") <= packing.ONSTART_MAX:
        return
    template = await preflight.template_of(call, template_hash)
    if template is not None and template.runtype == "args":
        raise errors.bad("create_instance", [Problem("onstart", _ENTRYPOINT.format(len(args.onstart or "")))])


def _check_market(args: CreateInstance, call: Call) -> None:
    """An offer that was looked at as a bid costs several times that on demand: no price must be meant.

    Seeing the offer in a search on demand is what says so.
    """
    if args.price is not None or args.offer_id not in call.office.bid_offers:
        return
    offer = call.office.offers.get(args.offer_id)
    floor = offer.min_bid if offer else None
    steps = [
        NextStep(
            "search_offers", _on_demand(args, offer), "its price on demand; then this call, unchanged, rents it so"
        )
    ]
    if floor is not None:
        floor = max(floor, 0.001)
        if _PRIVATE.isdisjoint(given := args.model_dump(exclude_none=True)):
            steps.insert(0, NextStep("create_instance", given | {"price": floor}, "interruptible, at the minimum bid"))
    at_least = f"at least {floor:g} $/h" if floor is not None else "a bid in $/h"
    raise errors.BadArguments(
        "Nothing was sent: this offer was last seen in a search for bids, and without price it rents on demand, which "
        "usually costs more.",
        offer_id=args.offer_id,
        problems=[Problem("price", f"{at_least} to rent interruptible; for on demand see the offer on demand first")],
        next_steps=steps,
    )


def _on_demand(args: CreateInstance, offer: Offer | None) -> Json:
    """A search for this very offer on demand."""
    filters: Json = {"ask_contract_id": {"eq": args.offer_id}}
    if offer is not None and offer.verification != "verified":
        filters["verified"] = {"in": [True, False]}  # a search leaves those out else
    found: Json = {"type": "on-demand", "filters": filters}
    return found | ({"min_disk_gb": args.disk} if args.disk is not None else {})


# ── the lease ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Lease:
    """When the rental ends by itself, in epoch seconds by Vast's clock, and what the answer says of that."""

    until: float
    said: str


def _lease_hours(args: CreateInstance, call: Call) -> float | None:
    """How long the rental may live, where it has a lease. Raises OverLimit."""
    hours = args.lease_hours or call.settings.lease_hours
    longest = call.settings.limits.max_lease_hours
    if hours is not None and longest is not None and hours > longest:
        raise errors.OverLimit(
            f"Nothing was sent: a lease of {hours:g} hours is over the {longest:g} that are allowed "
            "(VAST_MCP_MAX_LEASE_HOURS, set by the person).",
            problems=[Problem("lease_hours", f"at most {longest:g}")],
        )
    return hours


async def _lease(args: CreateInstance, body: Json, hours: float | None, call: Call) -> Lease | None:
    """Put the watchdog in front of the body's onstart where that can carry it; what the lease guarantees."""
    if hours is None:
        return None
    until = int(call.office.link.now() + hours * 3600)
    # From what was asked for: an earlier look of this call may have put a watchdog there.
    body.pop("onstart", None)
    if args.onstart is not None:
        body["onstart"] = args.onstart
        _pack(args, body)
    onstart, why = await _script_of_machine(args, body, call)
    if why is None:
        carried = watchdog.guarded(onstart, until=until, base_url=call.settings.base_url)
        if len(carried) <= packing.ONSTART_MAX:
            body["onstart"] = carried
            takes = f"the watchdog takes {watchdog.cost(call.settings.base_url)} of onstart's {packing.ONSTART_MAX}"
            needs = "curl, GNU wget or python3 in its image" + (
                ", if Vast gives a VM its key" if body.get("vm") else ""
            )
            return Lease(
                until,
                f"Ends {utc(until)}: while it runs, the machine destroys itself then, with {needs}, whatever became of "
                f"this server; stopped, a vast-mcp server or vast-mcp sweep must destroy it ({takes} characters).",
            )
        why = f"its onstart leaves no room for a watchdog: {len(carried)} of {packing.ONSTART_MAX} characters"
    said = (
        f"Ends {utc(until)}, destroyed from outside alone: a vast-mcp server must run then, or vast-mcp sweep ({why})."
    )
    return Lease(until, said)


async def _script_of_machine(args: CreateInstance, body: Json, call: Call) -> tuple[str | None, str | None]:
    """The script that the watchdog goes in front of, and why it cannot.

    An onstart in the request replaces the template's (A.10), so that one is carried along.
    """
    onstart = args.onstart
    template: Template | None = None
    by_args = preflight.by_args(body, None)
    if not by_args and "template_hash_id" in body and ("runtype" not in body or onstart is None):
        with contextlib.suppress(errors.VastMcpError):
            template = await preflight.template_of(call, body["template_hash_id"])
        if template is None:
            return None, "its template could not be read"
    if by_args or preflight.by_args(body, template):
        return None, "with runtype args onstart is the entrypoint"
    script = onstart if onstart is not None else template.onstart if template else None
    if body.get("vm") and script and not script.startswith("#!"):
        return None, "a VM runs no onstart without a shebang"
    return script, None


def _wish(args: CreateInstance, body: Json, account: str, call: Call) -> Wish:
    digest = call.office.journal.digest(args.model_dump(exclude_none=True, exclude=_GUARDS))
    return Wish(
        account=account,
        request_key=args.request_key or derived_key(account, digest),
        digest=digest,
        offer_id=args.offer_id,
        label=args.label or DEFAULT_LABEL,
        wanted=body.get("target_state", "running"),
        derived=args.request_key is None,
        allow_unresolved=bool(args.request_key and args.allow_unresolved),
    )


# What may hold secrets is never repeated in an answer.
_PRIVATE = {"env", "image_login", "onstart", "args", "args_str"}


def _again(args: CreateInstance) -> NextStep:
    """The same call, where an answer may repeat its arguments; else the look that settles it."""
    given = args.model_dump(exclude_none=True)
    if _PRIVATE.isdisjoint(given):
        return NextStep("create_instance", given, "the same call: goes on settling, rents nothing twice")
    return NextStep(
        "show_instances",
        {},
        "looks for the machine and goes on settling; then the same create_instance call, unchanged",
    )


def _told(exc: errors.VastMcpError, args: CreateInstance, body: Json, call: Call) -> errors.VastMcpError:
    """The error with what this tool knows: no values of the caller, and the step that leads on."""
    if exc.vast_message:
        # A packed script is as good as the script, and a template's comes along with a lease.
        sent = body.get("onstart", "")
        packs = re.findall(r"[A-Za-z0-9+/=]{40,}", sent)
        exc.vast_message = redacted(exc.vast_message, [*args.secrets(), sent, *packs, *call.settings.secrets()])
    if exc.instance_id is not None:
        call.office.created.setdefault(exc.instance_id, time.time())
    if isinstance(exc, errors.NoSshKey):
        exc.next_steps = preflight.no_ssh_key(call).next_steps
    elif isinstance(exc, (errors.OfferGone, errors.OfferPrivate)):
        call.office.forget(args.offer_id)
        exc.next_steps = [NextStep("search_offers", _like(args), "find another offer")]
    elif isinstance(exc, errors.InvalidPrice):
        exc.next_steps = [NextStep("search_offers", {"type": "bid"}, "offers with their minimum bids")]
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
