"""What answers say of a volume's end and of how it is mounted."""

from __future__ import annotations

from vast_mcp.leases.labels import utc

NO_END = "No end is set: it bills until destroy_volume."
_BY = "with all that is on it, by a vast-mcp server that runs then, or vast-mcp sweep"
COPYING = "Nothing tells when a copy is whole: compare before the first is deleted."


def lease_words(until: float | None) -> str | None:
    """The sentence of a volume's lease, which ends at these epoch seconds; None without one."""
    if until is None:
        return None
    return f"Deleted at {utc(until)}, {_BY}; not while a machine holds it."


def mounting(volume_id: int) -> str:
    """Why an offer of its machine is searched."""
    volume = f'volume_info {{"volume_id": {volume_id}, "mount_path": "/workspace"}}'
    return f"an offer of its machine; then create_instance with {volume}"
