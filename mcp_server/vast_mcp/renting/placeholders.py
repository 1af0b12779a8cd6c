"""Values that nobody filled in: a variable that a shell or a host was to replace, or an example's
words. Vast passes a value on as it is written, so the machine would start with the placeholder.
"""

from __future__ import annotations

import re

# Whole values. Small letters after $ may be a password; more than one {{…}} is a text of its own.
_VARIABLE = re.compile(
    r"\$[A-Z_][A-Z0-9_]*"
    r"|\$\{[^{}]*\}"
    r"|\$\{\{[^{}]*\}\}"
    r"|\{\{ *(?:[A-Z][A-Z0-9_]*"
    r"|(?:\w+[._])?(?:api_?)?(?:key|token|secret|password|user)s?(?:\.\w+)?) *\}\}"
    r"|\$\([^()]*\)"
    r"|%[A-Za-z_][A-Za-z0-9_]{2,}%"
    r"|\{(?:env|secret|secrets|input):[^{}]*\}"
)
_BRACKETED = re.compile(r"<([A-Za-z][A-Za-z0-9 _.'-]*)>|\[([A-Za-z][A-Za-z0-9 _.'-]*)\]")
# Words by which a bracket is no token of a model, as <pad> and <end_of_turn> are.
_OF_EXAMPLES = frozenset(
    re.findall(
        r"\w+",
        "your my insert enter replace password passwd secret api apikey key username hf github "
        "wandb redacted placeholder value login access auth name",
    )
)
_ALONE = frozenset({"token", "user", "id", "host", "url", "path", "email"})
_NOTHING_YET = re.compile(r"\.{3,}|\u2026+|\*{3,}|[xX]{3,40}")
_THING = r"(?:key|token|secret|password|pass|passwd|user|username|name|id|email|value|here)"
_EXAMPLE = re.compile(
    rf"(?:(?i:(?:(?:insert|enter|put|paste|add)[-_])?your(?:[-_][a-z0-9]+)*[-_]{_THING})"
    rf"|YOUR(?: [A-Z0-9]+)* {_THING.upper()}"
    r"|(?i:(?:insert|enter|put|paste)[-_][a-z0-9_-]+[-_]here)"
    r"|(?i:replace[-_]?(?:me|this)|replace[-_]with[-_].*))"
)
# A known beginning of a key, and a filler for the rest.
_UNFINISHED_KEY = re.compile(
    r"(?:hf_|sk-(?:proj-|ant-|or-)?|gh[pousr]_|github_pat_|glpat-|dckr_pat_|r8_|nvapi-|xox[bp]-|"
    r"AKIA|AIza|rpa_|tskey-|wandb_v1_)"
    r"(?:[xX]{2,}|\.{2,}|\u2026+|\*{2,}|<[^<>]*>|\[[^\[\]]*\]|(?:your|my)(?:[-_ ]?[a-z0-9]+)*)",
    re.I,
)
_WEAK = re.compile(r"change[-_ ]?me|placeholder|todo|fixme|tbd|null|undefined", re.I)
_SECRET_NAME = re.compile(r".*(?:TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIALS)", re.I)
_NOT_EXPANDED = re.compile(
    r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"
    r"|\$(?:HOME|PATH|USER|PWD|WORKSPACE|DATA_DIRECTORY|LD_LIBRARY_PATH|PYTHONPATH|PUBLIC_IPADDR"
    r"|CONTAINER_ID|VAST_[A-Z0-9_]+)\b"
)


def is_unfilled(value: str) -> bool:
    """Whether a whole value is a placeholder."""
    text = value.strip().strip("\"'")
    whole = (_VARIABLE, _NOTHING_YET, _EXAMPLE, _UNFINISHED_KEY)
    return any(pattern.fullmatch(text) for pattern in whole) or _is_bracketed(text)


def is_unfilled_variable(name: str, value: str) -> bool:
    """The same of a variable's value: its own name behind a $ is none, nor is a secret's."""
    text = value.strip()
    itself = text.strip("$").casefold() == name.casefold()
    return is_unfilled(value) or (itself and (text[:1] == "$" or _is_own_name(name, text)))


def warning_of_variable(name: str, value: str) -> str | None:
    """What is to be said of a value that is probably not what was meant. It repeats none of it."""
    is_weak = _WEAK.fullmatch(value.strip()) or value.strip().casefold() == name.casefold()
    if names_a_secret(name) and is_weak:
        return f"env: {name} has a value that nobody seems to have filled in."
    if _NOT_EXPANDED.search(value):
        return f"env: {name} names a shell variable; Vast passes it on as it is written."
    return None


def _is_bracketed(text: str) -> bool:
    """Whether it is an example's words in brackets."""
    found = _BRACKETED.fullmatch(text)
    if found is None:
        return False
    inner = (found[1] or found[2]).casefold()
    if found[1] is not None and inner in _ALONE:
        return True
    return not _OF_EXAMPLES.isdisjoint(re.split(r"[ _.'-]+", inner))


def _is_own_name(name: str, text: str) -> bool:
    """Whether a secret's value is its variable's name, letter by letter: HF_TOKEN=HF_TOKEN. A
    password may well be `password`.
    """
    return names_a_secret(name) and "_" in name and text == name


def names_a_secret(name: str) -> bool:
    """Whether a variable is called as secrets are."""
    return _SECRET_NAME.fullmatch(name) is not None
