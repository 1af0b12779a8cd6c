"""What people look at in a terminal and on paper: offers, machines, and where the money went.

Every figure is a tool's own answer, by a client in this process whose server may only look.
"""
