"""What a create body asks for: checked, merged with its template, defaults filled in (A.2 to
A.10).
"""

import shlex
from dataclasses import dataclass, field
from typing import Any, cast

from . import replies

Body = dict[str, Any]

DEFAULT_IMAGE = "vastai/base-image:@vastai-automatic-tag"
ENV_BYTES = 32_768
OPEN_PORTS = 64
ONSTART_CHARS = 4_048
START_CHARS = 4_096
LABEL_CHARS = 256
IMAGE_CHARS = 1_024
MIN_DISK = 8.0
MIN_PRICE, MAX_PRICE = 0.001, 128.0
IDENTITY_PORT = 70_000  # from here on the number outside is the number inside (A.4)

# Both vocabularies, the specification's and the official client's, as the row reports them
# (A.3).
RUNTYPES = {
    "ssh": "ssh_proxy",
    "ssh_proxy": "ssh_proxy",
    "ssh_direct": "ssh_direc ssh_proxy",
    "ssh_direc": "ssh_direc ssh_proxy",
    "jupyter": "jupyter_proxy ssh_proxy",
    "jupyter_proxy": "jupyter_proxy ssh_proxy",
    "jupyter_direct": "jupyter_direc ssh_direc ssh_proxy",
    "jupyter_direc": "jupyter_direc ssh_direc ssh_proxy",
    "args": "args",
}
TOKEN_ORDER = ("args", "jupyter_direc", "jupyter_proxy", "ssh_direc", "ssh_proxy")

TEXTS = (
    "image",
    "template_hash_id",
    "label",
    "runtype",
    "onstart",
    "args_str",
    "jupyter_dir",
    "user",
    "image_login",
)
FLAGS = ("cancel_unavail", "vm", "use_jupyter_lab", "python_utf8", "lang_utf8", "force")


@dataclass
class Launch:
    """A rental as it will be: every field decided."""

    image: str
    runtype: str
    disk: float
    price: float | None
    label: str | None
    vm: bool
    start: bool
    cancel_unavail: bool
    onstart: str | None
    args: list[str]
    env: dict[str, str] = field(default_factory=dict[str, str])
    volume_info: dict[str, Any] | None = None
    template: dict[str, Any] | None = None
    jupyter_dir: str | None = None
    use_jupyter_lab: bool = False
    image_login: str | None = None  # never in a row

    @property
    def is_bid(self) -> bool:
        """A price alone makes a rental interruptible (A.6)."""
        return self.price is not None

    @property
    def becomes_vm(self) -> bool:
        """Without a registry host the image silently starts as a container (A.5, live)."""
        host, slash, _ = self.image.partition("/")
        return self.vm and bool(slash) and ("." in host or ":" in host or host == "localhost")

    @property
    def ports(self) -> list[tuple[str, bool]]:
        """What is mapped: `8000/tcp`, and whether the number outside is the same."""
        asked = [read_port(key) for key in self.env if key.startswith("-p ")]
        found = [port for port in asked if port is not None]
        if "jupyter_direc" in self.runtype:
            found.insert(0, ("8080/tcp", False))
        if "ssh_direc" in self.runtype or self.becomes_vm:
            found.insert(0, ("22/tcp", False))
        return list(dict.fromkeys(found))

    @property
    def extra_env(self) -> list[list[str]]:
        """How a row stores the environment, a volume among it (A.8)."""
        pairs = [[key, value] for key, value in self.env.items()]
        if self.volume_info is not None:
            label = self.volume_info.get("name") or f"V.{self.volume_info.get('volume_id')}"
            pairs.append([f"-v {label}:{self.volume_info['mount_path']}", "1"])
        return pairs


def read_port(key: str) -> tuple[str, bool] | None:
    """`-p 8000:8000/udp` as what it maps inside."""
    mapping, _, protocol = key.removeprefix("-p ").strip().partition("/")
    inside = mapping.rpartition(":")[2]
    if not inside.isdigit() or protocol not in {"", "tcp", "udp"}:
        return None
    return f"{inside}/{protocol or 'tcp'}", int(inside) >= IDENTITY_PORT


