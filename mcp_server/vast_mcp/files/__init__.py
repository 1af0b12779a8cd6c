"""The person's files: which of them may be read and written, and how without being led astray."""
