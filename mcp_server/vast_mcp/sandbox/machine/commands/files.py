"""Commands that change files and folders: mkdir, rm, mv, cp, ln, chmod and the like."""

import errno
from collections.abc import Awaitable, Callable

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, opened, options
from vast_mcp.sandbox.machine.nodes import Folder, Link
from vast_mcp.sandbox.machine.streams import AT_ONCE
from vast_mcp.sandbox.machine.tree import joined

KIB = 1024


async def make_folder(call: Call) -> int:
    given = options(call, "pv", "m")
    mode = int(given["m"], 8) if given.get("m", "").isdigit() else 0o777 & ~call.process.umask

    async def make(path: str) -> None:
        if "p" not in given:
            call.tree.make_folder(path, call.cwd, mode)
            return
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            head = "/".join(parts[:count]) or "/"
            if not isinstance(call.tree.get(head, call.cwd), Folder):
                call.tree.make_folder(head, call.cwd, mode)

    if not call.words:
        raise Usage("missing operand")
    return await named(call, make, "cannot create directory")


async def named(call: Call, act: Callable[[str], Awaitable[None]], what: str) -> int:
    """Do something with each word, and say of which it failed."""
    status = 0
    for word in call.words:
        try:
            await act(word)
        except OSError as error:
            await call.complain(f"{what} '{word}': {error.strerror}")
            status = 1
    return status


async def remove_folder(call: Call) -> int:
    options(call, "p")

    async def remove(path: str) -> None:
        call.tree.remove_folder(path, call.cwd)

    return await named(call, remove, "failed to remove")


async def remove(call: Call) -> int:
    given = options(call, "rRfvid")
    deep = bool({"r", "R"} & set(given))

    async def remove_one(path: str) -> None:
        node = call.tree.get(path, call.cwd, follow=False)
        if node is None and "f" in given:
            return
        if isinstance(node, Folder) and deep:
            if path.rstrip("/").rpartition("/")[2] in {"", ".", ".."}:
                raise OSError(errno.EINVAL, "refusing to remove it")
            _remove_all(call, path)
        else:
            call.tree.remove(path, call.cwd)

    return await named(call, remove_one, "cannot remove")


def _remove_all(call: Call, path: str) -> None:
    node = call.tree.find(path, call.cwd, follow=False)
    if not isinstance(node, Folder):
        call.tree.remove(path, call.cwd)
        return
    for name in node.names():
        _remove_all(call, f"{path.rstrip('/')}/{name}")
    call.tree.remove_folder(path, call.cwd)


def _into(call: Call, source: str, target: str) -> str:
    """Where something goes: into a folder that is there, or under the name itself."""
    if isinstance(call.tree.get(target, call.cwd), Folder):
        return f"{target.rstrip('/')}/{source.rstrip('/').rpartition('/')[2]}"
    return target


def _sources(call: Call, given: dict[str, str]) -> tuple[list[str], str]:
    if "t" in given:
        return call.words, given["t"]
    if len(call.words) < 2:
        raise Usage("missing destination file operand")
    *sources, target = call.words
    if len(sources) > 1 and not isinstance(call.tree.get(target, call.cwd), Folder):
        raise Usage(f"target '{target}': Not a directory")
    return sources, target


async def move(call: Call) -> int:
    given = options(call, "fnvTi", "t")
    sources, target = _sources(call, given)
    for source in sources:
        there = target if "T" in given else _into(call, source, target)
        if "n" in given and call.tree.get(there, call.cwd, follow=False) is not None:
            continue
        try:
            call.tree.rename(source, there, call.cwd)
        except OSError as error:
            raise Usage(f"cannot move '{source}' to '{there}': {error.strerror}") from None
    return 0


async def copy(call: Call) -> int:
    given = options(call, "rRafpvnLPd", "t")
    deep = bool({"r", "R", "a"} & set(given))
    sources, target = _sources(call, given)
    status = 0
    for source in sources:
        try:
            await _copied(call, source, _into(call, source, target), deep=deep, given=given)
        except OSError as error:
            await call.complain_of(error)
            status = 1
    return status


async def _copied(
    call: Call, source: str, target: str, *, deep: bool, given: dict[str, str]
) -> None:
    node = call.tree.find(source, call.cwd, follow=not deep)
    if isinstance(node, Folder):
        if not deep:
            raise OSError(errno.EISDIR, "omitting directory", source)
        if not isinstance(call.tree.get(target, call.cwd), Folder):
            call.tree.make_folder(target, call.cwd, node.permissions)
        for name in node.names():
            await _copied(call, f"{source}/{name}", f"{target}/{name}", deep=deep, given=given)
    elif isinstance(node, Link):
        call.tree.link(node.target, target, call.cwd)
    elif "n" not in given or call.tree.get(target, call.cwd) is None:
        await _copy_bytes(call, source, target, node.permissions)
    if {"p", "a"} & set(given):
        call.tree.find(target, call.cwd, follow=False).modified = node.modified