def read_flag_env(text: str) -> dict[str, str]:
    """A template's flag string as the object a request would send (A.4)."""
    env: dict[str, str] = {}
    words = iter(shlex.split(text))
    for word in words:
        if word in {"-e", "--env"}:
            name, _, value = next(words, "").partition("=")
            env[name] = value
        elif word in {"-p", "-v", "-n"}:
            env[f"{word} {next(words, '')}"] = "1"
        elif word == "-h":
            env["-h"] = next(words, "")
    env.pop("", None)
    return env


def read_launch(body: Body, templates: dict[str, Body], ask_id: int) -> Launch:
    """The whole body, or the refusal it earns. JSON null is an absent field (checklist 3)."""
    asked = {key: value for key, value in body.items() if value is not None}
    _check_kinds(asked, ask_id)
    template = _find_template(asked, templates, ask_id)
    merged = {**_from_template(template), **asked}
    env = _merged_env(asked, template, ask_id)
    _check_sizes(merged, ask_id)
    price = _read_price(asked.get("price"), ask_id)
    start = asked.get("target_state", "running") == "running"
    launch = Launch(
        image=merged.get("image") or DEFAULT_IMAGE,
        runtype=_read_runtype(merged, ask_id),
        disk=_read_disk(merged.get("disk", MIN_DISK), ask_id),
        price=price,
        label=merged.get("label"),
        vm=merged.get("vm", False),
        start=start,
        cancel_unavail=asked.get("cancel_unavail", start and price is None),
        onstart=merged.get("onstart"),
        args=_read_args(merged),
        env=env,
        volume_info=asked.get("volume_info"),
        template=template,
        jupyter_dir=merged.get("jupyter_dir"),
        use_jupyter_lab=merged.get("use_jupyter_lab", False),
        image_login=merged.get("image_login"),
    )
    if len(launch.ports) > OPEN_PORTS:
        raise replies.invalid_args(f"at most {OPEN_PORTS} open ports per instance", ask_id)
    if launch.vm and not launch.runtype.startswith("ssh"):
        raise replies.invalid_args("VMs are launched with ssh only", ask_id)
    if launch.vm and launch.volume_info is not None:
        raise replies.invalid_args("volumes are not supported on VMs", ask_id)
    return launch


def _check_kinds(asked: Body, ask_id: int) -> None:
    for name in TEXTS:
        if not isinstance(asked.get(name, ""), str):
            raise replies.invalid_args(f"{name}: Input should be a valid string", ask_id)
    for name in FLAGS:
        if not isinstance(asked.get(name, False), bool):
            raise replies.invalid_args(f"{name}: Input should be a valid boolean", ask_id)
    if asked.get("target_state", "running") not in ("running", "stopped"):
        raise replies.invalid_args("target_state: must be running or stopped", ask_id)
    args: Any = asked.get("args", [])
    if not isinstance(args, list) or not all(
        isinstance(word, str) for word in cast("list[Any]", args)
    ):
        raise replies.invalid_args("args: Input should be a list of strings", ask_id)
    volume: Any = asked.get("volume_info", {"mount_path": "/"})
    if not isinstance(volume, dict) or not isinstance(cast("Body", volume).get("mount_path"), str):
        raise replies.invalid_args("volume_info: mount_path is required", ask_id)


def _check_sizes(merged: Body, ask_id: int) -> None:
    onstart = merged.get("onstart") or ""
    if len(onstart) > ONSTART_CHARS:
        raise replies.invalid_args(f"onstart may have at most {ONSTART_CHARS} characters", ask_id)
    start = (
        len(onstart) + len(merged.get("args_str") or "") + sum(map(len, merged.get("args") or []))
    )
    if start > START_CHARS:
        raise replies.invalid_args(
            f"args, args_str and onstart together may have {START_CHARS} characters", ask_id
        )
    if len(merged.get("label") or "") > LABEL_CHARS:
        raise replies.invalid_args(f"label may have at most {LABEL_CHARS} characters", ask_id)
    if len(merged.get("image") or "") > IMAGE_CHARS:
        raise replies.invalid_args(f"image may have at most {IMAGE_CHARS} characters", ask_id)


