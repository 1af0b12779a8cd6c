"""The person's agent: the keys that it holds, and whether it is asked to sign."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Generator

import asyncssh

MOST_SIGNED = 16  # signatures a try: a key is shown to a machine once, and to each jump host


class Agent(asyncssh.SSHAgentClient):
    """A link to an agent. It may ask the person before it signs, so that a signature can take as
    long as they do.
    """

    is_asked = False
    _signed = 0

    async def sign(self, key_blob: bytes, data: bytes, flags: int = 0) -> bytes:
        """Sign, and know meanwhile that it is being done. Raises ValueError for one signature too
        many: a server may ask for the same one over and over, and the person be asked each time.
        """
        self._signed += 1
        if self._signed > MOST_SIGNED:
            raise ValueError("more signatures than keys were shown")
        with self._asked():
            return await super().sign(key_blob, data, flags)

    @contextlib.contextmanager
    def _asked(self) -> Generator[None]:
        """Until it answers, well or not. Of a question that was cut off it stays so."""
        self.is_asked = True
        try:
            yield
        except Exception:
            self.is_asked = False
            raise
        self.is_asked = False

    async def held(self) -> dict[str, asyncssh.SSHKeyPair]:
        """The keys that it holds, by the base64 part of their public halves; none where there is no
        agent that answers.
        """
        try:
            with self._asked():
                pairs = await self.get_keys()
        except (ValueError, OSError, asyncssh.Error):
            return {}
        return {base64.b64encode(pair.public_data).decode(): pair for pair in pairs}
