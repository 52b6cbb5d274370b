"""The interpreter of profiles/: definitions of R4, structure validation, compartments."""
