"""Entering machines by SSH, and what goes over an open connection. Only what enters loads asyncssh:
half a second, in which nothing else waits.
"""

from vast_mcp.ssh.lost import LineLost as LineLost
