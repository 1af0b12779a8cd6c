"""A machine that will never be of use is replaced: destroyed, and another one searched for, with
what the first was rented as filled in, and the machine that failed left out.
"""

from __future__ import annotations

from vast_mcp.errors import Json
from vast_mcp.machines.failures import cuda_wanted
from vast_mcp.machines.machine import Machine
from vast_mcp.machines.phases import BY_THE_REQUEST, Reason
from vast_mcp.toolspec import Step, step

LEAST_DISK_GB = 8  # a search takes no less

_WHY: dict[Reason, str] = {
    "image": "find an offer; then create_instance with an image that exists, or image_login",
    "image_login": "find an offer; then create_instance with the right image_login",
    "pull_limit": "find another machine; image_login of an account raises the limit too",
    "oci_error": "find an offer; then create_instance with other args, onstart or image",
    "volume": "find an offer; then create_instance with a volume_info that is there",
    "disk_full": "find another machine with a larger disk; its size goes into create_instance",
    "driver_too_old": "find a machine whose driver is new enough",
}


def search_instead(machine: Machine, reason: Reason) -> Step:
    """The search for another machine of the kind that this one was rented as."""
    row, given = machine.row, _kind_of(machine)
    if row is None:
        return step("search_offers", "find another offer", **given)
    if row.machine_id is not None and reason not in BY_THE_REQUEST:
        given["exclude_machine_ids"] = [row.machine_id]
        given["before"] = "not_failed"  # of those that failed before it, the cheapest is next
    if reason == "driver_too_old":
        wanted = cuda_wanted(row.status_msg)
        if wanted is not None:
            given["min_cuda"] = wanted
        elif row.cuda_max_good is not None:
            given["filters"] = f"cuda_max_good>{row.cuda_max_good:g}"
    if reason == "disk_full":
        given["min_disk_gb"] = 2 * given.get("min_disk_gb", LEAST_DISK_GB)
    return step("search_offers", _WHY.get(reason, "find another machine"), **given)


def _kind_of(machine: Machine) -> Json:
    """Market, GPU, disk and kind of a machine, as a search takes them."""
    row = machine.row
    given: Json = {}
    if row is not None:
        if row.is_bid:
            given["type"] = "bid"
        if row.gpu_name:
            given["gpu_name"] = [row.gpu_name]
        if row.num_gpus:
            given["num_gpus"] = row.num_gpus
        if row.disk_space and row.disk_space >= LEAST_DISK_GB:
            given["min_disk_gb"] = row.disk_space
    if machine.is_vm:
        given["vm"] = True
    return given
