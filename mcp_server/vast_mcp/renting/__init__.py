"""One order becomes one machine, within what the person allows (docs/protocol.md)."""
