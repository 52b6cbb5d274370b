"""The formats of resources, and the media types that name them.

Spec: https://hl7.org/fhir/R4/http.html#mime-type
"""

FHIR_JSON = "application/fhir+json"
FHIR_XML = "application/fhir+xml"
JSON_TYPES = (FHIR_JSON, "application/json", "text/json")
XML_TYPES = (FHIR_XML, "application/xml", "text/xml")
MEDIA_TYPES = (*JSON_TYPES, *XML_TYPES)
# What each word for a format stands for, as _format and CapabilityStatement.format have it.
NAMES = {"json": FHIR_JSON, "xml": FHIR_XML, **{name: name for name in MEDIA_TYPES}}
