"""From a requirement to machines that work: candidates, tries, checks, and what is told of them."""
