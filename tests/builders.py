"""Small valid resources for tests; name what matters, the rest is filled in."""

import base64
import secrets
import uuid
from pathlib import Path
from typing import Any

Json = dict[str, Any]

ID_CARD = "urn:oid:2.16.156.10011.1.3"
TEST = "urn:test:identifier"


def fresh() -> str:
    """Return a text that no other test uses; it is a valid id."""
    return f"t-{uuid.uuid4().hex}"


def identifier(value: str | None = None, system: str = TEST) -> Json:
    """Return an Identifier, with a value that nobody else has unless one is given."""
    return {"system": system, "value": value or fresh()}


def patient(**elements: Any) -> Json:
    """Return a Patient with a name, a gender and whatever `elements` say."""
    return {
        "resourceType": "Patient",
        "name": [{"use": "official", "text": "陈甲子", "family": "陈", "given": ["甲子"]}],
        "gender": "female",
        **elements,
    }


def observation(**elements: Any) -> Json:
    """Return an Observation of body temperature, without a subject."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}], "text": "体温"},
        "effectiveDateTime": "2025-03-01T08:30:00+08:00",
        "valueQuantity": {"unit": "Cel", "value": 36.5},
        **elements,
    }


def encounter(**elements: Any) -> Json:
    """Return an Encounter at an outpatient clinic."""
    ambulatory = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    return {"resourceType": "Encounter", "status": "finished", "class": ambulatory, **elements}


def with_mark(mark: str, rest: str) -> str:
    """Return the text of a Patient that could be found, with `rest` as its further properties."""
    return f'{{"resourceType":"Patient","identifier":[{{"value":"{mark}"}}],{rest}}}'


def secret_key_file(folder: Path, *more: bytes) -> Path:
    """Return a new file in `folder` with a key for what is kept secret, before those that are."""
    path = folder / "secret.key"
    path.write_bytes(b"\n".join((base64.b64encode(secrets.token_bytes(32)), *more)))
    return path
