"""A small POSIX shell: what `sh` of a pretended machine reads and does."""
