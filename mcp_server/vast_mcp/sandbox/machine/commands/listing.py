"""Commands that tell of files, folders and the disk: ls, stat, df, du, readlink and the like."""

import stat
import time

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, options
from vast_mcp.sandbox.machine.nodes import File, Folder, Link, Node

from .files import KIB, named


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

    return await named(call, tell, "cannot stat")


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


LISTING: dict[str, Command] = {
    "basename": base_name,
    "df": free_disk,
    "dirname": folder_name,
    "du": used_disk,
    "ls": list_folder,
    "readlink": where_it_leads,
    "realpath": where_it_leads,
    "stat": tell_of_node,
}