def _find_template(asked: Body, templates: dict[str, Body], ask_id: int) -> Body | None:
    hash_id = asked.get("template_hash_id")
    if not hash_id:
        return None
    if hash_id not in templates:  # an edit changes the hash, so a stored one goes stale (A.10)
        raise replies.invalid_args(f"template_hash_id {hash_id} is not a known template", ask_id)
    return templates[hash_id]


def _from_template(template: Body | None) -> Body:
    """The scalars a template brings, under the names a request uses (A.10)."""
    if template is None:
        return {}
    image, tag = template.get("image"), template.get("tag")
    found = {
        "image": f"{image}:{tag}" if image and tag else image,
        "disk": template.get("recommended_disk_space"),
        "runtype": _template_runtype(template),
        "onstart": template.get("onstart"),
        "args_str": template.get("args_str"),
        "jupyter_dir": template.get("jupyter_dir"),
        "use_jupyter_lab": template.get("use_jupyter_lab"),
        "image_login": template.get("docker_login_repo"),
    }
    return {key: value for key, value in found.items() if value is not None}


def _template_runtype(template: Body) -> str | None:
    runtype = template.get("runtype")
    if runtype == "ssh" and template.get("ssh_direct"):
        return "ssh_direct"
    if runtype == "jupyter" and template.get("jup_direct"):
        return "jupyter_direct"
    return runtype


def _merged_env(asked: Body, template: Body | None, ask_id: int) -> dict[str, str]:
    """By key, the request winning a clash; a string is refused, live (A.4)."""
    env: Any = asked.get("env", {})
    if not isinstance(env, dict):
        raise replies.invalid_args("invalid env type: env must be a dict", ask_id)
    env = cast("dict[str, Any]", env)
    for key, value in env.items():
        if not isinstance(value, str):
            raise replies.invalid_args(f"invalid env value for {key}: must be a string", ask_id)
    merged: dict[str, str] = read_flag_env((template or {}).get("env") or "") | env
    if sum(len(key.encode()) + len(value.encode()) for key, value in merged.items()) > ENV_BYTES:
        raise replies.invalid_args("invalid env arguments, total length > 32KB")
    return merged


def _read_price(price: Any, ask_id: int) -> float | None:
    if price is None:
        return None
    if isinstance(price, bool) or not isinstance(price, int | float):
        raise replies.invalid_args("price: Input should be a valid number", ask_id)
    if not MIN_PRICE <= price <= MAX_PRICE:
        raise replies.invalid_price(f"price must be between {MIN_PRICE} and {MAX_PRICE:g}", ask_id)
    return float(price)


def _read_disk(disk: Any, ask_id: int) -> float:
    if isinstance(disk, bool) or not isinstance(disk, int | float):
        raise replies.invalid_args("disk: Input should be a valid number", ask_id)
    if not disk >= MIN_DISK:
        raise replies.invalid_args(f"disk must be at least {MIN_DISK:g} GB", ask_id)
    return float(disk)


def _read_runtype(merged: Body, ask_id: int) -> str:
    """`ssh` unless said otherwise, `args` when arguments are given (spec)."""
    default = "args" if "args" in merged or "args_str" in merged else "ssh"
    words = (merged.get("runtype") or default).split()
    if not words or any(word not in RUNTYPES for word in words):
        raise replies.invalid_args(
            f"runtype: {merged.get('runtype')!r} is not a valid launch mode", ask_id
        )
    if len(words) == 1:
        return RUNTYPES[words[0]]
    tokens = {token for word in words for token in RUNTYPES[word].split()}
    if "jupyter_direc" in tokens:
        tokens.discard("jupyter_proxy")
    return " ".join(token for token in TOKEN_ORDER if token in tokens)


def _read_args(merged: Body) -> list[str]:
    """The array, or the string as one would be."""
    if merged.get("args"):
        return list(merged["args"])
    return [merged["args_str"]] if merged.get("args_str") else []
