"""The proof that a rental happens once: the real server, a pretended Vast.ai, and all that breaks
between them.

`scripts/storm` runs it. proxy.py breaks the wire, process.py runs the programs, lane.py plays the
agent, judge.py counts.
"""
