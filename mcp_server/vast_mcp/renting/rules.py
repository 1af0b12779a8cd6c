"""Fields of a request may contradict each other; Vast would drop one or refuse
(docs/vast-api.md A.2).
"""

from __future__ import annotations

from vast_mcp.errors import Json, Problem
from vast_mcp.vast.models import Template


def contradictions(body: Json) -> list[Problem]:
    """What is wrong between the fields of a create body, all of it knowable offline."""
    found: list[Problem] = []
    size = (
        len(body.get("onstart", ""))
        + len(body.get("args_str", ""))
        + sum(map(len, body.get("args", [])))
    )
    if size > 4096:
        found.append(
            Problem(
                "onstart",
                f"args, args_str and onstart are {size} characters; Vast takes 4096 together",
            )
        )
    if "args" in body and "args_str" in body:
        found.append(Problem("args_str", "an alternative to args: give one of them"))
    if ("args" in body or "args_str" in body) and body.get("runtype", "args") != "args":
        found.append(
            Problem("runtype", 'args and args_str reach the image only with runtype "args"')
        )
    found += _volume_problems(body)
    if body.get("vm"):
        found += _vm_problems(body)
    return found


def _volume_problems(body: Json) -> list[Problem]:
    volume: Json | None = body.get("volume_info")
    if volume is None:
        return []
    found: list[Problem] = []
    new = bool(volume.get("create_new"))
    if "volume_id" not in volume:
        meaning = "the id of a volume offer" if new else "the id of your volume"
        found.append(Problem("volume_info.volume_id", f"required: {meaning}"))
    if "mount_path" not in volume:
        found.append(Problem("volume_info.mount_path", "required, for example /workspace"))
    if new and "size" not in volume:
        found.append(Problem("volume_info.size", "required in GB with create_new true"))
    if not new and "size" in volume:
        found.append(
            Problem(
                "volume_info.size", "only with create_new true; an existing volume keeps its size"
            )
        )
    if any(key.startswith("-v ") for key in body.get("env", {})):
        found.append(
            Problem("env", "-v mounts a volume and so does volume_info; an instance has one volume")
        )
    return found


def _vm_problems(body: Json) -> list[Problem]:
    found: list[Problem] = []
    if body.get("runtype", "ssh").startswith(("args", "jupyter")):
        found.append(
            Problem("runtype", "a VM is entered by SSH only: ssh, ssh_proxy or ssh_direct")
        )
    found += [
        Problem(name, "not possible on a VM")
        for name in ("args", "args_str", "use_jupyter_lab", "jupyter_dir", "volume_info")
        if body.get(name)
    ]
    if any(key.startswith("-v ") for key in body.get("env", {})):
        found.append(Problem("env", "-v mounts a volume, and a VM has none"))
    image: str | None = body.get("image")
    if image is not None and not has_registry_host(image):
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
    first, slash, _ = image.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def by_args(body: Json, template: Template | None) -> bool:
    """Whether the image's own entrypoint runs, by the request or by what the template brings (A.3,
    A.10).
    """
    runtype = body.get("runtype") or (template.runtype if template else None)
    return runtype == "args" or (runtype is None and ("args" in body or "args_str" in body))
