"""A machine is waited for until it is of use, or until it is certain that it never will be."""
