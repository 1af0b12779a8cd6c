"""Searching the market: names of GPUs, filters that are checked twice, and what to loosen."""
