"""A local Vast.ai: the same wire, no money."""
