"""Fields of a request may contradict each other; Vast would drop one, or refuse, or bill for
nothing (docs/vast-api.md A.2).
"""

from __future__ import annotations

import re
import shlex

from vast_mcp.errors import Json, Problem
from vast_mcp.vast.account import Template

STARTING_MAX = 4096  # characters of onstart, args and args_str together

_HOST = re.compile(r"(localhost|[^/]*[.:][^/]*)/")  # in front of an image's name

_NEEDED_BY_A_NEW_VOLUME = {
    "volume_id": "required: the id of a volume offer",
    "size": "required in GB with create_new true",
}

_NOT_ON_A_VM = ("args", "args_str", "use_jupyter_lab", "jupyter_dir", "volume_info")


def contradictions(body: Json) -> list[Problem]:
    """What is wrong between the fields of a create body, all of it knowable offline."""
    found = [*_size_problems(body), *_args_problems(body)]
    if "volume_info" in body:
        found += _volume_problems(body["volume_info"], body)
    if body.get("vm"):
        found += _vm_problems(body)
    return found


def warnings_of(body: Json) -> list[str]:
    """What a request asks for that its launch mode probably never uses."""
    runtype = body.get("runtype", "" if "template_hash_id" in body else "ssh")
    of_jupyter = [name for name in ("use_jupyter_lab", "jupyter_dir") if body.get(name)]
    warnings: list[str] = []
    if of_jupyter and runtype and not runtype.startswith("jupyter"):
        warnings.append(f"{' and '.join(of_jupyter)}: there is no Jupyter with runtype {runtype}.")
    if _is_open(body.get("args_str", "")):
        warnings.append("args_str has a quote that is not closed.")
    return warnings


def warnings_of_template(body: Json, template: Template) -> list[str]:
    """What a template's launch mode probably never hands on."""
    given = [name for name in ("args", "args_str") if name in body]
    if not given or "runtype" in body or by_args(body, template):
        return []
    return [
        f"{' and '.join(given)}: the template has a launch mode of its own, by which they probably "
        'never reach the image; with runtype "args" they do, without SSH.'
    ]


def _is_open(words: str) -> bool:
    """Whether a quote in it does not end."""
    try:
        shlex.split(words)
    except ValueError:
        return True
    return False


def _words(text: str) -> list[str]:
    """Its words as a shell has them, or it as one word where a quote does not end."""
    try:
        return shlex.split(text)
    except ValueError:
        return [text]


def _size_problems(body: Json) -> list[Problem]:
    """Vast counts what starts the container together (docs/vast-api.md A.2)."""
    words: list[str] = body.get("args", [])
    size = len(body.get("onstart", "")) + len(body.get("args_str", "")) + sum(map(len, words))
    if size <= STARTING_MAX:
        return []
    return [
        Problem(
            "onstart",
            f"args, args_str and onstart are {size} characters; Vast takes {STARTING_MAX} together",
        )
    ]


def _args_problems(body: Json) -> list[Problem]:
    found: list[Problem] = []
    if "args" in body and "args_str" in body:
        found.append(Problem("args_str", "an alternative to args: give one of them"))
    has_args = "args" in body or "args_str" in body
    if "args_str" in body and not any(_words(body["args_str"])):
        found.append(Problem("args_str", "holds nothing but an empty text: leave it out"))
    if has_args and body.get("runtype", "args") != "args":
        found.append(
            Problem("runtype", 'args and args_str reach the image only with runtype "args"')
        )
    return found


def _volume_problems(volume: Json, body: Json) -> list[Problem]:
    found = _new_volume_problems(volume)
    if not volume.get("create_new"):
        found = _linked_volume_problems(volume)
    if "mount_path" not in volume:
        found.append(Problem("volume_info.mount_path", "required, for example /workspace"))
    if _mounts(body):
        found.append(
            Problem("env", "-v mounts a volume and so does volume_info; an instance has one volume")
        )
    return found


def _new_volume_problems(volume: Json) -> list[Problem]:
    return [
        Problem(f"volume_info.{name}", problem)
        for name, problem in _NEEDED_BY_A_NEW_VOLUME.items()
        if name not in volume
    ]


def _linked_volume_problems(volume: Json) -> list[Problem]:
    found: list[Problem] = []
    if "volume_id" not in volume:
        found.append(Problem("volume_info.volume_id", "required: the id of your volume"))
    if "size" in volume:
        keeps = "only with create_new true; an existing volume keeps its size"
        found.append(Problem("volume_info.size", keeps))
    return found


def _mounts(body: Json) -> bool:
    """Whether env mounts a volume."""
    return any(key.startswith("-v ") for key in body.get("env", {}))


def _vm_problems(body: Json) -> list[Problem]:
    found: list[Problem] = []
    if body.get("runtype", "ssh").startswith(("args", "jupyter")):
        found.append(
            Problem("runtype", "a VM is entered by SSH only: ssh, ssh_proxy or ssh_direct")
        )
    found += [Problem(name, "not possible on a VM") for name in _NOT_ON_A_VM if body.get(name)]
    if _mounts(body):
        found.append(Problem("env", "-v mounts a volume, and a VM has none"))
    if "image" in body and not has_registry_host(body["image"]):
        found.append(Problem("image", VM_IMAGE_NEEDS_HOST))
    return found


VM_IMAGE_NEEDS_HOST = (
    "a VM's image needs its registry host, for example docker.io/vastai/kvm:ubuntu_terminal; "
    "without it Vast makes a container and says nothing"
)


def has_registry_host(image: str) -> bool:
    """Whether the first part of an image name is a host, by Docker's rule: it has a dot or a port,
    or is localhost.
    """
    return _HOST.match(image) is not None


def by_args(body: Json, template: Template | None) -> bool:
    """Whether the image's own entrypoint runs, by the request or by what the template brings
    (docs/vast-api.md A.3, A.10).
    """
    runtype = body.get("runtype")
    if runtype is None and template is not None:
        runtype = template.runtype
    if runtype is None:
        return "args" in body or "args_str" in body
    return runtype == "args"
