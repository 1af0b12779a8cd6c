"""A list of Vast's that comes in pages: whole, or an error. Half a list must not look like one."""

from __future__ import annotations

from collections.abc import Mapping

from vast_mcp import errors
from vast_mcp.vast import cells, replies
from vast_mcp.vast.models import Instance
from vast_mcp.vast.replies import Reply
from vast_mcp.vast.rows import Listing

PAGE = 25  # rows: the v1 list's maximum (docs/vast-api.md C.2)
_FIRST_PAGE = {"limit": str(PAGE), "order_by": '[{"col":"id","dir":"desc"}]'}


class Pages:
    """The v1 list of instances as far as it was read. Every method raises IncompleteList where the
    list cannot be relied on.
    """

    def __init__(self) -> None:
        self.found: dict[int, Instance] = {}
        self._nameless = 0  # rows without an id
        self._token: str | None = None  # of the page to be read next
        self._tokens: set[str] = set()

    def query(self) -> Mapping[str, str]:
        """What to ask for the next page with, newest id first."""
        if self._token is None:
            return _FIRST_PAGE
        return _FIRST_PAGE | {"after_token": self._token}

    def add(self, page: Listing[Instance]) -> None:
        """Take the rows of a page."""
        self._nameless += page.nameless
        for instance in page:
            if instance.id in self.found:
                raise errors.IncompleteList(
                    "Vast's list of instances repeated a row; it cannot be relied on."
                )
            self.found[instance.id] = instance

    def turn(self, page: Reply) -> bool:
        """Go on to the page after this one; False where there is none."""
        following: object = page.body.get("next_token")
        if following is None or following == "":
            return False
        if not isinstance(following, str):
            raise errors.IncompleteList("Vast's list of instances names no page that follows.")
        self._token = following
        if self._token in self._tokens:
            raise errors.IncompleteList(
                "Vast's list of instances repeated a page; it cannot be relied on."
            )
        self._tokens.add(self._token)
        return True

    def whole(self, last: Reply) -> Listing[Instance]:
        """Every machine, where there are as many as the last page says."""
        total, listed = _count(last.body.get("total_instances")), len(self.found) + self._nameless
        if total is not None and total != listed:
            raise errors.IncompleteList(
                f"Vast says there are {total} instances and listed {listed}."
            )
        return Listing(self.found.values(), self._nameless)


def _count(value: object) -> int | None:
    """How many rows a list says that there are; None where that cannot be read."""
    try:
        return cells.whole(value)
    except ValueError:
        return None


def rows_under(reply: Reply, key: str) -> list[object]:
    """The rows under `key`. Raises IncompleteList where there is no list: absence must not read as
    emptiness.
    """
    rows = replies.as_list(reply.body.get(key))
    if rows is None:
        raise errors.IncompleteList(
            f"Vast's answer holds no list of {key}.", http_status=reply.status
        )
    return rows
