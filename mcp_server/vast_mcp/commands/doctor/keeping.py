"""The command that keeps a key where the official client looks for it."""

from __future__ import annotations

KEEP_KEY = "mkdir -p ~/.config/vastai && (umask 077 && cat > ~/.config/vastai/vast_api_key)"
