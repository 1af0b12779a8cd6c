"""What a script is made of, once it is read (POSIX, Shell Command Language)."""

from dataclasses import dataclass, field

# Words


@dataclass(frozen=True)
class Text:
    """Characters as they stand; quoted, they are no pattern and no separator."""

    text: str
    quoted: bool = False


@dataclass(frozen=True)
class Parameter:
    """`$name`, or `${name:-word}` with an operator and its word; `#` in front is its length."""

    name: str
    quoted: bool = False
    operator: str = ""
    word: "Word" = ()
    of_length: bool = False


@dataclass(frozen=True)
class Substitution:
    """`$(…)`: what commands write."""

    script: "Script"
    quoted: bool = False


@dataclass(frozen=True)
class Arithmetic:
    """`$((…))`: a number."""

    word: "Word"
    quoted: bool = False


Part = Text | Parameter | Substitution | Arithmetic
Word = tuple[Part, ...]


def literal(word: Word) -> str | None:
    """The text of a word that has nothing quoted and nothing to expand."""
    if len(word) == 1 and isinstance(word[0], Text) and not word[0].quoted:
        return word[0].text
    return None


# Commands


@dataclass(eq=False)
class Redirection:
    """`2>file` and the like; a here-document has its text as a word."""

    number: int
    operator: str
    word: Word


@dataclass(frozen=True)
class Simple:
    """Assignments, words and redirections."""

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirections: tuple[Redirection, ...]


@dataclass(frozen=True)
class Group:
    """`{ …; }`."""

    body: "Script"


@dataclass(frozen=True)
class Subshell:
    """`( … )`."""

    body: "Script"


@dataclass(frozen=True)
class If:
    """Conditions with what each leads to, and what else."""

    branches: "tuple[tuple[Script, Script], ...]"
    otherwise: "Script | None"


@dataclass(frozen=True)
class Loop:
    """`while`, or `until` with the sense turned round."""

    condition: "Script"
    body: "Script"
    until: bool


@dataclass(frozen=True)
class For:
    """`for name in words`; without words, over the arguments."""

    name: str
    words: tuple[Word, ...] | None
    body: "Script"


@dataclass(frozen=True)
class Case:
    """A word, and patterns with what each leads to."""

    word: Word
    branches: "tuple[tuple[tuple[Word, ...], Script], ...]"


@dataclass(frozen=True)
class Function:
    """`name() …`: it is defined, not called."""

    name: str
    body: "Compound"


@dataclass(frozen=True)
class Compound:
    """A command with a body, and the redirections behind it."""

    body: "Group | Subshell | If | Loop | For | Case"
    redirections: tuple[Redirection, ...] = ()


Command = Simple | Compound | Function


@dataclass(frozen=True)
class Pipeline:
    """Commands, each of which reads what the one before it writes."""

    commands: tuple[Command, ...]
    negated: bool = False


@dataclass(frozen=True)
class Item:
    """Pipelines joined by `&&` and `||`; with `&` behind them, nobody waits."""

    first: Pipeline
    others: tuple[tuple[str, Pipeline], ...] = ()
    in_background: bool = False


@dataclass(frozen=True)
class Script:
    """Items, one after the other."""

    items: tuple[Item, ...] = field(default=())


class SyntaxFault(Exception):
    """This is no script."""
