"""Vast.ai's API: the only package that knows HTTP. `client.py` has one method an endpoint."""
