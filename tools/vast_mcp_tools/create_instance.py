"""Renting: the one act here that starts spending.

The arguments mirror the request body of `PUT /api/v0/asks/{id}/` (the specification), flat, the
path's `id` as `offer_id`. What Vast would accept and bill for something useless is refused
before it is sent; what was sent and not answered is reported as unknown, never as failed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import Field, PlainValidator, WithJsonSchema

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.leases import labels
from vast_mcp.machines.costs import Price, per_day, per_month, rounded
from vast_mcp.machines.failures import Failure
from vast_mcp.renting.defaults import DEFAULT_IMAGE, ENV_TEXT
from vast_mcp.session import Call
from vast_mcp.settings import LONGEST_LEASE_H
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step

if TYPE_CHECKING:
    from vast_mcp.renting.env_entries import Environment
    from vast_mcp.renting.order import Order
    from vast_mcp.renting.preview import Preview
    from vast_mcp.renting.request import Rental

ONSTART_MAX = 65_536  # characters before packing
# Vast takes 256; "#", the token and a lease need the rest.
LABEL_MAX = 256 - 17 - labels.LABEL_ROOM

# What the official client sends for its flags, and shows of a machine (docs/vast-api.md A.3).
OFFICIAL_RUNTYPES = {
    "sshdirec": "ssh_direct",
    "sshdirecsshproxy": "ssh_direct",
    "sshsshdirecsshproxy": "ssh_direct",
    "jupyterproxysshproxy": "jupyter_proxy",
    "jupyterdirec": "jupyter_direct",
    "jupyterdirecsshdirecsshproxy": "jupyter_direct",
}


def _env_of(value: object) -> Environment:
    """Read any spelling of env. What reads it is loaded with the first order."""
    from vast_mcp.renting.env_grammar import env_of

    return env_of(value)


Env = Annotated[
    dict[str, str],
    PlainValidator(_env_of),
    WithJsonSchema({"type": "string"}),
]


Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class VolumeInfo(Arguments):
    create_new: Annotated[bool | None, Field(description="make one. Default false: link yours")] = (
        None
    )
    volume_id: Annotated[
        int | None,
        Field(ge=1, description="your volume's, or with create_new a volume offer's"),
    ] = None
    size: Annotated[int | None, Field(ge=1, description="GB, with create_new only")] = None
    mount_path: Annotated[
        str | None, Field(pattern=r"^[^\x00]+$", description="e.g. /workspace")
    ] = None


class CreateInstance(Arguments):
    longer = {
        "env": ENV_TEXT,
        "onstart": ONSTART_MAX,
        "image_login": 16_384,
    }
    grammars = frozenset({"env"})
    as_one_text = {"args": "args_str"}
    also_called = {"runtype": OFFICIAL_RUNTYPES}

    def repeatable(self) -> Json | None:
        from vast_mcp.renting.order import PRIVATE

        given = self.model_dump(exclude_none=True)
        return given if PRIVATE.isdisjoint(given) else None

    offer_id: Annotated[int, Field(ge=1, description="from search_offers")]
    image: Annotated[
        str | None,
        Field(
            max_length=1024,
            description=f"Default: the template's, else {DEFAULT_IMAGE}",
        ),
    ] = None
    template_hash_id: Annotated[
        str | None,
        Field(
            description="from search_templates; arguments override it, env by key",
        ),
    ] = None
    label: Annotated[
        str | None,
        Field(
            max_length=LABEL_MAX,
            pattern=r"^[^\x00-\x1f\x7f]+$",
            description=f"at most {LABEL_MAX} characters; a #token is added",
        ),
    ] = None
    disk: Annotated[
        float | None,
        Field(
            ge=8,
            description="GB, 8 or more, fixed for life. Default: the template's, else 8 to 10",
        ),
    ] = None
    runtype: Annotated[
        Literal[
            "ssh", "jupyter", "args", "ssh_proxy", "ssh_direct", "jupyter_proxy", "jupyter_direct"
        ]
        | None,
        Field(
            description=(
                "ssh, ssh_proxy: SSH by Vast's proxy; ssh_direct: also direct, 1 port; jupyter, "
                "jupyter_proxy: notebook and SSH; jupyter_direct: both direct, 2 ports; args: the "
                "image's own command, no SSH. Default: the template's, else ssh, or args with "
                "args/args_str"
            )
        ),
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
                "bid, $/h for the machine, 0.001 to 128: interruptible. Absent: on demand"
            ),
        ),
    ] = None
    env: Annotated[
        Env | None,
        Field(
            repr=False,
            description='variables and ports: {"A":"1","-p 8000:8000":"1"}, or Docker flags '
            '"-e A=1 -p 8000:8000/udp -h name -v V.1:/mnt -n net". At most 32 KB, 64 ports, each '
            "a direct port",
        ),
    ] = None
    env_from: Annotated[
        list[Name] | None,
        Field(
            description=('names in VAST_MCP_ENV_PASS, whose values the person keeps: ["HF_TOKEN"]')
        ),
    ] = None
    cancel_unavail: Annotated[
        bool | None,
        Field(
            description="cancel if it cannot start at once. Default true on demand and "
            "running, else false: its disk then bills"
        ),
    ] = None
    vm: Annotated[
        bool | None,
        Field(
            description=(
                "default false. Needs a registered SSH key, a direct port, an image as "
                "docker.io/vastai/kvm:ubuntu_terminal"
            )
        ),
    ] = None
    onstart: Annotated[
        str | None,
        Field(
            repr=False,
            max_length=ONSTART_MAX,
            description="start script, at most 65536 characters, over 4048 packed to fit that; "
            "with runtype args the entrypoint, at most 4048, with args/args_str 4096 together",
        ),
    ] = None
    onstart_file: Annotated[
        str | None, Field(description="or its path here, in a folder of VAST_MCP_FILES")
    ] = None
    args: Annotated[
        list[str] | None,
        Field(repr=False, description="entrypoint arguments"),
    ] = None
    args_str: Annotated[str | None, Field(repr=False, description="or as one string")] = None
    use_jupyter_lab: Annotated[bool | None, Field(description="default false: notebook")] = None
    jupyter_dir: Annotated[str | None, Field(description="where Jupyter starts")] = None
    python_utf8: Annotated[bool | None, Field(description="default false")] = None
    lang_utf8: Annotated[bool | None, Field(description="default false")] = None
    force: Annotated[
        bool | None,
        Field(description="skip checks when made from an instance. Default false"),
    ] = None
    user: Annotated[str | None, Field(description="docker user; breaks some images")] = None
    image_login: Annotated[
        str | None,
        Field(repr=False, description="-u USER -p TOKEN REGISTRY"),
    ] = None
    image_login_from: Annotated[
        Name | None,
        Field(description="or its name in VAST_MCP_ENV_PASS"),
    ] = None
    volume_info: Annotated[VolumeInfo | None, Field(description="a volume is on one machine")] = (
        None
    )
    request_key: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9._:-]{1,64}$",
            description="this rental's name, 1 to 64 of A-Z a-z 0-9 . _ : -; the same never rents "
            "twice. Default: derived from the arguments",
        ),
    ] = None
    allow_unresolved: Annotated[
        bool | None,
        Field(description=("with request_key: rent though another is in doubt. Default false")),
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
                "hours until it ends, above 0 to 8760. While it runs it destroys itself, with "
                "curl, wget or python3 in it; stopped, or with runtype args, a vast-mcp server "
                "that runs then does. Default: the person's, else none"
            ),
        ),
    ] = None
    dry_run: Annotated[bool | None, Field(description="check and price only. Default false")] = None


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
    failure: Annotated[
        Failure | None,
        Field(description="What the start of one found failed of, when last looked at."),
    ] = None
    lease: Annotated[str | None, Field(description="When it is destroyed, and by whom.")] = None
    dry_run: Annotated[DryRun | None, Field(description="Only for dry_run: nothing was sent.")] = (
        None
    )
    warnings: list[str] = []
    next_steps: list[Step] = []


async def create_instance(args: CreateInstance, call: Call) -> CreateInstanceResult:
    """Rents one offer as a container or VM. Spends money: it bills until destroy_instance, its
    disk even while stopped; traffic is extra. Arguments, offer and a VM's SSH keys are checked
    first. The same call again never rents twice: it gives the machine there is. Returns at once;
    a start needs minutes. After an error with billing_possible true a machine may exist: its
    next_steps settle it.
    """
    from vast_mcp.renting import lease
    from vast_mcp.renting.preview import preview
    from vast_mcp.renting.refusals import told
    from vast_mcp.renting.rent import rent

    order = await _order(args, call)
    try:
        if order.dry_run:
            return _previewed(order, await preview(call, order))
        rental = await rent(call, order)
    except errors.VastMcpError as exc:
        raise told(exc, order, call) from exc
    call.session.created.setdefault(rental.instance_id, time.time())
    said = await lease.sentence_now(call, rental.intent, rental.instance_id)
    return _rented(order, rental, said, call.session.failing.get(rental.instance_id))


async def _order(args: CreateInstance, call: Call) -> Order:
    """What the arguments ask for, a file's text among them. Raises BadArguments, or OverLimit."""
    from vast_mcp.renting import onstart_file
    from vast_mcp.renting.order import order_of

    left_out = () if args.env is None else cast("Environment", args.env).left_out
    given = args.model_dump(exclude_none=True)
    file: str | None = given.pop(onstart_file.FIELD, None)
    if file is not None:
        given["onstart"] = await onstart_file.script_in(
            file, call.settings, ONSTART_MAX, instead_of="onstart" in given
        )
    return order_of(given, call.settings, left_out, file)


