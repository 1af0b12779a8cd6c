"""The programs of a pretended machine, by name. What is not here is not found there."""

from vast_mcp.sandbox.machine.calls import Command

from .blocks import BLOCKS
from .columns import COLUMNS
from .digests import DIGESTS
from .downloading import DOWNLOADING
from .encoding import ENCODING
from .files import FILES
from .finding import FINDING
from .gpus import GPUS
from .listing import LISTING
from .plain import PLAIN
from .running import RUNNING
from .searching import SEARCHING
from .streaming import STREAMING
from .system import SYSTEM
from .text import TEXT

COMMANDS: dict[str, Command] = {
    **BLOCKS,
    **COLUMNS,
    **DIGESTS,
    **DOWNLOADING,
    **ENCODING,
    **FILES,
    **FINDING,
    **GPUS,
    **LISTING,
    **PLAIN,
    **RUNNING,
    **SEARCHING,
    **STREAMING,
    **SYSTEM,
    **TEXT,
}
