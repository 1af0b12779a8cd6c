"""grep: lines that fit an expression."""

import re

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, options

from .expressions import compiled


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


SEARCHING: dict[str, Command] = {"egrep": grep, "grep": grep}
