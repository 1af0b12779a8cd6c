"""A create body is checked, merged with its template, and its defaults are filled in
(docs/vast-api.md A.2 to A.10).
"""

import shlex
from collections.abc import Iterator
from typing import Any, cast

from . import replies
from .launch import Launch
from .shapes import Json, is_number

DEFAULT_IMAGE = "vastai/base-image:@vastai-automatic-tag"
ENV_BYTES = 32_768
OPEN_PORTS = 64
ONSTART_CHARS = 4_048
START_CHARS = 4_096
LABEL_CHARS = 256
IMAGE_CHARS = 1_024
MIN_DISK = 8.0
MIN_PRICE, MAX_PRICE = 0.001, 128.0

# Both vocabularies, the specification's and the official client's, as the row reports them (A.3).
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


def read_flag_env(text: str) -> dict[str, str]:
    """Read a template's flag string as the object that a request would send (A.4)."""
    words = iter(shlex.split(text))
    pairs = [_flag_pair(word, words) for word in words]
    return {name: value for name, value in pairs if name}


def _flag_pair(flag: str, following: Iterator[str]) -> tuple[str, str]:
    """Read a flag with the word that belongs to it; what is no flag has no name."""
    if flag in {"-e", "--env"}:
        name, _, value = next(following, "").partition("=")
        return name, value
    if flag in {"-p", "-v", "-n"}:
        return f"{flag} {next(following, '')}", "1"
    if flag == "-h":
        return flag, next(following, "")
    return "", ""


def read_launch(body: Json, templates: dict[str, Json], ask_id: int) -> Launch:
    """Read the whole body, or raise the refusal it earns. JSON null is an absent field (checklist
    3).
    """
    asked = {key: value for key, value in body.items() if value is not None}
    _check_kinds(asked, ask_id)
    template = _find_template(asked, templates, ask_id)
    merged = {**_from_template(template), **asked}
    env = _merged_env(asked, template, ask_id)
    _check_sizes(merged, ask_id)
    price = _read_price(asked.get("price"), ask_id)
    start = asked.get("target_state", "running") == "running"
    launch = Launch(
        runtype=_read_runtype(merged, ask_id),
        disk=_read_disk(merged.get("disk", MIN_DISK), ask_id),
        price=price,
        start=start,
        cancel_unavail=asked.get("cancel_unavail", start and price is None),
        args=_read_args(merged),
        env=env,
        volume_info=asked.get("volume_info"),
        template=template,
        **_as_given(merged),
    )
    _check_whole(launch, ask_id)
    return launch


def _as_given(merged: Json) -> Json:
    """Take the fields that stand in a launch as they were sent."""
    return {
        "image": merged.get("image") or DEFAULT_IMAGE,
        "vm": merged.get("vm", False),
        "use_jupyter_lab": merged.get("use_jupyter_lab", False),
        **{name: merged.get(name) for name in ("label", "onstart", "jupyter_dir", "image_login")},
    }


def _check_whole(launch: Launch, ask_id: int) -> None:
    """Refuse fields that do not go together."""
    if len(launch.ports) > OPEN_PORTS:
        raise replies.invalid_args(f"at most {OPEN_PORTS} open ports per instance", ask_id)
    if launch.vm and not launch.runtype.startswith("ssh"):
        raise replies.invalid_args("VMs are launched with ssh only", ask_id)
    if launch.vm and launch.volume_info is not None:
        raise replies.invalid_args("volumes are not supported on VMs", ask_id)


def _check_kinds(asked: Json, ask_id: int) -> None:
    for name in TEXTS:
        if not isinstance(asked.get(name, ""), str):
            raise replies.invalid_args(f"{name}: Input should be a valid string", ask_id)
    for name in FLAGS:
        if not isinstance(asked.get(name, False), bool):
            raise replies.invalid_args(f"{name}: Input should be a valid boolean", ask_id)
    if "runtype" in asked and "use_ssh" in asked:
        raise replies.invalid_args("runtype and use_ssh cannot both be set", ask_id)
    if asked.get("target_state", "running") not in ("running", "stopped"):
        raise replies.invalid_args("target_state: must be running or stopped", ask_id)
    if not _is_list_of_texts(asked.get("args", [])):
        raise replies.invalid_args("args: Input should be a list of strings", ask_id)
    if not _names_mount_path(asked.get("volume_info", {"mount_path": "/"})):
        raise replies.invalid_args("volume_info: mount_path is required", ask_id)


def _is_list_of_texts(words: Any) -> bool:
    return isinstance(words, list) and all(
        isinstance(word, str) for word in cast("list[Any]", words)
    )


def _names_mount_path(volume: Any) -> bool:
    if not isinstance(volume, dict):
        return False
    return isinstance(cast("Json", volume).get("mount_path"), str)


