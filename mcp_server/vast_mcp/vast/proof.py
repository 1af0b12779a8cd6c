"""Whether a program on this computer is the sandbox's service that its record speaks of.

It proves that it knows the token before the token is sent to it: the port may be another program's
by now.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import Any, cast

import anyio
import httpx

from vast_mcp import errors
from vast_mcp.vast.bodies import TooLong, body_of

PROOF_S = 10.0


class Prover:
    """Asks services on this computer for proofs, over connections of its own."""

    def __init__(self) -> None:
        # A proxy must never see loopback traffic.
        self._http = httpx.AsyncClient(trust_env=False, timeout=PROOF_S, follow_redirects=False)

    async def is_proven(self, url: str, token: str) -> bool:
        """Whether whoever answers there knows the token and has this address. Raises Unreachable
        where there is no answer in time.
        """
        nonce = secrets.token_hex(16)
        said = await self._ask("GET", f"{url}/_sandbox/hello", params={"nonce": nonce})
        right = hmac.new(token.encode(), f"{nonce} {url}".encode(), hashlib.sha256).hexdigest()
        return hmac.compare_digest(str(said.get("proof")).encode(), right.encode())

    async def end(self, url: str, token: str, why: str) -> None:
        """Ask a service that has proven itself to end. Raises Unreachable."""
        headers = {"Authorization": f"Bearer {token}"}
        await self._ask("POST", f"{url}/_sandbox/end", headers=headers, json={"why": why})

    async def _ask(self, method: str, url: str, **sent: Any) -> dict[str, Any]:
        """The object of the answer; an empty one where whoever answers has none."""
        try:
            with anyio.fail_after(PROOF_S):
                async with self._http.stream(method, url, **sent) as answer:
                    told: object = json.loads(await body_of(answer))
        except (TimeoutError, httpx.TimeoutException):
            raise errors.Unreachable(
                "The sandbox's service does not answer. `vast-mcp sandbox --reset` gives it up."
            ) from None
        except (httpx.HTTPError, httpx.StreamError, TooLong, ValueError, RecursionError):
            return {}
        if isinstance(told, dict):
            return cast("dict[str, Any]", told)
        return {}

    async def close(self) -> None:
        await self._http.aclose()
