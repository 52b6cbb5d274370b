"""What the server itself makes, built as typed models before it goes out.

The models are of R4B, which agrees with R4 in all that is made here; resources
of callers are never passed through them, because their dump alters digits.

Spec: https://hl7.org/fhir/R4/resourcelist.html
"""

from typing import Any

from fhir.resources.R4B import get_fhir_model_class


def as_json(resource: dict[str, Any]) -> bytes:
    """Return `resource`, which the server made, as JSON bytes.

    Raises ValueError if it is not what its type says.
    """
    model = get_fhir_model_class(resource["resourceType"])
    text: str = model.model_validate(resource).model_dump_json()
    return text.encode()
