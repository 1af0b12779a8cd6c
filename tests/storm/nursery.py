"""Servers without the second that Python needs to import one: a process that has everything loaded,
and forks.

A child is the same program on the same standard streams; only its birth is cheaper. Every lane's
first server is still a plain `python -m vast_mcp`.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys

READY = b"ready\n"


def serve(path: str) -> None:
    """Fork a server for each request on the socket: three descriptors and an environment in, a
    process id out.
    """
    import vast_mcp.ssh.trial  # noqa: F401
    import vast_mcp_tools  # noqa: F401
    from storm import served  # noqa: F401

    signal.signal(
        signal.SIGCHLD, signal.SIG_IGN
    )  # nobody here waits for a child; the storm watches by descriptor
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        sys.stdout.buffer.write(READY)
        sys.stdout.flush()
        while True:
            line, _ = listener.accept()
            with line:
                message, descriptors, _, _ = socket.recv_fds(line, 1 << 16, 3)
                if not message:
                    return
                pid = os.fork()
                if pid == 0:
                    listener.close()
                    line.close()
                    _become(json.loads(message), descriptors)
                for one in descriptors:
                    os.close(one)
                line.sendall(f"{pid}\n".encode())


def _become(env: dict[str, str], descriptors: list[int]) -> None:
    """The child's life, to its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, one in enumerate(descriptors):
        os.dup2(one, number)
        os.close(one)
    sys.stdin, sys.stdout, sys.stderr = (
        open(n, "r" if n == 0 else "w", encoding="utf-8")  # noqa: SIM115
        for n in range(3)
    )
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["vast-mcp"]
    from storm import served

    try:
        served.main()
    except SystemExit as exc:
        sys.stdout.flush()
        os._exit(exc.code if isinstance(exc.code, int) else 1)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
