"""Files between this computer and a machine: seen on both sides, compared, moved, put in place."""
