"""Room interactions."""
