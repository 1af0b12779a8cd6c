"""JSON has one name in the sandbox."""

from typing import Any

Json = dict[str, Any]
