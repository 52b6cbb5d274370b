"""The trail: what is recorded of every access, and how it is sealed."""
