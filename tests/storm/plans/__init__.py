"""Plans in random markets, with the service's ledger as judge, beside what agents do without them.

`python -m storm.plans` runs it (make plans). virtual.py is the time in which it runs, computers.py
the processes and their ends, market.py and worlds.py the markets and what is true of their
machines, callers.py those who want a machine, judge.py counts, report.py tells.
"""
