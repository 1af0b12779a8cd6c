"""Commands for files and folders: ls, mkdir, rm, mv, cp, ln, chmod, stat, df, du and the like."""

import errno
import stat
import time
from collections.abc import Awaitable, Callable

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, opened, options
from vast_mcp.sandbox.machine.nodes import File, Folder, Link, Node
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
    return await _named(call, make, "cannot create directory")


async def _named(call: Call, act: Callable[[str], Awaitable[None]], what: str) -> int:
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

    return await _named(call, remove, "failed to remove")


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

    return await _named(call, remove_one, "cannot remove")


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

    return await _named(call, touch_one, "cannot touch")


async def change_mode(call: Call) -> int:
    options(call, "Rfv")
    if len(call.words) < 2:
        raise Usage("missing operand")
    wish = call.words.pop(0)

    async def change(path: str) -> None:
        node = call.tree.find(path, call.cwd)
        node.permissions = _mode(wish, node.permissions)

    return await _named(call, change, "cannot access")


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


async def where_it_leads(call: Call) -> int:
    """readlink and realpath."""
    given = options(call, "fenmsqz")
    for path in call.words:
        if call.name == "readlink" and not {"f", "e", "m"} & set(given):
            node = call.tree.get(path, call.cwd, follow=False)
            if not isinstance(node, Link):
                return 1
            found = node.target
        else:
            found = call.tree.real(path, call.cwd)
        await call.out(found + ("" if "n" in given else "\n"))
    return 0


async def base_name(call: Call) -> int:
    if not call.words:
        raise Usage("missing operand")
    name = call.words[0].rstrip("/").rpartition("/")[2] or "/"
    suffix = call.words[1] if len(call.words) > 1 else ""
    await call.out((name.removesuffix(suffix) or name) + "\n")
    return 0


async def folder_name(call: Call) -> int:
    for path in call.words:
        head, slash, _ = path.rstrip("/").rpartition("/")
        await call.out((head or ("/" if slash else ".")) + "\n")
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


# What there is

LETTERS = {stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFCHR: "c"}


def letters(node: Node) -> str:
    """Kind and permissions as `ls -l` has them."""
    return stat.filemode(node.mode)


async def list_folder(call: Call) -> int:
    given = options(call, "laA1hdRtrSpFni")
    status, files, folders = 0, list[tuple[str, Node]](), list[tuple[str, Folder]]()
    for path in call.words or ["."]:
        try:
            node = call.tree.find(path, call.cwd, follow="l" not in given)
        except OSError as error:
            await call.complain(f"cannot access '{path}': {error.strerror}")
            status = 2
            continue
        if isinstance(node, Folder) and "d" not in given:
            folders.append((path, node))
        else:
            files.append((path, node))
    await _rows(call, given, sorted(files))
    for path, folder in folders:
        await _listed(call, given, path, folder, with_name=len(call.words) > 1)
    return status


async def _listed(
    call: Call, given: dict[str, str], path: str, folder: Folder, *, with_name: bool
) -> None:
    if with_name or "R" in given:
        await call.out(f"{path}:\n")
    held = [(name, folder.get(name)) for name in folder.names()]
    rows = [(name, node) for name, node in held if node is not None]
    if "a" in given:
        rows += [(".", folder), ("..", folder)]
    elif "A" not in given:
        rows = [(name, node) for name, node in rows if not name.startswith(".")]
    await _rows(call, given, _ordered(rows, given))
    if "R" in given:
        for name, node in sorted(rows, key=lambda row: row[0]):
            if isinstance(node, Folder) and name not in {".", ".."}:
                await call.out("\n")
                await _listed(call, given, f"{path}/{name}", node, with_name=True)


def _ordered(rows: list[tuple[str, Node]], given: dict[str, str]) -> list[tuple[str, Node]]:
    rows = sorted(rows, key=lambda row: row[0])
    if "t" in given:
        rows.sort(key=lambda row: -row[1].modified)
    if "S" in given:
        rows.sort(key=lambda row: -row[1].size)
    return rows[::-1] if "r" in given else rows


async def _rows(call: Call, given: dict[str, str], rows: list[tuple[str, Node]]) -> None:
    for name, node in rows:
        await call.out((_long(name, node) if "l" in given else name) + "\n")


def _long(name: str, node: Node) -> str:
    when = time.strftime("%b %e %H:%M", time.gmtime(node.modified))
    shown = f"{name} -> {node.target}" if isinstance(node, Link) else name
    return f"{letters(node)} {node.links} root root {node.size} {when} {shown}"


async def tell_of_node(call: Call) -> int:
    """`stat -c`, with the usual letters."""
    given = options(call, "Lt", "cf")
    form = given.get("c") or given.get("f") or "%n %s %a"

    async def tell(path: str) -> None:
        node = call.tree.find(path, call.cwd, follow="L" in given)
        values = {
            "n": path,
            "s": str(node.size),
            "a": f"{node.permissions:o}",
            "A": letters(node),
            "f": f"{node.mode:x}",
            "Y": str(int(node.modified)),
            "X": str(int(node.accessed)),
            "i": str(node.number),
            "h": str(node.links),
            "u": "0",
            "g": "0",
            "U": "root",
            "G": "root",
            "F": _kind(node),
        }
        text = form
        for letter, value in values.items():
            text = text.replace(f"%{letter}", value)
        await call.out(f"{text}\n")

    return await _named(call, tell, "cannot stat")


def _kind(node: Node) -> str:
    if isinstance(node, File):
        return "regular file" if node.size else "regular empty file"
    return {"d": "directory", "l": "symbolic link"}.get(letters(node)[0], "character special file")


async def free_disk(call: Call) -> int:
    """df: the one disk there is."""
    given = options(call, "kPhTiamB", "")
    for path in call.words:
        call.tree.find(path, call.cwd)
    disk = call.machine.disk
    unit = 1024**3 if "h" in given else (KIB**2 if "m" in given else KIB)
    suffix = "G" if "h" in given else ""
    size, used, free = disk.size // unit, -(-disk.used // unit), disk.free // unit
    percent = round(100 * (disk.size - disk.free) / disk.size)
    head = "Size" if "h" in given else ("1M-blocks" if "m" in given else "1024-blocks")
    await call.out(f"Filesystem     {head}     Used Available Capacity Mounted on\n")
    row = f"overlay  {size}{suffix} {used}{suffix} {free}{suffix} {percent}% /"
    await call.out(f"{row}\n")
    return 0


async def used_disk(call: Call) -> int:
    given = options(call, "shkmabc")
    unit = 1 if "b" in given else (KIB**2 if "m" in given else KIB)
    for path in call.words or ["."]:
        size = _total(call.tree.find(path, call.cwd, follow=False))
        await call.out(f"{-(-size // unit)}\t{path}\n")
    return 0


def _total(node: Node) -> int:
    if not isinstance(node, Folder):
        return node.size
    held = [node.get(name) for name in node.names()]
    return node.size + sum(_total(one) for one in held if one is not None)


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
    "basename": base_name,
    "chmod": change_mode,
    "chown": change_owner,
    "cp": copy,
    "df": free_disk,
    "dirname": folder_name,
    "du": used_disk,
    "fallocate": cut_or_grow,
    "ln": link,
    "ls": list_folder,
    "mkdir": make_folder,
    "mktemp": make_temporary,
    "mv": move,
    "readlink": where_it_leads,
    "realpath": where_it_leads,
    "rm": remove,
    "rmdir": remove_folder,
    "stat": tell_of_node,
    "touch": touch,
    "truncate": cut_or_grow,
}
