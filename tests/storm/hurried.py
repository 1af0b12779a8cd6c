"""The official client with its patience shortened: what it runs is its own code, only `requests`
gives up sooner.

Run by the Python of its own environment, so nothing of ours is imported here. HURRIED is the factor
on the 120 s that it waits for an answer; the pauses between its attempts are its own.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from requests.adapters import HTTPAdapter
from vastai.cli.main import main


def hurry(factor: float) -> None:
    send = HTTPAdapter.send

    def sooner(
        self: Any, request: Any, stream: bool = False, timeout: Any = None, **rest: Any
    ) -> Any:
        return send(self, request, stream, timeout * factor if timeout else timeout, **rest)

    HTTPAdapter.send = sooner


if __name__ == "__main__":
    hurry(float(os.environ["HURRIED"]))
    sys.argv[0] = "vastai"
    sys.exit(main())