def _rented(
    order: Order, rental: Rental, lease_said: str | None, failing: Failure | None
) -> CreateInstanceResult:
    """The answer to a rental, found or made."""
    from vast_mcp.renting import rental_words

    intent = rental.intent
    return CreateInstanceResult(
        instance_id=rental.instance_id,
        offer_id=intent.offer_id,
        request_key=intent.request_key,
        label=intent.label,
        kind=order.kind,
        usd_per_hour=intent.facts.get("usd_per_hour"),
        disk_gb=intent.facts.get("disk_gb"),
        replayed=rental.replayed or None,
        recovered=rental.recovered or None,
        lease=lease_said,
        failure=failing,
        warnings=rental_words.warnings_of(order, rental),
        next_steps=rental_words.steps_of(rental, failing),
    )


def _previewed(order: Order, seen: Preview) -> CreateInstanceResult:
    """The answer to a dry run."""
    answer = CreateInstanceResult(
        offer_id=order.offer_id,
        request_key=seen.request.wish.request_key,
        kind=order.kind,
        warnings=list(dict.fromkeys([*order.notes, *seen.warnings])),
    )
    if not order.hides:
        again = {name: value for name, value in order.spoken.items() if name != "dry_run"}
        answer.next_steps = [step("create_instance", "rents it", **again)]
    found, terms = seen.found, seen.terms
    if found is not None and found.lives:
        answer.instance_id = found.instance_id
    if terms is not None:
        answer.usd_per_hour, answer.disk_gb = terms.usd_per_hour, terms.disk_gb
        if terms.lease is not None:
            answer.lease = terms.lease.sentence
    answer.dry_run = _dry_run(order, seen)
    return answer


def _dry_run(order: Order, seen: Preview) -> DryRun:
    """What the call would do, send and cost. Where it rents nothing, no price was read."""
    from vast_mcp.renting.order import masked

    body, price, until = order.body, Price(None, None), None
    if seen.terms is not None:
        body, price, until = seen.terms.body, seen.terms.price, seen.terms.lease_until
    label = f"{labels.leased(order.label, until)}#<token>"
    return DryRun(
        would=seen.would,
        request=masked(body | {"label": label}),
        gpu_usd_per_hour=rounded(price.gpu, 5),
        disk_usd_per_hour=rounded(price.disk, 5),
        volume_usd_per_hour=rounded(price.volume, 5) or None,
        usd_per_hour=rounded(price.total, 5),
        usd_per_day=per_day(price.total),
        usd_per_month=per_month(price.total),
        stopped_usd_per_hour=rounded(price.stopped, 5),
        left=seen.left,
    )


SPEC = ToolSpec(
    fn=create_instance,
    arguments=CreateInstance,
    result=CreateInstanceResult,
    title="Rent a GPU machine",
    read_only=False,
    destructive=True,
    idempotent=False,
    open_world=True,
    sends=("create",),
)
