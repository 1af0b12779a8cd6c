"""What a secret looks like in a text that somebody wrote: keys of services by their beginnings, a
value beside a secret's name, a login in an address or a command, and the same in base64. Pure.

It is a look at shapes, and no proof: a variable's name, a path or a code word in a value's place is
none.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib

_DEEPEST = 2  # encodings around each other
_MOST_UNPACKED = 100_000  # bytes of one text

# Beginnings of keys that services give out, and what follows them.
_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:hf|gh[pousr])_[A-Za-z0-9]{16,}|A[KS]IA[A-Z0-9]{12,}"
    r"|npm_[A-Za-z0-9]{20,}|pypi-[A-Za-z0-9_-]{30,}"
    r"|(?:(?<![_-])sk-(?=[A-Za-z_-]{0,40}[0-9])|github_pat_|glpat-|dckr_pat_|r8_|nvapi-|xox[abprs]-|AIza|rpa_"
    r"|tskey-|wandb_v1_)[A-Za-z0-9_-]{10,})"
    r"|(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,999}\.[A-Za-z0-9_-]{8,}"
    r"|-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----"
    r"|hooks\.slack\.com/services/\w|discord(?:app)?\.com/api/webhooks/\d"
)
# A login in an address: of a user and a password, of a password alone, of a long token alone.
_ADDRESS = re.compile(
    r"(?<![a-z0-9])[a-z][a-z0-9+.-]{0,20}://(?:[^/\s:@]*:[^/\s@$]+|[A-Za-z0-9_-]{20,})@"
    r"|[?&](?:api_?)?(?:key|token|sig|signature|auth)=(?![$<{])[^&\s\"'$]{8,}",
    re.I,
)
# A value in a text, beside the name of a secret. One that begins with $ is a variable's, one that
# ends on a secret's name is a word of code (tokenizer.eos_token), one with folders is a path.
_NAME = (
    r"(?:token|secret|password|passwd|passphrase|credentials?|(?<![a-z])pass|(?<=_)(?:pwd|pw)"
    r"|(?:api|access|auth|account|private|secret)[_-]?key)"
)
_NOT_A_VALUE = (
    rf"(?![$<{{]|os\.|getenv|(?:~|\.)?/[\w.-]+/|[a-z_.]{{0,40}}{_NAME}(?![\w-])"
    r"|(?:none|null|true|false|auto|required)(?!\w))"
)
_REST = r"[^\s\"'$&|;<>)]"
_GIVEN = re.compile(
    rf"{_NAME}[\"']?\s*=\s*[\"']?{_NOT_A_VALUE}{_REST}{{4,}}"
    rf"|{_NAME}[\"']?\s*:\s*[\"']?{_NOT_A_VALUE}{_REST}{{6,}}"
    rf"|(?:(?<![\w-])--?[a-z-]{{0,30}}{_NAME}|auth-?token)\s+[\"']?{_NOT_A_VALUE}{_REST}{{6,}}"
    rf"|(?:password|(?:api|access)[_-]?key)\s+[\"']?(?=\S*[0-9]){_NOT_A_VALUE}{_REST}{{8,}}",
    re.I,
)
# Commands that are given a login.
_COMMAND = re.compile(
    rf"\bcurl\b[^\n|;]{{0,200}}\s(?:-u|--user)\s*[\"']?[^\s:$\"']+:(?!\$){_REST}{{3,}}"
    rf"|\blogin\b[^\n|;&]{{0,200}}\s(?:-p|--password)[\s=]*[\"']?(?![$-]){_REST}{{4,}}"
    rf"|\bsshpass\s+-p\s*[\"']?(?!\$){_REST}{{4,}}"
    r"|\blogin\s+(?:--\S+\s+){0,5}[\"']?(?=[a-z_-]*[0-9])[A-Za-z0-9_-]{20,}"
    rf"|authorization[\"']?\s*[:=]\s*[\"']?[a-z]{{1,20}}\s+(?![$<{{]){_REST}{{8,}}"
    r"|\bbearer\s+(?=[A-Za-z._~+/=-]*[0-9])[A-Za-z0-9._~+/=-]{12,}",
    re.I,
)
_SHAPES = (_KEY, _ADDRESS, _GIVEN, _COMMAND)
_CODED = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")


def holds_a_secret(text: str) -> bool:
    """Whether a text, or what it holds in base64, has the shape of a secret."""
    return _holds(text, _DEEPEST)


def _holds(text: str, depth: int) -> bool:
    if any(shape.search(text) for shape in _SHAPES):
        return True
    if not depth:
        return False
    decoded = map(_decoded, _CODED.findall(text))
    return any(_holds(inner, depth - 1) for inner in decoded if inner is not None)


def _decoded(word: str) -> str | None:
    """The text that a word is in base64, perhaps packed by gzip; None where it is none."""
    plain = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(plain + "=" * (-len(plain) % 4))
        if data.startswith(b"\x1f\x8b"):
            data = zlib.decompressobj(wbits=31).decompress(data, _MOST_UNPACKED)
        text = data.decode()
    except (binascii.Error, ValueError, zlib.error):
        return None
    return text if text.isprintable() or "\n" in text else None
