"""An onstart is a script's text, with a shell's line ends; with runtype args it is a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from case import Case, Legal, not_warned, refused, rented, renting, warned
from house import an_offer
from vast_mcp.sandbox.world import World


def _mended(onstart: str, becomes: str) -> Case:
    return Case(
        f"onstart {onstart!r} gets a shell's line ends",
        "create_instance",
        renting(onstart=onstart),
        rented(onstart=becomes),
    )


def _wrong(onstart: str, *says: str, **more: Any) -> Case:
    return Case(
        f"onstart {onstart!r} {more or ''} is refused",
        "create_instance",
        renting(onstart=onstart, **more),
        refused("onstart", *says),
    )


def _legal(onstart: str, **more: Any) -> Legal:
    return Legal(
        f"onstart {onstart!r} {more or ''}",
        "create_instance",
        renting(onstart=onstart, **more),
        (rented(onstart=onstart), not_warned("onstart")),
    )


def _of_template(runtype: str, onstart: str) -> Callable[[World], Any]:
    return _with_template(runtype, onstart=onstart)


def _with_template(runtype: str, /, **arguments: Any) -> Callable[[World], Any]:
    def given(world: World) -> dict[str, Any]:
        made = world.add_template({"name": "t", "image": "a/b", "runtype": runtype})
        asked = {"template_hash_id": made["hash_id"], **arguments}
        return {"offer_id": an_offer(world)["id"], "disk": 20, **asked}

    return given


ROWS: list[Case] = [
    _mended("#!/bin/bash\r\necho 1\r\n", "#!/bin/bash\necho 1\n"),
    _mended("echo 1\recho 2", "echo 1\necho 2"),
    _mended("\ufeffecho 1\n", "echo 1\n"),
    Case(
        "a change of line ends is said",
        "create_instance",
        renting(onstart="echo 1\r\n"),
        warned("line ends"),
    ),
    _wrong("/root/setup.sh", "is a path", "bash and the path"),
    _wrong("./setup.sh", "is a path"),
    _wrong("~/setup.sh", "is a path"),
    _wrong("setup.sh", "is a path"),
    _wrong("C:\\Users\\me\\setup.sh", "is a path"),
    _wrong(" /workspace/run.py\n", "is a path"),
    _wrong("https://example.com/setup.sh", "curl -fsSL"),
    _wrong("s3://bucket/setup.sh", "curl -fsSL"),
    _wrong("file:///root/setup.sh", "is an address"),
    _wrong("```bash\necho 1\n```", "fence"),
    _wrong("apt-get update\npip install x\n", "program", runtype="args"),
    _wrong("#!/bin/bash\necho 1\n", "program", args=["serve"]),
    _wrong("cd /x && ./run", "program", args_str="--port 80"),
    _wrong("https://example.com/x", "no program", runtype="args"),
    Case(
        "a script where the template brings runtype args is refused",
        "create_instance",
        _of_template("args", "pip install x\npython run.py\n"),
        refused("onstart", "program"),
    ),
    Case(
        "a path where the template brings runtype ssh is refused",
        "create_instance",
        _of_template("ssh", "/root/setup.sh"),
        refused("onstart", "is a path"),
    ),
    Case(
        "args where the template brings another launch mode are warned of",
        "create_instance",
        _with_template("jupyter", args=["--port", "80"]),
        (rented(args=["--port", "80"]), warned("a launch mode of its own")),
    ),
    Legal(
        "args where the template brings runtype args",
        "create_instance",
        _with_template("args", args_str="--port 80"),
        (rented(args_str="--port 80"), not_warned("launch mode")),
    ),
    Legal(
        "args with their launch mode beside a template of another",
        "create_instance",
        _with_template("ssh", args_str="--port 80", runtype="args"),
        (rented(runtype="args"), not_warned("launch mode")),
    ),
    Case(
        "lab without Jupyter is warned of",
        "create_instance",
        renting(use_jupyter_lab=True, runtype="ssh"),
        warned("no Jupyter with runtype ssh"),
    ),
    Case(
        "a quote that is not closed is warned of",
        "create_instance",
        renting(args_str="-c 'serve"),
        warned("quote that is not closed"),
    ),
    _legal("echo 1\n"),
    _legal("#!/bin/bash\necho 1\n"),
    _legal("bash /opt/start.sh"),
    _legal("/opt/start.sh --port 80"),
    _legal("/start.sh &\n"),
    _legal("/usr/sbin/sshd"),
    _legal("entrypoint.sh"),  # of Vast's own images and templates
    _legal("entrypoint.sh\n", runtype="jupyter", image="vastai/pytorch:@vastai-automatic-tag"),
    _legal("curl -fsSL https://example.com/x.sh | bash"),
    _legal("nvidia-smi"),
    _legal("printf 'a\\r\\n'"),
    _legal("/bin/sh", args=["-c", "serve"]),
    _legal("/opt/start.sh", runtype="args"),
    _legal("bash", args_str="-c serve"),
    Legal(
        "a path where the template brings runtype args",
        "create_instance",
        _of_template("args", "/bin/sh"),
        rented(onstart="/bin/sh"),
    ),
    Legal(
        "a script where the template brings runtype ssh",
        "create_instance",
        _of_template("ssh", "echo 1\necho 2\n"),
        rented(onstart="echo 1\necho 2\n"),
    ),
    Legal(
        "lab with Jupyter",
        "create_instance",
        renting(use_jupyter_lab=True, runtype="jupyter"),
        (rented(), not_warned("Jupyter")),
    ),
]
