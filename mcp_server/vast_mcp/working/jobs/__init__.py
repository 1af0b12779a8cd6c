"""Commands in a machine as jobs: each is begun once, survives whoever began it, and is followed."""
