"""What an order has unless it says otherwise, and how much env it may bring. It imports nothing: a
list of tools needs these, and the rest of renting only with the first call.
"""

DEFAULT_IMAGE = "vastai/base-image:@vastai-automatic-tag"
DEFAULT_LABEL = "vast-mcp"
ENV_BYTES = 32_768
ENV_TEXT = 2 * ENV_BYTES  # characters of flags: shlex takes the square of a word's length
