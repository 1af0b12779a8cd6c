"""What a rented machine is to be, as create_instance and provision are asked for it.

The arguments mirror the request body of `PUT /api/v0/asks/{id}/` (the specification), flat.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import Field, PlainValidator, WithJsonSchema

from vast_mcp.errors import Json
from vast_mcp.leases import labels
from vast_mcp.renting.defaults import DEFAULT_IMAGE, ENV_TEXT
from vast_mcp.toolspec import Arguments

if TYPE_CHECKING:
    from vast_mcp.renting.env_entries import Environment
    from vast_mcp.renting.order import Order
    from vast_mcp.settings import Settings

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


class RentalArguments(Arguments):
    """Base of arguments that say what a machine is to be, wherever it is."""

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
    env: Annotated[
        Env | None,
        Field(
            repr=False,
            description='variables and ports: {"A":"1","-p 8000:8000":"1"}, or Docker flags '
            '"-e A=1 -p 8000:8000/udp -v V.1:/mnt". At most 32 KB, 64 ports, each a direct port',
        ),
    ] = None
    env_from: Annotated[
        list[Name] | None,
        Field(
            description=('names in VAST_MCP_ENV_PASS, whose values the person keeps: ["HF_TOKEN"]')
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


@dataclass(frozen=True)
class Given:
    """The arguments of a call about a rental, read: `values` have a file's text as its onstart.
    `left_out`: Docker options that env had; `file`: the path that onstart was read from.
    """

    values: Json = field(repr=False)
    left_out: tuple[str, ...] = ()
    file: str | None = None

    def order(self, settings: Settings, **also: object) -> Order:
        """The order that they make, with these arguments beside them. Raises BadArguments, or
        OverLimit for a lease.
        """
        from vast_mcp.renting.order import order_of

        return order_of(self.values | also, settings, self.left_out, self.file)


async def read(args: RentalArguments, settings: Settings) -> Given:
    """The arguments of a call, a file's text among them. Raises BadArguments."""
    from vast_mcp.renting import onstart_file

    left_out = () if args.env is None else cast("Environment", args.env).left_out
    given = args.model_dump(exclude_none=True)
    file: str | None = given.pop(onstart_file.FIELD, None)
    if file is not None:
        given["onstart"] = await onstart_file.script_in(
            file, settings, ONSTART_MAX, instead_of="onstart" in given
        )
    return Given(given, tuple(left_out), file)
