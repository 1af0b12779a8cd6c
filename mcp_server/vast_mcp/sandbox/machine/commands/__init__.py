"""The programs of a pretended machine, by name. What is not here is not found there."""

from vast_mcp.sandbox.machine.calls import Command

from .blocks import BLOCKS
from .digests import DIGESTS
from .files import FILES
from .finding import FINDING
from .gpus import GPUS
from .plain import PLAIN
from .running import RUNNING
from .streaming import STREAMING
from .system import SYSTEM
from .text import TEXT

COMMANDS: dict[str, Command] = {
    **BLOCKS,
    **DIGESTS,
    **FILES,
    **FINDING,
    **GPUS,
    **PLAIN,
    **RUNNING,
    **STREAMING,
    **SYSTEM,
    **TEXT,
}
