"""A disk at rest is listed, sized and cleared without its machine running (docs/vast-api.md C.7).
Paths begin at its root; what is printed where something is wrong is ours.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .machine.machine import Machine
    from .machine.nodes import Node

BLOCK = 1024


def printed(machine: "Machine", command: str) -> str:
    """Do what a command says, and give what it prints."""
    word, *rest = command.split()
    paths = [one for one in rest if not one.startswith("-")]
    flags = "".join(one[1:] for one in rest if one.startswith("-"))
    acts = {"ls": _listed, "du": _sized, "rm": _removed}
    lines: list[str] = []
    for path in paths or ([] if word == "rm" else ["."]):
        try:
            lines += acts[word](machine, path, flags)
        except OSError as error:
            lines.append(f"{word}: cannot access '{path}': {error.strerror}")
    return "".join(f"{line}\n" for line in lines)


def _listed(machine: "Machine", path: str, flags: str) -> list[str]:
    from .machine.nodes import Folder

    node = machine.tree.find(path)
    if not isinstance(node, Folder):
        return [path]
    return sorted(name for name in node.names() if "a" in flags or not name.startswith("."))


def _sized(machine: "Machine", path: str, _flags: str) -> list[str]:
    return [f"{max(4, -(-_bytes_of(machine.tree.find(path)) // BLOCK))}K\t{path}"]


def _bytes_of(node: "Node") -> int:
    from .machine.nodes import Folder

    if not isinstance(node, Folder):
        return node.size
    held = [node.get(name) for name in node.names()]
    return sum(_bytes_of(one) for one in held if one is not None)


def _removed(machine: "Machine", path: str, flags: str) -> list[str]:
    from .machine.nodes import Folder

    node = machine.tree.find(path, follow=False)
    if not isinstance(node, Folder):
        machine.tree.remove(path)
        return []
    if "r" not in flags:
        return [f"rm: cannot remove '{path}': Is a directory"]
    for name in list(node.names()):
        _removed(machine, f"{path.rstrip('/')}/{name}", flags)
    machine.tree.remove_folder(path)
    return []
