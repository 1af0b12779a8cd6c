"""Commands that change lines: tr, cut, sort, uniq."""

import codecs
import os
import re

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, opened, options

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


COLUMNS: dict[str, Command] = {"cut": cut, "sort": sort, "tr": translate, "uniq": unique}
