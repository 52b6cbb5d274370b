"""FHIR's own vocabulary, free of storage, web and settings."""
