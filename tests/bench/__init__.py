"""Measurements. None of them is a test: speed is shown, not asserted."""
