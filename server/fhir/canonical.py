"""Where the canonical URLs of what the project defines begin.

The name is reserved (RFC 2606), so nobody else can ever own it; a definition keeps its URL wherever
it is served from, which is why no setting changes this.

Spec: https://hl7.org/fhir/R4/references.html#canonical
"""

BASE = "https://tongkang.example/fhir"
