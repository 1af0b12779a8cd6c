"""How a tool is declared: its arguments, its result, and what a host is told of it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Annotated, Any, ClassVar, overload

from pydantic import BaseModel, ConfigDict, Field


class Arguments(BaseModel):
    """Base of every argument model: JSON types as they are, nothing unknown, no NaN, no examples in
    errors.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        defer_build=True,
    )

    # Arguments whose texts may be longer than others (host/bounds.py), in characters.
    longer: ClassVar[dict[str, int]] = {}
    # How values of arguments are read (host/reading.py): texts in a grammar of their own, which
    # their validators know; texts that may be any words; lists whose items may not be split, with
    # the argument that takes them as one text; and other words for choices, without blanks, - or _.
    grammars: ClassVar[frozenset[str]] = frozenset()
    any_text: ClassVar[frozenset[str]] = frozenset()
    as_one_text: ClassVar[dict[str, str]] = {}
    also_called: ClassVar[dict[str, dict[str, str]]] = {}
    # Arguments that other tools describe under the same names, and the tool's own words point to.
    told_elsewhere: ClassVar[frozenset[str]] = frozenset()

    def repeatable(self) -> dict[str, Any] | None:
        """The arguments as an answer may repeat them; None where they may hold secrets."""
        return self.model_dump(mode="json", exclude_defaults=True)


class Part(BaseModel):
    """Base of everything inside a result. Absent facts are left out of the answer."""

    # Validators are built by the first answer, and those of a part never twice.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class Result(Part):
    """Base of every result model; `sandbox` is stated by the server where it is true."""

    sandbox: Annotated[
        bool | None, Field(description="True when this is the local sandbox: no money moves.")
    ] = None
    notices: Annotated[
        list[str] | None, Field(description="Machines of earlier calls, found or ended since.")
    ] = None


class Step(Part):
    """A call that leads on, arguments ready."""

    tool: str
    arguments: dict[str, Any]
    why: str


def step(tool: str, why: str, **arguments: Any) -> Step:
    return Step(tool=tool, arguments=arguments, why=why)


@dataclass(frozen=True)
class ToolSpec:
    """Everything a tool is. The function's docstring is the description that the model reads."""

    fn: Callable[..., Awaitable[Result]]
    arguments: type[Arguments]
    result: type[Result]
    title: str
    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool
    # The kinds of request by which it acts (vast/pace.py); none where it only reads.
    sends: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.fn.__name__

    @property
    def description(self) -> str:
        return " ".join((self.fn.__doc__ or "").split())


class Specs(Mapping[str, ToolSpec]):
    """The tools of a package by their names, in an order: a module of each name, whose SPEC is
    loaded when it is asked for.
    """

    def __init__(self, package: str, names: Sequence[str]) -> None:
        self.package = package
        self.names = names

    def __getitem__(self, name: str) -> ToolSpec:
        if name not in self.names:
            raise KeyError(name)
        return importlib.import_module(f"{self.package}.{name}").SPEC

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


class Catalogue(Sequence[ToolSpec]):
    """The tools of a package, and how hosts are shown them: recorded in files beside the tools, so
    that a server that is asked for its list loads none of them (`make snapshots` writes them).
    """

    def __init__(self, package: str, names: Sequence[str]) -> None:
        self.specs = Specs(package, names)

    def recorded(self, name: str) -> dict[str, Any]:
        """A tool as a host is shown it, in the names of the wire."""
        file = resources.files(self.specs.package).joinpath("published", f"{name}.json")
        return json.loads(file.read_text(encoding="utf-8"))

    @overload
    def __getitem__(self, index: int) -> ToolSpec: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ToolSpec]: ...
    def __getitem__(self, index: int | slice) -> ToolSpec | Sequence[ToolSpec]:
        return list(self.specs.values())[index]

    def __iter__(self) -> Iterator[ToolSpec]:
        return iter(self.specs.values())

    def __len__(self) -> int:
        return len(self.specs)
