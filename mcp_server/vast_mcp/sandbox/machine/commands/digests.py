"""Commands that tell digests of files: sha256sum and its kin, shasum, openssl."""

import hashlib

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, options

KINDS = {
    "md5sum": "md5",
    "sha1sum": "sha1",
    "sha224sum": "sha224",
    "sha256sum": "sha256",
    "sha384sum": "sha384",
    "sha512sum": "sha512",
}


async def _digest(call: Call, path: str, kind: str) -> str:
    digest = hashlib.new(kind, usedforsecurity=False)
    async for data in call.chunks(path):
        digest.update(data)
    return digest.hexdigest()


async def sum_up(call: Call) -> int:
    """Tell the digest of each file, or with -c compare with a list of them."""
    given = options(call, "bctwz", "a")
    kind = KINDS.get(call.name, f"sha{given.get('a', '1')}")
    if "c" in given:
        return await _compared(call, kind)

    async def tell(path: str) -> None:
        digest = await _digest(call, path, kind)
        if "z" in given:
            await call.out(f"{digest}  {path}\0")
        elif "\\" in path or "\n" in path or "\r" in path:
            shown = path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
            await call.out(f"\\{digest}  {shown}\n")
        else:
            await call.out(f"{digest}  {path}\n")

    call.words = call.words or ["-"]
    return await call.each(tell)


async def _compared(call: Call, kind: str) -> int:
    status = 0
    for line in await call.lines(call.words[0] if call.words else "-"):
        wanted, _, path = line.decode("utf-8", "surrogateescape").rstrip("\n").partition("  ")
        same = await _digest(call, path, kind) == wanted
        await call.out(f"{path}: {'OK' if same else 'FAILED'}\n")
        status |= not same
    return status


async def openssl(call: Call) -> int:
    """`openssl dgst -sha256 FILE…`, and nothing else of it."""
    words = call.words
    kind = next(
        (
            word[1:]
            for word in words
            if word.startswith("-") and word[1:] in hashlib.algorithms_available
        ),
        "",
    )
    if words[:1] != ["dgst"] or not kind:
        raise Usage("only dgst with the name of a digest is here")
    short = "-r" in words
    for path in [word for word in words[1:] if not word.startswith("-")] or ["-"]:
        digest = await _digest(call, path, kind)
        shown = "stdin" if path == "-" else path
        row = f"{digest} *{shown}\n" if short else f"{kind.upper()}({shown})= {digest}\n"
        await call.out(row)
    return 0


DIGESTS: dict[str, Command] = {
    **dict.fromkeys(KINDS, sum_up),
    "shasum": sum_up,
    "openssl": openssl,
}
