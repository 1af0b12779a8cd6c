"""Commands that write bytes and numbers otherwise: base64, od, seq."""

import base64
import re

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, options


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


ENCODING: dict[str, Command] = {"base64": encode, "od": dump, "seq": sequence}
