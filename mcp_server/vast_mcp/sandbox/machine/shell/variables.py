"""A shell's variables, arguments and options."""

from vast_mcp.sandbox.machine.processes import Process

from .words import is_name


class ShellFault(Exception):
    """A shell that runs a script ends with what a special builtin, or a word, came to."""


class Variables:
    """Variables by name; what is exported goes to what is run."""

    def __init__(self, process: Process, name: str, arguments: list[str]) -> None:
        self.process, self.name, self.arguments = process, name, arguments
        self.values = {name: value for name, value in process.environment.items() if is_name(name)}
        self.exported = set(self.values)
        self.readonly = set[str]()
        self.options = set[str]()
        self.status = 0
        self.last_background: int | None = None
        self.pid = process.pid
        self.locals: list[dict[str, str | None]] = []  # what functions' own names hid
        self.values.setdefault("PWD", process.cwd)
        self.values["IFS"] = " \t\n"
        self.values["OPTIND"] = "1"

    def get(self, name: str) -> str | None:
        """The value of a variable, an argument or a special parameter; None for what is not set."""
        if name.isdigit():
            return self._argument(int(name))
        if not name or name[0].isalpha() or name[0] == "_":
            return self.values.get(name)
        return self._special(name)

    def _argument(self, number: int) -> str | None:
        if number == 0:
            return self.name
        return self.arguments[number - 1] if number <= len(self.arguments) else None

    def _special(self, name: str) -> str | None:
        if name in {"@", "*"}:
            return self._together() if self.arguments else None
        if name == "!":
            return None if self.last_background is None else str(self.last_background)
        return {
            "#": str(len(self.arguments)),
            "?": str(self.status),
            "$": str(self.pid),
            "-": "".join(sorted(self.options)),
        }[name]

    def _together(self) -> str:
        ifs = self.values.get("IFS", " ")
        return ifs[:1].join(self.arguments)

    def put(self, name: str, value: str) -> None:
        """Set a variable."""
        if name in self.readonly:
            raise ShellFault(f"{name}: is read only")
        if not is_name(name):
            raise ShellFault(f"{name}: bad variable name")
        self.values[name] = value
        if "a" in self.options:
            self.exported.add(name)

    def unset(self, name: str) -> None:
        """Forget a variable."""
        if name in self.readonly:
            raise ShellFault(f"{name}: is read only")
        self.values.pop(name, None)
        self.exported.discard(name)

    def make_local(self, name: str) -> None:
        """Let a function have a variable of its own."""
        if not self.locals:
            raise ShellFault("local: not in a function")
        self.locals[-1].setdefault(name, self.values.get(name))

    def end_locals(self) -> None:
        """Show again what a function's own variables hid."""
        for name, value in self.locals.pop().items():
            if value is None:
                self.values.pop(name, None)
            else:
                self.values[name] = value

    @property
    def environment(self) -> dict[str, str]:
        """What is exported."""
        return {name: self.values[name] for name in self.exported if name in self.values}

    def copied_to(self, other: "Variables") -> None:
        """Give another shell, which begins as this one is, all of it."""
        other.values, other.exported = dict(self.values), set(self.exported)
        other.readonly, other.options = set(self.readonly), set(self.options)
        other.status, other.last_background = self.status, self.last_background
        other.pid = self.pid
        other.locals = [dict(one) for one in self.locals]
