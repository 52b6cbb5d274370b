"""The command `tongkang`."""
