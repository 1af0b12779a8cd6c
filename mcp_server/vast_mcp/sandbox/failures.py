"""What hosts say of starts that fail, by class (docs/vast-api.md C.9)."""

DAEMON = "Error response from daemon: "
RUNC = (
    f"{DAEMON}failed to create task for container: failed to create shim task: OCI runtime create "
    "failed: runc create failed: unable to start container process: "
)

SAID: dict[str, tuple[str, ...]] = {
    "bad_image": (
        f"{DAEMON}manifest for example/image:latest not found: manifest unknown: manifest unknown",
        "Error: No such image: example/image:latest",
    ),
    "no_access": (
        f"{DAEMON}pull access denied for example/private, repository does not exist or may require "
        "'docker login': denied: requested access to the resource is denied",
    ),
    "bad_login": (
        f'{DAEMON}Head "https://ghcr.io/v2/example/private/manifests/latest": denied: denied',
        f'{DAEMON}Get "https://registry-1.docker.io/v2/": unauthorized: authentication required',
        "error from registry: denied",
        "docker login failed",
        f'{DAEMON}Head "https://1.dkr.ecr.us-east-1.amazonaws.com/v2/x": no basic auth credentials',
    ),
    "pull_limit": (
        f"{DAEMON}toomanyrequests: You have reached your pull rate limit. You may increase the "
        "limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit",
        "toomanyrequests: You have reached your unauthenticated pull rate limit.",
        f'{DAEMON}Get "https://quay.io/v2/": unexpected HTTP status: 429 Too Many Requests',
    ),
    "no_network": (
        f'{DAEMON}Get "https://registry-1.docker.io/v2/": net/http: TLS handshake timeout',
        f'{DAEMON}Get "https://ghcr.io/v2/": dial tcp: lookup ghcr.io: no such host',
        "curl: (6) Could not resolve host: cloud.vast.ai",
        f'{DAEMON}Get "https://ghcr.io/v2/": net/http: request canceled (Client.Timeout exceeded '
        "while awaiting headers)",
        "4c7d45f7c63c: Retrying in 5 seconds",
    ),
    "disk_full": (
        "failed to register layer: Error processing tar file(exit status 1): write "
        "/usr/lib/libtorch.so: no space left on device",
        f"{DAEMON}failed to extract layer sha256:4c7d45f7c63c: write /opt/x: no space left on "
        "device",
    ),
    "driver_too_old": (
        f"{RUNC}error during container init: error running hook #0: exit status 1, stdout: , "
        "stderr: Auto-detected mode as 'legacy'\nnvidia-container-cli: requirement error: "
        "unsatisfied condition: cuda>=12.8, please update your driver to a newer version, or use "
        "an earlier cuda container: unknown\nError: failed to start containers: C.7",
        "requirements not met: cuda>=12.8",
    ),
    "broken_gpu": (
        f"{DAEMON}failed to inject CDI devices: unresolvable CDI devices D.7/gpu=0",
        f"{RUNC}error running hook #0: nvidia-container-cli: device error: 0: unknown device",
        f'{DAEMON}could not select device driver "nvidia" with capabilities: [[gpu]]',
        f"{DAEMON}unknown or invalid runtime nvidia",
        "Error: GPU error, unable to start instance.",
        "Unable to determine the device handle for GPU0000:01:00.0: Unknown Error",
    ),
    "broken_docker": (
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon "
        "running?",
        f"{DAEMON}--storage-opt is supported only for overlay over xfs with 'pquota' mount option.",
        "docker_build() error writing dockerfile",
        "Error: Internal error.",
        "Error: container is mounted",
        f'{DAEMON}Conflict. The container name "/C.7" is already in use by container "4c7d45f7c6".',
        f"{DAEMON}driver failed programming external connectivity: Bind for 0.0.0.0:40001 failed: "
        "port is already allocated",
        f"{RUNC}sysctl net.ipv4.ping_group_range: invalid argument",
    ),
    "oci_error": (
        f'{RUNC}exec: "./start": stat ./start: no such file or directory: unknown',
        f'{RUNC}exec: "python4": executable file not found in $PATH: unknown',
        "exec /usr/bin/bash: exec format error",
    ),
    "no_volume": ("Error: Requested volume does not exist: V.12345",),
    "no_vm": (
        "Error: machine does not support VMs.",
        "Error: Machine incompatible with VMs after host change",
        "cannot assign GPUs to VMs",
        "unable to complete out-of-memory-check",
    ),
    "no_secrets": (
        "Secrets fetch failed: machine authentication denied (HTTP 401)",
        "Secrets fetch failed: instance not found or access denied (HTTP 404)",
        "Secrets fetch rate limited (HTTP 429)",
        "Secrets fetch JSON parse error",
    ),
}
