"""Who does not see all of a resource does not overwrite it."""

import orjson
import pytest

from server.access.policy import Masks
from server.fhir.outcome import Forbidden
from server.interactions.redaction import require_whole, shown
from server.services import Interpreters
from server.settings import Settings

INTERPRETERS = Interpreters.of(Settings())
SUBJECT = {"reference": "Patient/a", "display": "陈甲子"}
BARE = {"resourceType": "Observation", "subject": {"reference": "Patient/a"}}
TELLING = {"resourceType": "Observation", "subject": SUBJECT}


class _Access:
    def __init__(self, masks):
        self.masks = masks


class _Context:
    interpreters = INTERPRETERS

    def __init__(self, **masks):
        self.access = _Access({type: Masks(*map(frozenset, of)) for type, of in masks.items()})


def test_without_masks_bytes_stay_as_they_are():
    body = b'{"resourceType":"Patient",  "multipleBirthInteger":1.0}'
    assert shown(_Context(), body) is body


@pytest.mark.parametrize(
    ("type", "body"), [("Patient", b""), ("Observation", orjson.dumps(TELLING))]
)
def test_who_does_not_see_all_does_not_overwrite_it(type, body):
    with pytest.raises(Forbidden):
        require_whole(_Context(Patient=([], ["name"])), type, body)


@pytest.mark.parametrize("body", [b"", orjson.dumps(BARE)])
def test_who_sees_all_may_overwrite_it(body):
    require_whole(_Context(Patient=([], ["name"])), "Observation", body)
