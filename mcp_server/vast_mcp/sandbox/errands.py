"""The service runs errands on machines: commands, snapshots, copies, jobs (docs/vast-api.md C.7,
C.10).
"""

import re
from typing import Any, cast

from . import at_rest, replies
from .instances import Instance
from .logs import Upload
from .readers import as_list, is_whole, read_choice, read_number, read_text
from .replies import Refusal
from .service import own
from .shapes import Json, is_number
from .state import State

COMMAND_CHARS = 512
COMMANDS = ("ls", "rm", "du")
STOPPED_ONLY = (
    "Execute command only avail on stopped instances. Use ssh to run commands on running instances."
)
PLACE = re.compile(r"(?:(?P<kind>[CV])\.)?(?P<number>[0-9]{1,18})")
# What the official client reads of a path on a VM.
WHOLE_DISKS = {"src": "src_path not supported VMs.", "dst": "dst_path not supported for VMs."}
RCLONE_FLAGS = frozenset(
    {"--dry-run", "--size-only", "--ignore-existing", "--update", "--delete-excluded"}
)
TRANSFERS = ("Instance To Cloud", "Cloud To Instance")
JOBS = 2_048
JOB_FIELDS = (
    "start_time",
    "end_time",
    "api_endpoint",
    "request_method",
    "request_body",
    "day_of_the_week",
    "hour_of_the_day",
    "frequency",
    "instance_id",
)


# On one machine


def execute(state: State, instance_id: int, command: Any) -> str:
    """Run ls, rm or du on a stopped container: the name under which its output will be found."""
    instance = state.find(instance_id)
    if instance is None:
        raise replies.refusal(404, "not_found", f"Instance {instance_id} not found.")
    _check_command(command)
    if instance.kind == "vm":
        raise replies.invalid_args("VM instances do not support this operation.")
    if instance.intended == "running":
        raise replies.invalid_args(STOPPED_ONLY)
    if instance.status(state.now) not in {"exited", "stopped"}:
        raise replies.invalid_args("Container not ready")
    name = f"{state.dice.getrandbits(128):032x}.log"
    text = at_rest.printed(state.machines.inside(instance, state.lies), command)
    state.uploads[name] = Upload(text, state.log_looks)
    state.write("execute", instance, command=command)
    return name


def _check_command(command: Any) -> None:
    if not isinstance(command, str) or not command.strip():
        raise replies.invalid_args("Missing command.")
    if command.split()[0] not in COMMANDS or len(command) > COMMAND_CHARS:
        raise replies.invalid_args("Invalid command given.")


def snapshot(state: State, instance_id: int, body: Json) -> str:
    """Push a machine's container to a registry: what the image will be called."""
    if "id" in body:
        raise replies.invalid_args("params duplicated in URL and body: ['id']")
    instance = own(state, instance_id)
    registry = read_text(body, "container_registry")
    repo = read_text(body, "personal_repo")
    if ":" in repo:
        raise replies.invalid_args("personal_repo: without a tag")
    image = f"{registry}/{repo}:instance_{instance_id}_at_{int(state.now)}"
    state.write("snapshot", instance, image=image)
    return image


# Copies


def copy(state: State, body: Json) -> None:
    """Copy between two places of the account's own."""
    _check_path(body, "src_path")
    if not _is_ours(state, body.get("src_id")):
        raise replies.refusal(200, "unauthorized", "Unauthorized.")
    if not _is_ours(state, body.get("dst_id")):
        raise replies.invalid_args("Invalid dst_id.")
    for name, words in WHOLE_DISKS.items():
        machine = _machine(state, body.get(f"{name}_id"))
        if machine is not None and machine.kind == "vm" and body.get(f"{name}_path") != "/":
            raise replies.refusal(200, "invalid_args", words)
    _say_copying(state, body.get("src_id"), body.get("dst_id"))
    state.write("copy", src=str(body.get("src_id")), dst=str(body.get("dst_id")))


def sync(state: State, body: Json) -> tuple[str, Instance]:
    """Copy between here and a machine: which side is the machine, and the machine."""
    if body.get("src_path") in (None, ""):
        raise replies.refusal(200, "invalid_args", "Invalid src_path.")
    sides = [name for name in ("src", "dst") if body.get(f"{name}_id") is not None]
    if len(sides) != 1:
        raise replies.invalid_args("src_id or dst_id: one of them is null")
    instance = _machine(state, body[f"{sides[0]}_id"])
    if instance is None:
        raise replies.invalid_args(f"Invalid {sides[0]}_id.")
    state.write("copy", instance, side=sides[0])
    return sides[0], instance


def cloud_copy(state: State, body: Json) -> None:
    """Copy between a machine and a cloud connection."""
    instance = _machine(state, body.get("instance_id"))
    if instance is None:
        raise replies.no_such_instance(_number(body.get("instance_id")))
    if instance.kind == "vm":
        raise replies.invalid_args("VM instances do not support this operation.")
    read_text(body, "src")
    read_text(body, "dst")
    read_choice(body, "transfer", TRANSFERS)
    if str(body.get("selected")) not in {str(one.get("id")) for one in state.clouds}:
        raise replies.invalid_args("selected: no such connection")
    if not set(map(str, as_list(body.get("flags")) or [])) <= RCLONE_FLAGS:
        raise replies.invalid_args("flags: unknown flag")
    _say_copying(state, instance.id)
    state.write("copy", instance, cloud=str(body.get("selected")))


