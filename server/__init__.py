"""Tongkang 通康, a FHIR R4 interoperability server for Chinese population health."""
