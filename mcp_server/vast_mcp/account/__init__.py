"""The account of the key: whose it is, which machines are ours, and what is done unasked."""
