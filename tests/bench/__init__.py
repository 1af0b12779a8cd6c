"""How fast and how light, side by side in one run: `make bench`, which writes
docs/performance.md.
"""
