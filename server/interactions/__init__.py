"""What can be asked of the server, one module for each interaction of FHIR's REST API."""
