"""R4's invariants: their FHIRPath as closures, and the check of a resource by them.

The language is as much of FHIRPath as they use; what users write is evaluated elsewhere.

Spec: https://hl7.org/fhir/R4/conformance-rules.html#constraints, http://hl7.org/fhirpath/N1/
"""
