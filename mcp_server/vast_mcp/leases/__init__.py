"""How long a rental may live: the lease in its label, and the watchdog that keeps it inside."""
