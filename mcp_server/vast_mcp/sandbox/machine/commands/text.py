"""Commands that show text: cat, head, tail, wc, tee and the like."""

import re

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, opened, options
from vast_mcp.sandbox.machine.streams import Stream


async def concatenate(call: Call) -> int:
    options(call, "unv")

    async def show(path: str) -> None:
        async for data in call.chunks(path):
            await call.out(data)

    call.words = call.words or ["-"]
    return await call.each(show)


async def backwards(call: Call) -> int:
    for path in call.words or ["-"]:
        for line in reversed(await call.lines(path)):
            await call.out(line)
    return 0


def _old_count(call: Call) -> None:
    """`-5` is `-n 5`."""
    if call.words and re.fullmatch(r"-\d+", call.words[0]):
        call.words[:1] = ["-n", call.words[0][1:]]


def _count(text: str) -> tuple[str, int]:
    sign = text[:1] if text[:1] in {"+", "-"} else ""
    if not text[len(sign) :].isdigit():
        raise Usage(f"invalid number of lines: '{text}'")
    return sign, int(text[len(sign) :])


async def head(call: Call) -> int:
    _old_count(call)
    given = options(call, "qv", "nc")
    sign, count = _count(given.get("c") or given.get("n") or "10")
    many = len(call.words) > 1 and "q" not in given

    async def show(path: str) -> None:
        if many:
            await call.out(f"==> {path} <==\n")
        if sign == "-":
            whole = await call.contents(path)
            pieces = [whole[at : at + 1] for at in range(len(whole))] if "c" in given else None
            kept = (pieces or whole.splitlines(keepends=True))[: -count or None]
            await call.out(b"".join(kept))
        else:
            await _first(call, path, count, in_bytes="c" in given)

    call.words = call.words or ["-"]
    return await call.each(show)


async def _first(call: Call, path: str, count: int, *, in_bytes: bool) -> None:
    """Show no more than that, and read no further than is needed."""
    stream = call.open(path)
    try:
        while count > 0:
            data = await stream.read(min(count, 65_536) if in_bytes else 65_536, until=b"\n")
            if not data:
                return
            await call.out(data)
            count -= len(data) if in_bytes else data.endswith(b"\n")
    finally:
        stream.drop()


async def tail(call: Call) -> int:
    _old_count(call)
    given = options(call, "qvfF", "ncs")
    sign, count = _count(given.get("c") or given.get("n") or "10")
    many = len(call.words) > 1 and "q" not in given

    async def show(path: str) -> None:
        if many:
            await call.out(f"==> {path} <==\n")
        stream = call.open(path)
        try:
            await call.out(_last(await _rest(stream), sign, count, in_bytes="c" in given))
            if {"f", "F"} & set(given):
                await _follow(call, stream)
        finally:
            stream.drop()

    call.words = call.words or ["-"]
    return await call.each(show)


async def _rest(stream: Stream) -> bytes:
    found = bytearray()
    while data := await stream.read(65_536):
        found += data
    return bytes(found)


def _last(whole: bytes, sign: str, count: int, *, in_bytes: bool) -> bytes:
    if in_bytes:
        return whole[count - 1 :] if sign == "+" else whole[max(0, len(whole) - count) :]
    lines = whole.splitlines(keepends=True) if b"\r" not in whole else _lines(whole)
    if sign == "+":
        return b"".join(lines[max(0, count - 1) :])
    return b"".join(lines[max(0, len(lines) - count) :])


def _lines(whole: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+$", whole)


async def _follow(call: Call, stream: Stream) -> None:
    """Show what is added, until somebody ends it."""
    from asyncio import sleep

    while True:
        while data := await stream.read(65_536):
            await call.out(data)
        await sleep(0.05)


async def count(call: Call) -> int:
    given = options(call, "lwcmL")
    wanted = [letter for letter in "lwmc" if letter in given] or list("lwc")

    async def show(path: str) -> None:
        counts, in_word = dict.fromkeys("lwmc", 0), False
        async for data in call.chunks(path):
            counts["l"] += data.count(b"\n")
            counts["c"] += len(data)
            counts["m"] += sum(byte & 0xC0 != 0x80 for byte in data) if "m" in wanted else 0
            if "w" in wanted:
                counts["w"] += len(data.split()) - (in_word and not data[:1].isspace())
                in_word = not data[-1:].isspace()
        numbers = " ".join(str(counts[letter]) for letter in wanted)
        await call.out(numbers + (f" {path}" if path != "-" else "") + "\n")

    call.words = call.words or ["-"]
    return await call.each(show)


async def tee(call: Call) -> int:
    given = options(call, "ai")
    sinks = [
        opened(call.process, path, may="w", make=0o644, cut="a" not in given, appends="a" in given)
        for path in call.words
    ]
    try:
        while data := await call.read():
            await call.out(data)
            for sink in sinks:
                await sink.write(data)
    finally:
        for sink in sinks:
            sink.drop()
    return 0


async def yes(call: Call) -> int:
    text = (" ".join(call.words) or "y") + "\n"
    while True:
        await call.out(text * 500)


TEXT: dict[str, Command] = {
    "cat": concatenate,
    "head": head,
    "tac": backwards,
    "tail": tail,
    "tee": tee,
    "wc": count,
    "yes": yes,
}
