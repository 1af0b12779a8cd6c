"""A look that a machine takes at itself as it starts, where nobody may log in later: it goes into
the start script, behind the watchdog of a lease and the person's own, as far as there is room.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from vast_mcp.checks.script import started_in
from vast_mcp.errors import Json
from vast_mcp.leases import packing, watchdog
from vast_mcp.renting import rules
from vast_mcp.renting.lease import script_of, template_beneath
from vast_mcp.renting.order import Order
from vast_mcp.session import Call
from vast_mcp.vast.account import Template

_SHELLS = frozenset({"sh", "bash", "dash", "ash"})
_OWN_COMMAND = "with runtype args its own command runs, and no shell that would start it"


async def with_check(call: Call, order: Order, body: Json) -> tuple[Json | None, Json]:
    """Where it is (`in`) or why it is nowhere (`why`), as the journal keeps it, None where none was
    asked for; and the body with it.

    `body`: the request's, with the watchdog where it has one.
    """
    if not order.given.get("check"):
        return None, body
    template, why = await template_beneath(call, order)
    if why is not None:
        return {"why": why}, body
    url = call.settings.check_url
    if rules.by_args(body, template):
        return _in_command(body, url)
    script = body.get("onstart") if order.script is not None else script_of(order, template)
    if order.is_vm and script and not script.startswith("#!"):
        return {"why": "a VM runs no onstart without a shebang"}, body
    return _in_onstart(body, order, template, url)


def _in_onstart(
    body: Json, order: Order, template: Template | None, url: str | None
) -> tuple[Json, Json]:
    texts = list(_onstarts(body, order, template))
    for address in dict.fromkeys((url, None)):  # without the download rather than not at all
        for text in texts:
            carried = started_in(text, packing.ONSTART_MAX, address)
            if carried is not None:
                return {"in": "onstart"}, body | {"onstart": carried}
    least = min(len(text or "") for text in texts)
    why = f"its onstart, of {least} of {packing.ONSTART_MAX} characters, leaves no room"
    return {"why": why}, body


def _onstarts(body: Json, order: Order, template: Template | None) -> Iterator[str | None]:
    """The onstart that is to go with it, in the forms that do the same."""
    onstart: str | None = body.get("onstart")
    script = script_of(order, template)
    if onstart is None and script is None:
        yield None
    elif onstart is not None:
        yield onstart
    if script and not watchdog.is_in(onstart or ""):
        yield script
        yield packing.packed(script)


def _in_command(body: Json, url: str | None) -> tuple[Json, Json]:
    """In front of the script that a shell is given: `bash` as onstart, `-c` and a text as args."""
    program = PurePosixPath(body.get("onstart") or "")
    words: list[str] = body.get("args") or []
    if program.name not in _SHELLS or len(words) < 2 or words[0] not in {"-c", "-ec", "-lc"}:
        return {"why": _OWN_COMMAND}, body
    most = rules.STARTING_MAX - len(str(program)) - sum(map(len, words)) + len(words[1])
    for address in dict.fromkeys((url, None)):
        carried = started_in(words[1], most, address)
        if carried is not None:
            return {"in": "args"}, body | {"args": [words[0], carried, *words[2:]]}
    return {"why": f"onstart and args leave no room, of {rules.STARTING_MAX} characters"}, body
