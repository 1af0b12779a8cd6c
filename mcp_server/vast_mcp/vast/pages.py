"""A list of Vast's that comes in pages: whole, or an error. Half a list must not look like one."""

from __future__ import annotations

from collections.abc import Mapping

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.vast import replies
from vast_mcp.vast.models import Instance
from vast_mcp.vast.replies import Reply

PAGE = 25  # rows: the v1 list's maximum (docs/vast-api.md C.2)
_FIRST_PAGE = {"limit": str(PAGE), "order_by": '[{"col":"id","dir":"desc"}]'}


class Pages:
    """The v1 list of instances as far as it was read. Every method raises IncompleteList where the
    list cannot be relied on.
    """

    def __init__(self) -> None:
        self.found: dict[int, Instance] = {}
        self._token: str | None = None  # of the page to be read next
        self._tokens: set[str] = set()

    def query(self) -> Mapping[str, str]:
        """What to ask for the next page with, newest id first."""
        if self._token is None:
            return _FIRST_PAGE
        return _FIRST_PAGE | {"after_token": self._token}

    def add(self, instance: Instance) -> None:
        """Take a row of the page."""
        if instance.id in self.found:
            raise errors.IncompleteList(
                "Vast's list of instances repeated a row; it cannot be relied on."
            )
        self.found[instance.id] = instance

    def turn(self, page: Reply) -> bool:
        """Go on to the page after this one; False where there is none."""
        following = page.body.get("next_token")
        if not following:
            return False
        self._token = str(following)
        if self._token in self._tokens:
            raise errors.IncompleteList(
                "Vast's list of instances repeated a page; it cannot be relied on."
            )
        self._tokens.add(self._token)
        return True

    def whole(self, last: Reply) -> list[Instance]:
        """Every machine, where there are as many as the last page says."""
        total = last.body.get("total_instances")
        if isinstance(total, int) and total != len(self.found):
            raise errors.IncompleteList(
                f"Vast says there are {total} instances and listed {len(self.found)}."
            )
        return list(self.found.values())


def rows_under(reply: Reply, key: str) -> list[Json]:
    """The rows under `key`. Raises IncompleteList where there is no list: absence must not read as
    emptiness.
    """
    rows = replies.as_objects(reply.body.get(key))
    if rows is None:
        raise errors.IncompleteList(
            f"Vast's answer holds no list of {key}.", http_status=reply.status
        )
    return rows
