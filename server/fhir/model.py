"""What the server itself makes, held against typed models before it goes out.

The models are of R4B, which agrees with R4 in all that is made here; resources
of callers are never passed through them, because their dump alters digits.

Spec: https://hl7.org/fhir/R4/resourcelist.html
"""

from typing import Any

from fhir.resources.R4B import get_fhir_model_class

from server.fhir import json


def as_json(resource: dict[str, Any]) -> bytes:
    """Return `resource`, which the server made, as JSON bytes.

    Raises ValueError if it is not what its type says.
    """
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    return json.dumps(resource)
