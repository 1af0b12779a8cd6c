"""The rows of an account: the user, the registered SSH keys, and templates to rent with."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from vast_mcp.vast.rows import Row


class User(Row):
    """The account: `credit` is what can be spent, `balance` what is owed or held, both in dollars
    (docs/vast-api.md G).
    """

    id: int
    balance: float | None = None
    credit: float | None = None


class SshKey(Row):
    """A registered SSH key; the specification calls the text `key`, the service `public_key`
    (docs/vast-api.md D).
    """

    id: int
    public_key: str = Field(default="")

    @field_validator("public_key", mode="before")
    @classmethod
    def _absent_is_empty(cls, value: object) -> object:
        if value is None:
            return ""
        return value


class Template(Row):
    """What a rental needs to know of a template; `env` is a flag string there (docs/vast-api.md
    E).
    """

    id: int | None = None
    hash_id: str = ""
    name: str | None = None
    image: str | None = None
    tag: str | None = None
    runtype: str | None = None
    onstart: str | None = Field(default=None, repr=False)
    env: str | None = Field(default=None, repr=False)
    desc: str | None = None
    recommended: bool | None = None
    creator_id: int | None = None
    count_created: int | None = None
    recommended_disk_space: float | None = None
    extra_filters: Any = Field(default=None, repr=False)  # a text of JSON, or the object itself
