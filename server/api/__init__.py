"""FHIR over HTTP: what is asked becomes a Call, a Result becomes a response."""
