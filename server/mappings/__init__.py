"""Room mappings."""