def _check_sizes(merged: Json, ask_id: int) -> None:
    onstart = _length(merged, "onstart")
    if onstart > ONSTART_CHARS:
        raise replies.invalid_args(f"onstart may have at most {ONSTART_CHARS} characters", ask_id)
    words: list[str] = merged.get("args") or []
    args = sum(len(word) for word in words)
    if onstart + args + _length(merged, "args_str") > START_CHARS:
        msg = f"args, args_str and onstart together may have {START_CHARS} characters"
        raise replies.invalid_args(msg, ask_id)
    if _length(merged, "label") > LABEL_CHARS:
        raise replies.invalid_args(f"label may have at most {LABEL_CHARS} characters", ask_id)
    if _length(merged, "image") > IMAGE_CHARS:
        raise replies.invalid_args(f"image may have at most {IMAGE_CHARS} characters", ask_id)


def _length(merged: Json, name: str) -> int:
    return len(merged.get(name) or "")


def _find_template(asked: Json, templates: dict[str, Json], ask_id: int) -> Json | None:
    hash_id = asked.get("template_hash_id")
    if not hash_id:
        return None
    if hash_id not in templates:  # an edit changes the hash, so a stored one goes stale (A.10)
        raise replies.invalid_args(f"template_hash_id {hash_id} is not a known template", ask_id)
    return templates[hash_id]


def _from_template(template: Json | None) -> Json:
    """Name the scalars that a template brings as a request does (A.10)."""
    if template is None:
        return {}
    found = {
        "image": _tagged_image(template),
        "disk": template.get("recommended_disk_space"),
        "runtype": _template_runtype(template),
        "onstart": template.get("onstart"),
        "args_str": template.get("args_str"),
        "jupyter_dir": template.get("jupyter_dir"),
        "use_jupyter_lab": template.get("use_jupyter_lab"),
        "image_login": template.get("docker_login_repo"),
    }
    return {key: value for key, value in found.items() if value is not None}


def _tagged_image(template: Json) -> str | None:
    match template:
        case {"image": image, "tag": tag} if image and tag:
            return f"{image}:{tag}"
        case _:
            return template.get("image")


def _template_runtype(template: Json) -> str | None:
    runtype = template.get("runtype")
    if runtype == "ssh" and template.get("ssh_direct"):
        return "ssh_direct"
    if runtype == "jupyter" and template.get("jup_direct"):
        return "jupyter_direct"
    return runtype


def _merged_env(asked: Json, template: Json | None, ask_id: int) -> dict[str, str]:
    """Merge by key, the request winning a clash; a string is refused, live (A.4)."""
    own = _read_env(asked.get("env", {}), ask_id)
    merged = _template_env(template) | own
    size = sum(len(name.encode()) + len(value.encode()) for name, value in merged.items())
    if size > ENV_BYTES:
        raise replies.invalid_args("invalid env arguments, total length > 32KB")
    return merged


def _read_env(env: Any, ask_id: int) -> dict[str, str]:
    if not isinstance(env, dict):
        raise replies.invalid_args("invalid env type: env must be a dict", ask_id)
    env = cast("Json", env)
    for key, value in env.items():
        if not isinstance(value, str):
            raise replies.invalid_args(f"invalid env value for {key}: must be a string", ask_id)
    return env


def _template_env(template: Json | None) -> dict[str, str]:
    if template is None:
        return {}
    return read_flag_env(template.get("env") or "")


def _read_price(price: Any, ask_id: int) -> float | None:
    if price is None:
        return None
    if isinstance(price, bool) or not isinstance(price, int | float):
        raise replies.invalid_args("price: Input should be a valid number", ask_id)
    if not MIN_PRICE <= price <= MAX_PRICE:
        raise replies.invalid_price(f"price must be between {MIN_PRICE} and {MAX_PRICE:g}", ask_id)
    return float(price)


def _read_disk(disk: Any, ask_id: int) -> float:
    if not is_number(disk):
        raise replies.invalid_args("disk: Input should be a valid number", ask_id)
    if not disk >= MIN_DISK:
        raise replies.invalid_args(f"disk must be at least {MIN_DISK:g} GB", ask_id)
    return float(disk)


def _read_runtype(merged: Json, ask_id: int) -> str:
    """Read the launch mode, in either vocabulary and in several words."""
    words = _runtype_words(merged)
    if not words or any(word not in RUNTYPES for word in words):
        msg = f"runtype: {merged.get('runtype')!r} is not a valid launch mode"
        raise replies.invalid_args(msg, ask_id)
    if len(words) == 1:
        return RUNTYPES[words[0]]
    tokens = {token for word in words for token in RUNTYPES[word].split()}
    if "jupyter_direc" in tokens:
        tokens.discard("jupyter_proxy")
    return " ".join(token for token in TOKEN_ORDER if token in tokens)


def _runtype_words(merged: Json) -> list[str]:
    """Use `ssh` unless said otherwise, and `args` when arguments are given (A.3)."""
    if merged.get("runtype"):
        return merged["runtype"].split()
    if "args" in merged or "args_str" in merged:
        return ["args"]
    return ["ssh"]


def _read_args(merged: Json) -> list[str]:
    """Read the array, or the string as one would be."""
    if merged.get("args"):
        return list(merged["args"])
    if merged.get("args_str"):
        return [merged["args_str"]]
    return []
