"""failures: what a host says of a start, and what it does not say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vast_mcp.machines.failures import cuda_wanted, failure_in
from vast_mcp.machines.phases import failure_of, phase_of, sign_of
from vast_mcp.vast.models import Instance

SHIM = (
    "Error response from daemon: failed to create task for container: failed to create shim task: "
    "OCI runtime create failed: runc create failed: unable to start container process: "
)

SAID: list[tuple[str, str]] = [
    ("image", "manifest for me/app:v9 not found: manifest unknown: manifest unknown"),
    ("image", "manifest for ghcr.io/error-labs/no-space:latest not found"),
    ("image", "Error response from daemon: manifest unknown"),
    (
        "image",
        "pull access denied for me/unauthorized, repository does not exist or may require 'docker "
        "login': denied: requested access to the resource is denied",
    ),
    ("image", "Error: No such image: me/app:v9"),
    ("image", "no matching manifest for linux/amd64 in the manifest list entries"),
    ("image_login", 'Head "https://ghcr.io/v2/me/app/manifests/v1": denied: denied'),
    ("image_login", 'Get "https://r.example/v2/": unauthorized: authentication required'),
    ("image_login", "error from registry: denied\nrun docker login first"),
    ("image_login", "docker login failed"),
    ("image_login", "no basic auth credentials"),
    ("pull_limit", "toomanyrequests: You have reached your pull rate limit."),
    ("pull_limit", "You have reached your unauthenticated pull rate limit"),
    ("pull_limit", "docker login failed: received unexpected HTTP status: 429 Too Many Requests"),
    ("host_network", "net/http: TLS handshake timeout"),
    ("host_network", "docker login failed: net/http: TLS handshake timeout"),
    ("host_network", "0123456789ab: Retrying in 14 seconds"),
    ("host_network", "0123456789ab: Pull complete\nba9876543210: Retrying in 1 second"),
    ("host_network", "dial tcp: lookup registry-1.docker.io: no such host"),
    ("host_network", "curl: (6) Could not resolve host: cloud.vast.ai"),
    ("host_network", "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"),
    ("disk_full", "write /opt/conda/lib/x.so: no space left on device"),
    ("disk_full", "failed to extract layer sha256:0123: unexpected EOF"),
    ("disk_full", "failed to register layer: ApplyLayer exit status 1 stdout: stderr: x"),
    ("disk_full", SHIM + "mkdir /var/lib/docker/x: no space left on device: unknown"),
    (
        "driver_too_old",
        SHIM + "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8, please "
        "update your driver to a newer version\nError: failed to start containers: C.9",
    ),
    ("driver_too_old", "requirements not met: cuda>=13.0"),
    ("host_gpu", "failed to inject CDI devices: unresolvable CDI devices D.42/gpu=0"),
    ("host_gpu", SHIM + "failed to inject CDI devices: unresolvable CDI devices D.42/gpu=0"),
    ("host_gpu", "Error response from daemon: failed to inject CDI devices: un"),
    ("driver_too_old", SHIM + "nvidia-container-cli: requirement err"),
    ("disk_full", "failed to copy: write /x: no space left on"),
    ("image", "Error response from daemon: pull access den"),
    ("oci_error", "Error response from daemon: OCI runtime create"),
    ("host_gpu", SHIM + "nvidia-container-cli: device error: GPU-1: unknown device: unknown"),
    (
        "host_gpu",
        SHIM + "nvidia-container-cli: initialization error: nvml error: driver not loaded",
    ),
    ("host_gpu", 'could not select device driver "" with capabilities: [[gpu]]'),
    ("host_gpu", "unknown or invalid runtime name: nvidia"),
    ("host_gpu", "Error: GPU error, unable to start instance."),
    ("host_gpu", "Unable to determine the device handle for GPU 0000:0B:00.0: GPU is lost."),
    ("host_docker", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."),
    ("host_docker", "--storage-opt is supported only for overlay over xfs with 'pquota'"),
    ("host_docker", "docker_build() error writing dockerfile"),
    ("host_docker", "Error: Internal error."),
    ("host_docker", 'The container name "/C.9" is already in use by container "0123".'),
    ("host_docker", "Bind for 0.0.0.0:40022 failed: port is already allocated"),
    ("host_docker", SHIM + "open sysctl net.ipv4.ping_group_range file: not a directory"),
    ("oci_error", SHIM + 'exec: "/start.sh": stat /start.sh: no such file or directory: unknown'),
    ("oci_error", SHIM + 'exec: "/start.sh": permission denied: unknown'),
    ("oci_error", SHIM + 'exec: "pyton": executable file not found in $PATH: unknown'),
    ("oci_error", SHIM + 'exec: "echo no space left on device": executable file not found'),
    ("oci_error", SHIM + r'exec: "sh -c \"toomanyrequests: manifest unknown\"": no such file'),
    ("oci_error", SHIM + 'exec: "a name that is cut off: no space left on device'),
    ("oci_error", "exec /entrypoint.sh: exec format error"),
    ("oci_error", "Error: failed to start containers: C.9"),
    ("volume", "Error: Requested volume does not exist: V.5 no space left on device"),
    ("vm", "Error: machine does not support VMs."),
    ("vm", "Error: Machine incompatible with VMs after host change"),
    ("vm", "cannot assign GPUs to VMs"),
    ("vm", "unable to complete out-of-memory-check"),
    ("secrets", "Secrets fetch failed: machine authentication denied (HTTP 401)"),
    ("secrets", "Secrets fetch failed: instance not found or access denied (HTTP 404)"),
    ("secrets", "Secrets fetch rate limited (HTTP 429): Too Many Requests"),
    ("secrets", "Secrets fetch JSON parse error: line 1"),
]


@pytest.mark.parametrize(("failure", "said"), SAID)
def test_a_text_is_of_one_class_however_it_is_written(failure: str, said: str) -> None:
    """The classes of failing starts; logs travel in JSON, capitals and lines (docs/vast-api.md
    C.9).
    """
    forms = [said, said.upper(), f"  {said}\n", json.dumps(said), json.dumps({"message": said})]
    forms.append(said.replace(" ", "\n", 1))
    assert [failure_in(form) for form in forms] == [failure] * len(forms)


PROGRESS = [
    None,
    "",
    "created",
    "Pulling image",
    "success, running ubuntu_22.04/ssh",
    "success, running ubuntu_22.04/ssh\n",
    "success, running myorg/error-tracker_failed/ssh_direct",
    "success, running me/no-such-image-denied_manifest-unknown/args",
    "Pulling from myorg/error-tracker",
    "latest: Pulling from myorg/toomanyrequests:unauthorized",
    "unauthorized: Pulling from me/denied",
    "4c7d45f7c63c: Pulling fs layer",
    "4c7d45f7c63c: Downloading [====>      ]  12.3MB/40.1MB",
    "4c7d45f7c63c: Download complete",
    "4c7d45f7c63c: Extracting [==>   ]  1MB/4MB",
    "4c7d45f7c63c: Pull complete",
    "4c7d45f7c63c: Retrying in 5 seconds\n4c7d45f7c63c: Download complete",
    "toomanyrequests: You have reached your limit\n4c7d45f7c63c: Pulling fs layer",
    "Waiting for template update",
    "Attempting to schedule your instance. Your GPU is currently in use.",
    "Digest: sha256:denied Status: Downloaded newer image for me/permission-denied:error",
    "Unpacking the failure-analysis exception traceback",
]


@pytest.mark.parametrize("said", PROGRESS)
def test_what_moves_is_read_as_no_failure(said: str | None) -> None:
    """Words of failure in an image's name, a line of a pull, what Vast says of a success: none is a
    failure (docs/vast-api.md C.9, progress).
    """
    assert failure_in(said) is None
    if said is not None:
        assert failure_in(json.dumps(said)) is None


def test_a_huge_text_is_read_at_both_ends_and_soon() -> None:
    """A reply may have megabytes of a stranger's text."""
    noise = "manifest for " * 200_000
    assert failure_in(noise + " no space left on device") == "disk_full"
    assert failure_in("no space left on device " + noise) == "disk_full"
    assert failure_in('exec: "' + "\\" * 300_000) is None


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("unsatisfied condition: cuda>=12.8, please update", 12.8),
        (r"unsatisfied condition: cuda\u003e=12.8", 12.8),
        ("requirements not met: cuda >= 13.0.", 13.0),
        ("unsatisfied condition: cuda>=9999999.5", None),
        ("unsatisfied condition: driver>=470", None),
        (None, None),
    ],
)
def test_the_cuda_that_an_image_wants_is_a_number_or_unknown(
    said: str | None, wanted: float | None
) -> None:
    """It becomes an argument of a search, so no text gets through (docs/vast-api.md C.9)."""
    assert cuda_wanted(said) == wanted


