"""The rows of an account: the user, the registered SSH keys, and templates to rent with."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, PlainValidator

from vast_mcp.vast import cells, names
from vast_mcp.vast.rows import Row


class User(Row):
    """The account, in dollars (docs/vast-api.md G): `credit` can be spent, `balance` is owed or
    held; at `autobill_threshold` of credit the saved card is charged `autobill_amount`, and at
    `balance_threshold` Vast sends its warning mail.
    """

    what: ClassVar[str] = "Account"
    never_null: ClassVar[frozenset[str]] = frozenset({"credit"})

    id: cells.Id
    balance: cells.Number = None
    credit: cells.Number = None
    autobill_threshold: cells.Number = None
    autobill_amount: cells.Number = None
    balance_threshold: cells.Number = None
    balance_threshold_enabled: cells.Flag = None


class Cloud(Row):
    """A cloud that the account is connected with, of which data is copied (docs/vast-api.md C.10);
    `cloud_type` is s3, drive and the like.
    """

    what: ClassVar[str] = "Cloud connection"

    id: cells.Id
    cloud_type: cells.Service = None


class SshKey(Row):
    """A registered SSH key; the specification calls the text `key`, the service `public_key`
    (docs/vast-api.md D).
    """

    what: ClassVar[str] = "SSH key"

    id: cells.Id
    public_key: Annotated[str, PlainValidator(cells.text)] = ""  # empty: not known


def _template_hash(value: object) -> str:
    found = names.template_hash(value)
    if found is None:
        raise ValueError("no hash")
    return found


class Template(Row):
    """What a rental needs to know of a template; `env` is a flag string there (docs/vast-api.md
    E). One is rented by its hash.
    """

    what: ClassVar[str] = "Template"
    named_by: ClassVar[str] = "hash_id"

    hash_id: Annotated[str, PlainValidator(_template_hash)] = ""
    id: cells.Whole = None
    name: cells.Text = None
    image: cells.Text = None
    tag: cells.Text = None
    runtype: cells.Text = None
    ssh_direct: cells.Flag = None
    jup_direct: cells.Flag = None
    onstart: cells.Text = Field(default=None, repr=False)
    env: cells.Text = Field(default=None, repr=False)
    desc: cells.Text = None
    recommended: cells.Flag = None
    creator_id: cells.Whole = None
    count_created: cells.Whole = None
    recommended_disk_space: cells.Amount = None
    private: cells.Flag = None
    extra_filters: Any = Field(default=None, repr=False)  # a text of JSON, or the object itself