def cancel(state: State, place: Any) -> None:
    """Cancel what is copied to a machine."""
    if not isinstance(place, int | str) or PLACE.fullmatch(str(place)) is None:
        raise replies.invalid_args("Invalid dst_id.")
    if not _is_ours(state, place):
        raise replies.no_such_instance(_number(place))
    machine = _machine(state, place)
    if machine is not None:
        machine.copying_since = None
    state.write("copy_cancel", dst=str(place))


def _say_copying(state: State, *places: Any) -> None:
    """Let the status lines of machines tell of a copy."""
    for place in places:
        machine = _machine(state, place)
        if machine is not None:
            machine.copying_since = state.now


def _check_path(body: Json, name: str) -> None:
    path = body.get(name)
    if not isinstance(path, str) or not path:
        raise replies.invalid_args(f"Invalid {name}.")


def _number(place: Any) -> int:
    found = PLACE.fullmatch(str(place))
    return int(found["number"]) if found else 0


def _machine(state: State, place: Any) -> Instance | None:
    """The machine of a place: its id, as a number, a text or `C.<id>`."""
    found = PLACE.fullmatch(str(place))
    if found is None or found["kind"] == "V":
        return None
    return state.find(int(found["number"]))


def _is_ours(state: State, place: Any) -> bool:
    """Whether a place is a machine, a volume or a connection of the account's."""
    text = str(place)
    if text.startswith("V."):
        return state.volumes.find(_number(place)) is not None
    clouds = [str(one.get("cloud_type")) for one in state.clouds]
    named = [f"{one.get('cloud_type')}.{one.get('id')}" for one in state.clouds]
    return text in {*clouds, *named} or _machine(state, place) is not None


# Jobs


def add_job(state: State, body: Json) -> int:
    """Plan a request to the API; it is kept, and nothing carries it out here."""
    job = _read_job(state, body)
    for number, other in state.office.jobs.items():
        if all(other[name] == job[name] for name in ("instance_id", "api_endpoint")):
            raise Refusal(422, {"error": "job_exists", "scheduled_job_id": number})
    if len(state.office.jobs) >= JOBS:
        raise replies.invalid_args(f"at most {JOBS} scheduled jobs")
    number = state.office.number()
    state.office.jobs[number] = job | {"id": number, "min_of_the_hour": 0}
    state.write("job", state.find(job["instance_id"]), job_id=number)
    return number


def edit_job(state: State, number: int, body: Json) -> None:
    """Plan it anew."""
    _check_job(state, number)
    changed = {name: value for name, value in body.items() if value is not None}
    state.office.jobs[number] |= _read_job(state, state.office.jobs[number] | changed)


def delete_job(state: State, number: int) -> None:
    """Forget it."""
    _check_job(state, number)
    del state.office.jobs[number]
    state.write("job_delete", job_id=number)


def _check_job(state: State, number: int) -> None:
    if number not in state.office.jobs:
        raise replies.refusal(404, "not_found", f"No scheduled job {number}")


def _read_job(state: State, body: Json) -> Json:
    own(state, read_number(body, "instance_id"))
    read_text(body, "api_endpoint")
    read_choice(body, "request_method", ("GET", "POST", "PUT", "DELETE"))
    frequency = read_choice(body, "frequency", ("HOURLY", "DAILY", "WEEKLY"))
    _check_when(body, "day_of_the_week", 6, needed=frequency == "WEEKLY")
    _check_when(body, "hour_of_the_day", 23, needed=frequency != "HOURLY")
    for name in ("start_time", "end_time"):
        if not is_number(body.get(name)):
            raise replies.invalid_args(f"{name}: Input should be a valid number")
    return {name: body.get(name) for name in JOB_FIELDS}


def _check_when(body: Json, name: str, most: int, *, needed: bool) -> None:
    value: Any = body.get(name)
    if value is None and not needed:
        return
    if value not in range(most + 1):
        raise replies.invalid_args(f"{name}: must be 0 to {most}")


# What hosts announce, and what is said of them


def maintenances(state: State, body: Json) -> list[Json]:
    """List what is announced for these machines (C.11)."""
    machines = as_list(body.get("machine_ids"))
    if machines is None or not all(is_whole(one) for one in machines):
        raise replies.invalid_args("machine_ids: Input should be a list of integers")
    return [one for one in state.maintenances if one.get("machine_id") in machines]


PROBLEMS = (
    "Unable To Start Instance",
    "Instance Takes Too Long To Load",
    "Instance Has Less Disk Space Than Requested",
    "Machine Has Port Issues",
    "Machine Performance Is Less Than Expected",
    "Other",
)


def report(state: State, machine_id: int, body: Json) -> None:
    """Tell Vast of a machine on which the account has an instance (C.11)."""
    problem = read_choice(body, "problem", PROBLEMS)
    read_text(body, "message", COMMAND_CHARS)
    instance = state.find(cast("int", body.get("instance_id")))
    if instance is None or instance.offer["machine_id"] != machine_id:
        msg = f"No active instance on machine {machine_id}"
        raise replies.refusal(403, "not_authorized", msg)
    state.write("report", instance, problem=problem)
