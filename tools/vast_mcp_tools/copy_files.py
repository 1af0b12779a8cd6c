"""Files to a machine and back: apart from commands, since what is asked for is that they are there,
whole and the same, and that nothing else was touched.

The names of a machine's files were written by strangers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import anyio.to_thread
from pydantic import AfterValidator, Field

from vast_mcp import errors
from vast_mcp.errors import NextStep, Problem
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step

if TYPE_CHECKING:
    from vast_mcp.working.files.tally import Left, Tally

LONGEST = 4_000  # characters of a path
NAMED = 10  # files of each kind that an answer names


def _path(text: str) -> str:
    if not text or "\0" in text or len(text) > LONGEST:
        raise ValueError(f"must be a path of 1 to {LONGEST} characters, without NUL")
    return text


Path = Annotated[str, AfterValidator(_path)]


class CopyFiles(Arguments):
    any_text = frozenset({"local", "remote"})
    told_elsewhere = frozenset({"instance_id", "not_ours"})

    instance_id: Annotated[int, Field(ge=1, description="from show_instances")]
    direction: Annotated[Literal["up", "down"], Field(description="up: to it")]
    local: Annotated[Path, Field(description="absolute path here, in VAST_MCP_FILES")]
    remote: Annotated[Path, Field(description="path there, from /root")]
    overwrite: Annotated[bool, Field(description="replaces what differs. Default false")] = False
    not_ours: Annotated[
        bool, Field(description="allows one not made by vast-mcp. Default false")
    ] = False


class CopyFilesResult(Result):
    instance_id: int
    state: Annotated[
        Literal["copied", "copying", "incomplete"],
        Field(
            description="copied: all is there. copying: time was up, the same call goes on. "
            "incomplete: some is not there; the names say why."
        ),
    ]
    files: Annotated[int | None, Field(description="To be there in the end.")] = None
    there: Annotated[int, Field(description="Of them there now, whole and compared.")]
    copied: Annotated[int, Field(description="Of those by this call.")]
    bytes: Annotated[int | None, Field(description="Of all files.")] = None
    bytes_moved: Annotated[int, Field(description="By this call.")]
    duration_s: float
    compared_by: Annotated[str | None, Field(description="Size and SHA-256, or size only.")] = None
    differ: Annotated[int | None, Field(description="Stayed as they were.")] = None
    failed: int | None = None
    left_out: Annotated[
        int | None, Field(description="Links, devices and the like: never copied.")
    ] = None
    untrusted_names: Annotated[
        list[str], Field(description="Of those that differ, failed, were left out: the first.")
    ] = []
    warnings: list[str] = []
    next_steps: list[Step] = []


async def copy_files(args: CopyFiles, call: Call) -> CopyFilesResult:
    """Copies a file, or a folder's content, to a machine or from it: at most 20000 files, 50 GB.
    What is the same by SHA-256 is skipped, no link followed. After 50 s the same call goes on.
    """
    from vast_mcp.files.allowed import Forbidden
    from vast_mcp.working.admission import admit
    from vast_mcp.working.files.ends import Wish, place_to_read, place_to_write

    is_up = args.direction == "up"
    try:
        find = place_to_read if is_up else place_to_write
        place = await anyio.to_thread.run_sync(find, args.local, call.settings)
    except Forbidden as exc:
        raise errors.bad("copy_files", [Problem("local", str(exc))]) from None
    [reading] = await admit(
        call,
        [args.instance_id],
        argument="instance_id",
        not_ours=args.not_ours,
        work="copying may replace what is on it" if is_up else "its files are somebody's",
        again=lambda not_ours: _again(args, not_ours=not_ours),
    )
    from vast_mcp.working.files.copying import Copy

    wish = Wish(args.instance_id, is_up, args.local, args.remote, args.overwrite, place)
    began = anyio.current_time()
    tally = await Copy(call, reading.row, wish).run()
    return _result(args, tally, anyio.current_time() - began)


def _again(args: CopyFiles, *, not_ours: bool) -> NextStep:
    """The same call, as it is worded where it was refused."""
    given = args.model_dump(exclude_defaults=True)
    if not not_ours:
        return NextStep("copy_files", given, "the same call")
    return NextStep("copy_files", {**given, "not_ours": True}, "if the person wants that")


def _result(args: CopyFiles, tally: Tally, took_s: float) -> CopyFilesResult:
    result = CopyFilesResult(
        instance_id=args.instance_id,
        state=_state(tally),
        files=tally.files,
        there=tally.there,
        copied=len(tally.done),
        bytes=tally.size,
        bytes_moved=tally.moved,
        duration_s=round(took_s, 1),
        differ=len(tally.differ.all) or None,
        failed=len(tally.failed.all) or None,
        left_out=len(tally.left.all) or None,
        untrusted_names=[
            *_named(tally.differ),
            *_named(tally.failed),
            *_named(tally.left),
        ],
        warnings=tally.warnings,
    )
    if tally.there:
        result.compared_by = (
            "size only: the machine has no tool for digests"
            if tally.by_size_only
            else "size and SHA-256"
        )
    if tally.differ.all:
        result.warnings.append("What differs stayed as it was; overwrite: true replaces it.")
    result.next_steps = [_next(args, result)]
    return result


def _state(tally: Tally) -> Literal["copied", "copying", "incomplete"]:
    if not tally.is_over and not tally.stopped:
        return "copying"
    return "copied" if tally.there == tally.files else "incomplete"


def _next(args: CopyFiles, result: CopyFilesResult) -> Step:
    if result.state == "copying":
        given = args.model_dump(exclude_defaults=True)
        return step("copy_files", "goes on; what arrived stays", **given)
    return step("show_instance", "its state, and what it bills", instance_id=args.instance_id)


def _named(left: Left) -> list[str]:
    """The first names and why, and how many more there are."""
    from vast_mcp.working.files.names import shown

    said = [errors.clean(f"{shown(path)} {why}", 300) for path, why in left.all[:NAMED]]
    more = len(left.all) - NAMED
    return [*said, f"and {more} more"] if more > 0 else said


SPEC = ToolSpec(
    fn=copy_files,
    arguments=CopyFiles,
    result=CopyFilesResult,
    title="Copy files to or from a machine",
    read_only=False,
    destructive=True,
    idempotent=True,
    open_world=True,
    sends=("copy",),
)
