"""A handler parses a request, asks the service and encodes what it says; one module an area."""
