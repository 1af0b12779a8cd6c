"""The service runs errands: commands, snapshots, copies, jobs, reports (docs/vast-api.md C.7, C.10,
C.11).
"""

from typing import Any

from vast_mcp.sandbox import errands, relaunch
from vast_mcp.sandbox.replies import refusal
from vast_mcp.sandbox.request import Request, is_id
from vast_mcp.sandbox.shapes import Json

from .instances import address_of_log
from .table import Endpoint, done

COPYING = (
    "Remote to Remote copy initiated - check instance status bar for progress updates "
    "(~30 seconds delayed)."
)

# On one machine (C.7)


def update_template(request: Request) -> Json:
    """Change what a machine runs by `PUT /instances/update_template/{id}/`."""
    text: str = request.in_path("id")
    if not is_id(text):
        raise refusal(400, "missing_id", "Missing instance id.")
    changed = relaunch.update(request.world, int(text), request.object())
    return done(updated_instance=changed)


def execute(request: Request) -> Json:
    """Run a command by `PUT /instances/command/{id}/`."""
    name = errands.execute(request.world, request.id_in_text, request.field("command"))
    return done(
        writeable_path=f"/var/lib/docker/C.{request.id_in_text}",
        result_url=address_of_log(request, name),
        msg="Command sent; the result appears at result_url.",
    )


def snapshot(request: Request) -> Json:
    """Keep a container as an image by `POST /instances/take_snapshot/{id}/`."""
    image = errands.snapshot(request.world, request.id_in_text, request.object())
    return done(msg=f"Snapshot of instance {request.id_in_text} starts: {image}")


# Copies (C.10)


def copy(request: Request) -> Json:
    """Copy between two places by `PUT /commands/copy_direct/`."""
    errands.copy(request.world, request.object())
    return done(msg=COPYING)


def sync(request: Request) -> Json:
    """Open a way for rsync by `PUT /commands/rsync/`: where the machine's side is."""
    side, instance = errands.sync(request.world, request.object())
    address = {f"{side}_addr": instance.offer["public_ipaddr"], f"{side}_port": 22}
    return done(**address)


def cloud_copy(request: Request) -> Json:
    """Copy to or from a cloud by `POST /commands/rclone/`."""
    errands.cloud_copy(request.world, request.object())
    return done(msg="Cloud Copy Operation Started", result_url=None)


def cancel(request: Request) -> Json:
    """Cancel by `DELETE` on each of the three."""
    errands.cancel(request.world, request.field("dst_id"))
    return done()


def connections(request: Request) -> list[Json]:
    """List the cloud connections as a bare array."""
    return request.world.clouds


# Jobs (C.10)


def list_jobs(request: Request) -> list[Json]:
    """List the jobs as a bare array, as the official client reads it."""
    return list(request.world.office.jobs.values())


def add_job(request: Request) -> Json:
    """Plan by `POST /commands/schedule_job/`."""
    number = errands.add_job(request.world, request.object())
    return done(scheduled_job_id=number, msg=f"Scheduled job {number} was created.")


def edit_job(request: Request) -> Json:
    """Plan anew by `PUT /commands/schedule_job/{id}/`."""
    errands.edit_job(request.world, request.id, request.object())
    return done(scheduled_job_id=request.id, msg=f"Scheduled job {request.id} was changed.")


def delete_job(request: Request) -> Json:
    """Forget by `DELETE /commands/schedule_job/{id}/`."""
    errands.delete_job(request.world, request.id)
    return done()


def backups(_request: Request) -> Json:
    """List no backups: Vast makes them, and here it made none."""
    return {"backups": []}


# Hosts (C.11)


def maintenances(request: Request) -> Any:
    """List by `POST /machines/maintenances` what hosts announced, as a bare array."""
    return errands.maintenances(request.world, request.object())


def report(request: Request) -> Json:
    """Report a machine by `PUT /machines/{id}/report`."""
    errands.report(request.world, request.in_path("id"), request.object())
    return done()


ONE, ALL = "/api/v0/instances", "/api/v0/commands"
READ, WRITE = "instance_read", "instance_write"
TABLE = (
    Endpoint(f"{ONE}/update_template/{{id}}/", "PUT", "update_template", WRITE, update_template),
    Endpoint(f"{ONE}/command/{{id}}/", "PUT", "execute", WRITE, execute),
    Endpoint(f"{ONE}/take_snapshot/{{id}}/", "POST", "snapshot", WRITE, snapshot),
    Endpoint(f"{ALL}/copy_direct/", "PUT", "copy", WRITE, copy),
    Endpoint(f"{ALL}/copy_direct/", "DELETE", "copy_cancel", WRITE, cancel),
    Endpoint(f"{ALL}/rsync/", "PUT", "copy", WRITE, sync),
    Endpoint(f"{ALL}/rsync/", "DELETE", "copy_cancel", WRITE, cancel),
    Endpoint(f"{ALL}/rclone/", "POST", "copy", WRITE, cloud_copy),
    Endpoint(f"{ALL}/rclone/", "DELETE", "copy_cancel", WRITE, cancel),
    Endpoint("/api/v0/users/cloud_integrations/", "GET", "clouds", "user_read", connections),
    Endpoint(f"{ALL}/schedule_job/", "GET", "jobs", READ, list_jobs),
    Endpoint(f"{ALL}/schedule_job/", "POST", "jobs", WRITE, add_job),
    Endpoint(f"{ALL}/schedule_job/{{id:int}}/", "PUT", "jobs", WRITE, edit_job),
    Endpoint(f"{ALL}/schedule_job/{{id:int}}/", "DELETE", "jobs", WRITE, delete_job),
    Endpoint("/api/v0/instance_backups/", "GET", "backups", READ, backups),
    Endpoint("/api/v0/machines/maintenances", "POST", "maintenances", READ, maintenances),
    Endpoint("/api/v0/machines/{id:int}/report", "PUT", "report", WRITE, report),
)
