"""Room access."""
