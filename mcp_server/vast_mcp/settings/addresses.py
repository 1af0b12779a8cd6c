"""An address, read once for everybody: by the reader of URLs that browsers agree on (WHATWG, as
pydantic has it), and written one way, so that whatever is checked is what is connected to.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from pydantic_core import Url

_PORTS = {"http": 80, "https": 443}
# What that reader would forgive, and another may read otherwise: `https:/host`, a backslash,
# spaces and line breaks inside.
_PLAIN = re.compile(r"https?://[^/\\\s\x00-\x1f\x7f][^\\\s\x00-\x1f\x7f]*", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:]+\]")


@dataclass(frozen=True)
class Address:
    """An address of http or https. Host and scheme are in lower case, numbers and names of the net
    in their usual form; login, query and fragment are kept out, and said to be there.
    """

    scheme: str
    host: str  # as it stands in an address: IPv6 in brackets
    port: int
    path: str
    has_login: bool
    has_query: bool
    has_fragment: bool

    @classmethod
    def of(cls, text: str) -> Address:
        """Read a text. Raises ValueError where it is no address, or readers may differ about it.
        The error does not repeat the text, which may hold a password.
        """
        if _PLAIN.fullmatch(text) is None:
            raise ValueError
        try:
            url = Url(text)
        except ValueError:
            raise ValueError from None
        host = (url.host or "").rstrip(".")  # `localhost.` is localhost
        port = url.port or 0
        if _HOST.fullmatch(host) is None or not port:
            raise ValueError
        return cls(
            scheme=url.scheme,
            host=host,
            port=port,
            path=url.path or "",
            has_login=url.username is not None or url.password is not None,
            has_query=url.query is not None,
            has_fragment=url.fragment is not None,
        )

    @property
    def hostname(self) -> str:
        """The host without brackets."""
        return self.host.strip("[]")

    @property
    def origin(self) -> str:
        """Who answers there: scheme, host, and the port where it is not the usual one."""
        if self.port == _PORTS[self.scheme]:
            return f"{self.scheme}://{self.host}"
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine, by its host alone. A name below localhost is whatever the
        resolver says.
        """
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.hostname).is_loopback
        except ValueError:
            return False

    @property
    def is_safe(self) -> bool:
        """Whether a key may go there: over https, or without leaving this machine."""
        return self.scheme == "https" or self.is_loopback


def is_loopback(text: str) -> bool:
    """Whether a text is the address of this machine."""
    try:
        return Address.of(text).is_loopback
    except ValueError:
        return False
