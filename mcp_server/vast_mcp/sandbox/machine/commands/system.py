"""Commands that tell of the machine, and of time: sleep, date, nproc, uname, ps and the like."""

import asyncio
import re
import time

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, options

from .running import duration

MIB = 1024**2


async def sleep(call: Call) -> int:
    if not call.words:
        raise Usage("missing operand")
    try:
        seconds = sum(duration(word) for word in call.words)
    except Usage as wrong:
        raise Usage(str(wrong)) from None
    await asyncio.sleep(seconds)
    call.machine.time.catch_up()
    return 0


async def date(call: Call) -> int:
    """Tell the time, always in UTC."""
    when, form = call.machine.now, "%a %b %e %H:%M:%S UTC %Y"
    words = list(call.words)
    while words:
        word = words.pop(0)
        if word.startswith("+"):
            form = word[1:]
        elif word.startswith("-d") or word == "--date":
            when = _moment(word[2:] if len(word) > 2 and word[1] == "d" else words.pop(0), when)
        elif word.startswith("--date="):
            when = _moment(word[7:], when)
        elif word in {"-Is", "--iso-8601=seconds"}:
            form = "%Y-%m-%dT%H:%M:%S+00:00"
        elif word not in {"-u", "--utc"}:
            raise Usage(f"invalid option '{word}'")
    form = form.replace("%s", str(int(when))).replace("%N", f"{int(when % 1 * 1e9):09d}")
    form = form.replace("%Z", "UTC").replace("%z", "+0000")
    await call.out(time.strftime(form, time.gmtime(when)) + "\n")
    return 0


def _moment(text: str, now: float) -> float:
    if text == "now":
        return now
    if re.fullmatch(r"@\d+(\.\d+)?", text) is None:
        raise Usage(f"invalid date '{text}'")
    return float(text[1:])


async def count_cores(call: Call) -> int:
    await call.out(f"{call.machine.hardware.host_cores}\n")
    return 0


async def free(call: Call) -> int:
    given = options(call, "bkmghtw")
    unit = {"b": 1, "m": MIB, "g": 1024**3, "h": 1024**3}.get(next(iter(given), "k"), 1024)
    total = call.machine.hardware.host_memory // unit
    used = total // 20
    await call.out(
        "               total        used        free      shared  buff/cache   available\n"
    )
    row = (total, used, total - used, 0, 0, total - used)
    await call.out("Mem:    " + "".join(f"{one:12d}" for one in row) + "\n")
    await call.out("Swap:   " + "".join(f"{0:12d}" for _ in range(3)) + "\n")
    return 0


UNAME = {
    "s": "Linux",
    "n": "",
    "r": "5.15.0-113-generic",
    "v": "#123-Ubuntu SMP",
    "m": "x86_64",
    "o": "GNU/Linux",
}


async def name_system(call: Call) -> int:
    given = options(call, "asnrvmpo")
    names = UNAME | {"n": call.machine.hostname}
    wanted = names if "a" in given else [one for one in names if one in given] or ["s"]
    await call.out(" ".join(names[one] for one in wanted) + "\n")
    return 0


async def name_host(call: Call) -> int:
    await call.out(f"{call.machine.hostname}\n")
    return 0


async def who(call: Call) -> int:
    given = options(call, "ugnG")
    if call.name == "whoami" or "n" in given:
        await call.out("root\n")
    else:
        await call.out("0\n" if given else "uid=0(root) gid=0(root) groups=0(root)\n")
    return 0


async def uptime(call: Call) -> int:
    days = int(call.machine.uptime // 86_400)
    await call.out(f" up {days} days,  0 users,  load average: 0.10, 0.08, 0.05\n")
    return 0


async def list_processes(call: Call) -> int:
    """List what runs: `ps`, with whatever options."""
    await call.out("    PID    PPID    PGID COMMAND\n")
    for one in call.machine.processes:
        command = " ".join(one.words)
        await call.out(f"{one.pid:7d} {one.parent_pid:7d} {one.group:7d} {command}\n")
    return 0


async def kernel_log(call: Call) -> int:
    """dmesg: where the card's driver says what broke."""
    xid = call.machine.hardware.xid
    await call.out("[    0.000000] Linux version 5.15.0-113-generic\n")
    if xid is not None:
        await call.out(
            f"[86412.104471] NVRM: Xid (PCI:0000:01:00): {xid}, pid='<unknown>', "
            "name=<unknown>, GPU has fallen off the bus.\n"
        )
    return 0


async def expression(call: Call) -> int:
    """expr: three words of arithmetic or comparison."""
    words = call.words
    if len(words) != 3:
        raise Usage("syntax error", 2)
    left, operator, right = words
    if operator in {"=", "!="}:
        found = int((left == right) == (operator == "="))
    elif not (re.fullmatch(r"-?\d+", left) and re.fullmatch(r"-?\d+", right)):
        raise Usage("non-integer argument", 2)
    else:
        found = _worked_out(int(left), operator, int(right))
    await call.out(f"{found}\n")
    return int(found == 0)


def _worked_out(left: int, operator: str, right: int) -> int:
    if operator in {"/", "%"}:
        if right == 0:
            raise Usage("division by zero", 2)
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return quotient if operator == "/" else left - right * quotient
    known = {"+": left + right, "-": left - right, "*": left * right, "<": left < right}
    known |= {">": left > right, "<=": left <= right, ">=": left >= right}
    if operator not in known:
        raise Usage("syntax error", 2)
    return int(known[operator])


async def no_terminal(call: Call) -> int:
    await call.out("not a tty\n")
    return 1


SYSTEM: dict[str, Command] = {
    "date": date,
    "dmesg": kernel_log,
    "expr": expression,
    "free": free,
    "hostname": name_host,
    "id": who,
    "nproc": count_cores,
    "ps": list_processes,
    "sleep": sleep,
    "tty": no_terminal,
    "uname": name_system,
    "uptime": uptime,
    "whoami": who,
}