def row(**fields: Any) -> Instance:
    return Instance.model_validate(
        {"id": 1, "intended_status": "running", "cur_state": "running", **fields}
    )


BROKEN = "failed to inject CDI devices: unresolvable CDI devices D.1/gpu=0"
STOPPED = {"intended_status": "stopped", "cur_state": "stopped", "next_state": "stopped"}

BESIDE: list[tuple[dict[str, Any], str | None, str]] = [
    ({"actual_status": None, "status_msg": "manifest unknown"}, "image", "image"),
    ({"actual_status": "created", "status_msg": BROKEN}, "host_gpu", "host_gpu"),
    (
        {"actual_status": "created", "cur_state": "stopped", "status_msg": "Error: GPU error"},
        "host_gpu",
        "host_gpu",
    ),
    ({"actual_status": "running", "status_msg": BROKEN}, "host_gpu", "running"),
    ({"actual_status": "running", "status_msg": "no space left on device"}, None, "running"),
    ({**STOPPED, "actual_status": "loading", "status_msg": "manifest unknown"}, "image", "image"),
    ({**STOPPED, "actual_status": "exited", "status_msg": "manifest unknown"}, "image", "image"),
    ({**STOPPED, "actual_status": "exited", "status_msg": "no such host"}, None, "stopped"),
    ({**STOPPED, "actual_status": "running", "status_msg": "manifest unknown"}, None, "stopped"),
    (
        {**STOPPED, "actual_status": "exited", "status_msg": "success, running ubuntu_22.04/ssh"},
        None,
        "stopped",
    ),
    ({"actual_status": "recycling", "status_msg": "manifest unknown"}, None, "starting"),
    ({"actual_status": "rebooting", "status_msg": "manifest unknown"}, None, "starting"),
    ({"actual_status": "frozen", "status_msg": BROKEN}, None, "frozen"),
]


@pytest.mark.parametrize(("fields", "failure", "phase"), BESIDE)
def test_a_text_counts_by_the_status_beside_which_it_stands(
    fields: dict[str, Any], failure: str | None, phase: str
) -> None:
    """Texts go stale, yet a broken GPU can stand beside `running`, and a failed pull beside a
    machine that is asked to be stopped (docs/vast-api.md C.3, C.4, C.9).
    """
    assert (failure_of(row(**fields)), phase_of(row(**fields))) == (failure, phase)


def test_a_broken_gpu_is_a_sign_only_where_the_container_runs_as_asked() -> None:
    """Who waits goes by it; a machine that is asked to stop is told as that (docs/vast-api.md
    C.9).
    """
    broken = {"actual_status": "running", "status_msg": BROKEN}
    assert sign_of(row(**broken)) == "host_gpu"
    assert sign_of(row(**broken, **STOPPED)) == "stopped"
    assert sign_of(row(actual_status="running")) == "running"
