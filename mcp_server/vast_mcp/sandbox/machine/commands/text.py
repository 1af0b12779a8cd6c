"""Commands for text: cat, head, tail, wc, tr, cut, sort, uniq, tee, grep and the like."""

import base64
import codecs
import os
import re

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, opened, options
from vast_mcp.sandbox.machine.streams import Stream

from .expressions import compiled


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
        whole = await call.contents(path)
        counts = {
            "l": whole.count(b"\n"),
            "w": len(whole.split()),
            "c": len(whole),
            "m": len(whole.decode("utf-8", "replace")),
        }
        numbers = " ".join(str(counts[letter]) for letter in wanted)
        await call.out(numbers + (f" {path}" if path != "-" else "") + "\n")

    call.words = call.words or ["-"]
    return await call.each(show)


TR_CLASSES = {
    "alpha": "A-Za-z",
    "digit": "0-9",
    "alnum": "0-9A-Za-z",
    "upper": "A-Z",
    "lower": "a-z",
    "space": "\\t\\n\\v\\f\\r ",
    "blank": "\\t ",
    "punct": "!-/:-@[-`{-~",
    "cntrl": "\\0-\\037\\177",
    "print": " -~",
    "graph": "!-~",
    "xdigit": "0-9A-Fa-f",
}


def _set(text: str) -> list[int]:
    text = re.sub(r"\[:(\w+):\]", lambda one: TR_CLASSES.get(one[1], ""), text)
    chars = list(codecs.escape_decode(os.fsencode(text))[0])
    found, at = list[int](), 0
    while at < len(chars):
        if at + 2 < len(chars) and chars[at + 1] == ord("-"):
            found += range(chars[at], chars[at + 2] + 1)
            at += 3
        else:
            found.append(chars[at])
            at += 1
    return found


async def translate(call: Call) -> int:
    given = options(call, "cCdst")
    sets = [_set(word) for word in call.words]
    if not sets:
        raise Usage("missing operand")
    first = sets[0]
    if {"c", "C"} & set(given):
        first = [byte for byte in range(256) if byte not in set(first)]
    table, gone = bytes(range(256)), b""
    if "d" in given:
        gone = bytes(first)
    elif len(sets) > 1 and sets[1]:
        to = sets[1] + sets[1][-1:] * (len(first) - len(sets[1]))
        table = bytes.maketrans(bytes(first), bytes(to[: len(first)]))
    squeezed = bytes(sets[-1] if len(sets) > 1 else first) if "s" in given else b""
    last = b""
    while data := await call.read():
        data = data.translate(table, gone)
        data, last = _squeezed(data, squeezed, last) if squeezed else (data, last)
        await call.out(data)
    return 0


def _squeezed(data: bytes, chars: bytes, last: bytes) -> tuple[bytes, bytes]:
    found = bytearray()
    for at in range(len(data)):
        char = data[at : at + 1]
        if char != last or char not in chars:
            found += char
        last = char
    return bytes(found), last


async def cut(call: Call) -> int:
    given = options(call, "sn", "fdcb")
    wanted = given.get("f") or given.get("c") or given.get("b")
    if wanted is None:
        raise Usage("you must specify a list of bytes, characters, or fields")
    delimiter = os.fsencode(given.get("d", "\t"))
    for path in call.words or ["-"]:
        for line in await call.lines(path):
            bare = line.removesuffix(b"\n")
            if "f" not in given:
                pieces, joint = [bare[at : at + 1] for at in range(len(bare))], b""
            elif delimiter not in bare:
                if "s" not in given:
                    await call.out(bare + b"\n")
                continue
            else:
                pieces, joint = bare.split(delimiter), delimiter
            kept = [one for place, one in enumerate(pieces, 1) if _is_in(place, wanted)]
            await call.out(joint.join(kept) + b"\n")
    return 0


def _is_in(place: int, ranges: str) -> bool:
    for one in ranges.split(","):
        first, dash, last = one.partition("-")
        if dash and int(first or 1) <= place <= int(last or 10**9):
            return True
        if not dash and int(first) == place:
            return True
    return False


async def sort(call: Call) -> int:
    given = options(call, "nrufbhszV", "kto")
    lines = list[bytes]()
    for path in call.words or ["-"]:
        lines += [line.removesuffix(b"\n") for line in await call.lines(path)]
    column, separator = given.get("k", "").split(",")[0], given.get("t")
    numeric = "n" in given or column.endswith("n")
    digits = re.match(r"\d+", column)

    def key(line: bytes) -> tuple[float, bytes]:
        pieces = line.split(os.fsencode(separator)) if separator else line.split()
        text = b" ".join(pieces[int(digits[0]) - 1 :]) if digits else line
        found = re.match(rb"\s*-?\d+(\.\d+)?", text)
        return (float(found[0]) if found else 0.0, b"") if numeric else (0.0, text)

    lines.sort(key=lambda line: (key(line), line), reverse="r" in given)
    if "u" in given:
        lines = list(dict.fromkeys(lines))
    text = b"".join(line + b"\n" for line in lines)
    if "o" in given:
        sink = opened(call.process, given["o"], may="w", make=0o644, cut=True)
        await sink.write(text)
        sink.drop()
    else:
        await call.out(text)
    return 0


