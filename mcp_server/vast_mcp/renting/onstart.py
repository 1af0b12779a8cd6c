"""An onstart as a machine can run it (docs/vast-api.md A.3): line ends are a Unix shell's, a long
one becomes a short one that unpacks it, and what is no script is a problem.

With runtype args it is the program that is started, and no shell reads it.
"""

from __future__ import annotations

import re

from vast_mcp import errors
from vast_mcp.errors import Json, Problem
from vast_mcp.leases import packing
from vast_mcp.renting import rules
from vast_mcp.vast.account import Template

_BOM = "\ufeff"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S*")
# Programs that a system has, and the one that Vast's own images have.
_SYSTEM = re.compile(r"(?:/usr(?:/local)?)?/s?bin/\S+|entrypoint\.sh")
_PATH = re.compile(
    r"(?:~|\.{1,2})?/[^\s;|&<>()$`]*"
    r"|[A-Za-z]:[\\/]\S*"
    r"|[A-Za-z0-9_.-]+\.(?:sh|bash|zsh|py|ps1|bat|cmd|txt|ya?ml)"
)
_FENCE = "```"

MENDED = "onstart had the line ends of Windows; they were written as a Unix shell has them."
NO_SHEBANG = "A VM runs an onstart only where its first line is a shebang, as #!/bin/bash is."


def mended(script: str) -> str:
    """The script without a mark at its beginning and with a shell's line ends."""
    return script.removeprefix(_BOM).replace("\r\n", "\n").replace("\r", "\n")


def onstart_of(given: Json) -> tuple[Json, list[Problem]]:
    """The onstart as Vast takes it: a field of the body, and what is wrong as far as the arguments
    say; what the template starts is not known here.
    """
    if "onstart" not in given:
        return {}, []
    script = mended(given["onstart"])
    by_args = rules.by_args(given, None)
    problems: list[Problem] = []
    if "runtype" in given or "template_hash_id" not in given or by_args:
        problems = problems_of(script, by_args=by_args)
    if problems or by_args or len(script) <= packing.ONSTART_MAX:
        return {"onstart": script}, problems
    packed = packing.packed(script)
    if len(packed) <= packing.ONSTART_MAX:
        return {"onstart": packed}, []
    too_long = (
        f"is {len(script)} characters, packed {len(packed)}; Vast takes {packing.ONSTART_MAX}. "
        "Let it download the rest"
    )
    return {"onstart": packed}, [Problem("onstart", too_long)]


def check_with_template(body: Json, script: str | None, template: Template) -> None:
    """Raises BadArguments where the template says what starts, and the script is none for that
    (docs/vast-api.md A.10).
    """
    if script is None or "runtype" in body:
        return
    problems = problems_of(script, by_args=rules.by_args(body, template))
    if problems:
        raise errors.bad("create_instance", problems)


def problems_of(script: str, *, by_args: bool) -> list[Problem]:
    """What keeps a script from running. `by_args`: it is the image's entrypoint."""
    why = _no_program(script) if by_args else _no_script(script.strip())
    return [Problem("onstart", why)] if why else []


def warnings_of(given: Json) -> list[str]:
    """What was changed in an onstart, and what a VM does not run."""
    script: str = given.get("onstart", "")
    warnings = [MENDED] if "\r" in script else []
    if given.get("vm") and script and not mended(script).startswith("#!"):
        warnings.append(NO_SHEBANG)
    return warnings


def _no_program(script: str) -> str | None:
    """Why a text is no program."""
    if len(script) > packing.ONSTART_MAX:
        return (
            f"is {len(script)} characters; with runtype args it is the entrypoint, at most "
            f"{packing.ONSTART_MAX}"
        )
    text = script.strip()
    if len(text.split()) > 1 or re.search(r"[;|&<>]", text):
        return (
            "is a script, and with runtype args it is the program that is started: give the "
            'program alone and its words as args ("bash" and ["-c", …]), or leave args out and '
            "use runtype ssh"
        )
    if _ADDRESS.fullmatch(text):
        return "is an address, and no program of the image"
    return None


def _no_script(text: str) -> str | None:
    """Why a text is no script, but where one lies."""
    if text.startswith(_FENCE):
        return "begins with a fence of Markdown (```); give the text of the script alone"
    if _ADDRESS.fullmatch(text):
        return "is an address, and Vast fetches nothing; write curl -fsSL ADDRESS | bash"
    if _PATH.fullmatch(text) and not _SYSTEM.fullmatch(text):
        return (
            "is a path, and no file of yours is on the machine; give the text of the script, or "
            "where the image has that file: bash and the path"
        )
    return None
