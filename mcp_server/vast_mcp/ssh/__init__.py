"""Entering machines by SSH, to see whether they let this computer in. Only what tries loads
asyncssh: half a second, in which nothing else waits.
"""