async def unique(call: Call) -> int:
    given = options(call, "cdu")
    groups = list[list[bytes]]()
    for line in await call.lines(call.words[0] if call.words else "-"):
        bare = line.removesuffix(b"\n")
        if groups and groups[-1][0] == bare:
            groups[-1].append(bare)
        else:
            groups.append([bare])
    for group in groups:
        if ("d" in given and len(group) < 2) or ("u" in given and len(group) > 1):
            continue
        count_of = f"{len(group):7d} ".encode() if "c" in given else b""
        await call.out(count_of + group[0] + b"\n")
    return 0


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


async def grep(call: Call) -> int:
    given = options(call, "EFGqvcinolhHxswarR", "emAB")
    patterns = [given["e"]] if "e" in given else [call.words.pop(0)] if call.words else []
    if not patterns:
        raise Usage("usage: grep [OPTION]... PATTERNS [FILE]...", 2)
    kind = "F" if "F" in given else "E" if "E" in given or call.name == "egrep" else "G"
    fits = compiled(patterns[0].split("\n"), kind, given)
    paths = call.words or ["-"]
    named = ("H" in given or len(paths) > 1) and "h" not in given
    found = wrong = False
    for path in paths:
        try:
            found = await _matches(call, path, fits, given, named=named) or found
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            wrong = True
            if "s" not in given:
                await call.complain_of(error)
    if wrong and not ("q" in given and found):
        return 2
    return int(not found)


async def _matches(
    call: Call, path: str, fits: re.Pattern[bytes], given: dict[str, str], *, named: bool
) -> bool:
    most, total = int(given.get("m", "0")) or None, 0
    prefix = f"{path}:".encode() if named else b""
    for place, line in enumerate(await call.lines(path), 1):
        bare = line.removesuffix(b"\n")
        one = fits.search(bare)
        if (one is None) != ("v" in given):
            continue
        total += 1
        if "q" in given:
            return True
        if not {"c", "l"} & set(given):
            number = f"{place}:".encode() if "n" in given else b""
            shown = [match[0] for match in fits.finditer(bare)] if "o" in given else [bare]
            for text in shown:
                await call.out(prefix + number + text + b"\n")
        if total == most:
            break
    if "l" in given and total:
        await call.out(f"{path}\n")
    elif "c" in given:
        await call.out(prefix + f"{total}\n".encode())
    return total > 0


async def sequence(call: Call) -> int:
    given = options(call, "w", "s") if not re.match(r"-\d", (call.words or [""])[0]) else {}
    numbers = [int(word) for word in call.words]
    first, step, last = {1: [1, 1, *numbers], 2: [*numbers[:1], 1, *numbers[1:]]}.get(
        len(numbers), numbers
    )[:3]
    joint = given.get("s", "\n")
    text = joint.join(str(one) for one in range(first, last + (1 if step > 0 else -1), step))
    await call.out(text + "\n" if text else "")
    return 0


async def encode(call: Call) -> int:
    given = options(call, "di", "w")
    whole = await call.contents(call.words[0] if call.words else "-")
    if "d" in given:
        try:
            await call.out(base64.b64decode(b"".join(whole.split()), validate=True))
        except ValueError:
            raise Usage("invalid input") from None
        return 0
    text, width = base64.b64encode(whole), int(given.get("w", "76"))
    rows = [text[at : at + width] for at in range(0, len(text), width)] if width else [text]
    await call.out(b"\n".join(rows) + (b"\n" if width and rows else b""))
    return 0


async def dump(call: Call) -> int:
    """`od -An -tx1` and the like: bytes as numbers."""
    given = options(call, "vcbx", "AtNj")
    whole = await call.contents(call.words[0] if call.words else "-")
    whole = whole[int(given.get("j", "0")) :][: int(given["N"]) if "N" in given else None]
    form = {"x": " %02x", "u": " %3d", "d": " %4d", "o": " %03o"}.get(
        given.get("t", "x")[0], " %02x"
    )
    for at in range(0, len(whole), 16):
        address = "" if given.get("A") == "n" else f"{at:07o}"
        await call.out(address + "".join(form % byte for byte in whole[at : at + 16]) + "\n")
    return 0


async def yes(call: Call) -> int:
    text = (" ".join(call.words) or "y") + "\n"
    while True:
        await call.out(text * 500)


TEXT: dict[str, Command] = {
    "base64": encode,
    "cat": concatenate,
    "cut": cut,
    "egrep": grep,
    "grep": grep,
    "head": head,
    "od": dump,
    "seq": sequence,
    "sort": sort,
    "tac": backwards,
    "tail": tail,
    "tee": tee,
    "tr": translate,
    "uniq": unique,
    "wc": count,
    "yes": yes,
}
