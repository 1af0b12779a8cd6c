"""The inside of a rented machine: files, processes, a shell and a few commands, all of them made up
in memory. Nothing of it is run, read or written on the person's computer.
"""
