"""What a failure of SQLite or of the disk means: a busy file, a damaged one, or no journal."""

from __future__ import annotations

from vast_mcp import errors


def unusable(exc: Exception) -> errors.JournalUnavailable:
    """The one error that stops a rental."""
    return errors.JournalUnavailable(
        f"The journal of rentals cannot be used ({type(exc).__name__}). Free space, permissions, "
        "or VAST_MCP_STATE_DIR mend it; reading still works."
    )


def is_busy(exc: BaseException) -> bool:
    """Another process has the file at this moment."""
    import sqlite3

    return (
        isinstance(exc, sqlite3.OperationalError)
        and exc.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
    )


def is_damaged(exc: Exception) -> bool:
    """The file is no whole database any more."""
    import sqlite3

    text = str(exc).lower()
    return isinstance(exc, sqlite3.DatabaseError) and (
        "malformed" in text or "not a database" in text
    )
