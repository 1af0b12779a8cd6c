"""dd and sync: blocks of bytes."""

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, opened
from vast_mcp.sandbox.machine.disk import MB
from vast_mcp.sandbox.machine.streams import FileStream, Stream

from .files import sized

KNOWN = frozenset({"if", "of", "bs", "count", "skip", "seek", "conv", "status", "oflag", "iflag"})
MOST = 64 * 1024**2  # bytes of one block


async def copy_blocks(call: Call) -> int:
    """dd: copy, and tell how much and how fast."""
    given = _given(call)
    size = sized(given.get("bs", "512"))
    if not 0 < size <= MOST:
        raise Usage(f"invalid number: '{given['bs']}'")
    count = sized(given["count"]) if "count" in given else None
    source, sink = _source(call, given), _sink(call, given)
    began = call.machine.uptime
    try:
        _seek(source, size * sized(given.get("skip", "0")))
        _seek(sink, size * sized(given.get("seek", "0")))
        done = await _copied(source, sink, size, count)
    finally:
        source.drop()
        sink.drop()
    if given.get("status") != "none":
        await _tell(call, *done, call.machine.uptime - began)
    return 0


def _given(call: Call) -> dict[str, str]:
    given = dict[str, str]()
    for word in call.words:
        name, _, value = word.partition("=")
        if name not in KNOWN:
            raise Usage(f"unrecognized operand '{word}'")
        given[name] = value
    return given


def _source(call: Call, given: dict[str, str]) -> Stream:
    if "if" not in given:
        return call.process.stream(0).shared()
    return opened(call.process, given["if"], may="r")


def _sink(call: Call, given: dict[str, str]) -> Stream:
    if "of" not in given:
        return call.process.stream(1).shared()
    keeps = "notrunc" in given.get("conv", "").split(",")
    mode = 0o666 & ~call.process.umask
    return opened(call.process, given["of"], may="w", make=mode, cut=not keeps)


def _seek(stream: Stream, offset: int) -> None:
    if isinstance(stream, FileStream):
        stream.at += offset


async def _copied(
    source: Stream, sink: Stream, size: int, count: int | None
) -> tuple[int, int, int]:
    """Copy: whole blocks, parts of blocks, bytes."""
    whole = parts = total = 0
    while count is None or whole + parts < count:
        data = await source.read(size)
        if not data:
            break
        await sink.write(data)
        total += len(data)
        whole += len(data) == size
        parts += len(data) != size
    return whole, parts, total


async def _tell(call: Call, whole: int, parts: int, total: int, seconds: float) -> None:
    rate = total / max(seconds, 1e-6) / MB
    lines = (
        f"{whole}+{parts} records in\n{whole}+{parts} records out\n"
        f"{total} bytes copied, {seconds:.6g} s, {rate:.1f} MB/s\n"
    )
    if 2 in call.process.streams:
        await call.process.stream(2).write(lines.encode())


async def flush(_call: Call) -> int:
    return 0


BLOCKS: dict[str, Command] = {"dd": copy_blocks, "sync": flush}