async def _copy_bytes(call: Call, source: str, target: str, mode: int) -> None:
    one = opened(call.process, source, may="r")
    try:
        other = opened(call.process, target, may="w", make=mode, cut=True)
        try:
            while data := await one.read(AT_ONCE):
                await other.write(data)
        finally:
            other.drop()
    finally:
        one.drop()


async def link(call: Call) -> int:
    given = options(call, "sfnvT", "t")
    if len(call.words) == 1:
        call.words.append(".")
    sources, target = _sources(call, given)
    for source in sources:
        there = target if {"n", "T"} & set(given) else _into(call, source, target)
        if "f" in given and call.tree.get(there, call.cwd, follow=False) is not None:
            call.tree.remove(there, call.cwd)
        if "s" in given:
            call.tree.link(source, there, call.cwd)
        else:
            call.tree.second_name(source, there, call.cwd)
    return 0


async def touch(call: Call) -> int:
    options(call, "acm", "dt")

    async def touch_one(path: str) -> None:
        node = call.tree.get(path, call.cwd)
        if node is None:
            node = call.tree.open(path, call.cwd, make=0o666 & ~call.process.umask)
        node.modified = call.tree.now

    return await named(call, touch_one, "cannot touch")


async def change_mode(call: Call) -> int:
    options(call, "Rfv")
    if len(call.words) < 2:
        raise Usage("missing operand")
    wish = call.words.pop(0)

    async def change(path: str) -> None:
        node = call.tree.find(path, call.cwd)
        node.permissions = _mode(wish, node.permissions)

    return await named(call, change, "cannot access")


def _mode(wish: str, mode: int) -> int:
    if wish.isdigit():
        return int(wish, 8) & 0o7777
    bits = {"r": 0o444, "w": 0o222, "x": 0o111, "X": 0o111}
    whose = {"u": 0o700, "g": 0o070, "o": 0o007, "a": 0o777}
    for one in wish.split(","):
        sign = next((char for char in one if char in "+-="), None)
        if sign is None:
            raise Usage(f"invalid mode: '{wish}'")
        who, _, what = one.partition(sign)
        mask = sum(whose.get(char, 0) for char in set(who)) or 0o777
        wanted = sum(bits.get(char, 0) for char in set(what)) & mask
        if sign == "+":
            mode |= wanted
        else:
            mode &= ~(wanted if sign == "-" else mask)
            mode |= wanted if sign == "=" else 0
    return mode


async def change_owner(call: Call) -> int:
    """Root owns everything and goes on to."""
    options(call, "Rfvh")
    for path in call.words[1:]:
        call.tree.find(path, call.cwd)
    return 0


async def make_temporary(call: Call) -> int:
    given = options(call, "dqut", "p")
    folder = given.get("p") or call.process.environment.get("TMPDIR") or "/tmp"  # noqa: S108
    template = call.words[0] if call.words else "tmp.XXXXXXXXXX"
    path = joined(folder, template) if "p" in given or not call.words else template
    head, ends = path.rstrip("X"), len(path) - len(path.rstrip("X"))
    if ends < 3:
        raise Usage(f"too few X's in template '{template}'")
    made = head + call.machine.random_name(ends)
    if "d" in given:
        call.tree.make_folder(made, call.cwd, 0o700)
    else:
        call.tree.open(made, call.cwd, make=0o600, new=True)
    await call.out(f"{made}\n")
    return 0


async def cut_or_grow(call: Call) -> int:
    """truncate -s, in bytes or with K, M or G behind; fallocate -l makes it as long."""
    given = options(call, "c", "sl")
    text = given.get("s") or given.get("l") or ""
    size = sized(text)
    for path in call.words:
        call.tree.open(path, call.cwd, make=0o666 & ~call.process.umask).cut(size)
    return 0


def sized(text: str) -> int:
    """Read a size: 4096, 64k, 1M, 2G, 1MB."""
    digits = text.rstrip("kKMGTBic")
    unit = text[len(digits) :]
    factors = {"": 1, "c": 1, "B": 1, "k": KIB, "K": KIB, "KB": 1000, "M": KIB**2}
    factors |= {"MB": 1000**2, "G": KIB**3, "GB": 1000**3, "KiB": KIB, "MiB": KIB**2, "GiB": KIB**3}
    if not digits.isdigit() or unit not in factors:
        raise Usage(f"invalid number: '{text}'")
    return int(digits) * factors[unit]


FILES: dict[str, Command] = {
    "chmod": change_mode,
    "chown": change_owner,
    "cp": copy,
    "fallocate": cut_or_grow,
    "ln": link,
    "mkdir": make_folder,
    "mktemp": make_temporary,
    "mv": move,
    "rm": remove,
    "rmdir": remove_folder,
    "touch": touch,
    "truncate": cut_or_grow,
}
