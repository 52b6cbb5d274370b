"""Records of visits as an EMR system pushes them, and what comes of them."""

TYPE = "EncounterRecord"


def push(fhir, resource, status=201):
    """Post a record and return it as stored."""
    answer = fhir.post(TYPE, resource)
    assert answer.status_code == status, answer.text
    return answer.json()


def resident(stored):
    return stored["resident"]["reference"]


def conditions(fhir, stored):
    """Return the name and the verification status of each diagnosis of the resident."""
    found = fhir.bundle(f"Condition?patient={resident(stored)}").get("entry", ())
    return {
        one["resource"]["code"]["text"]: one["resource"]["verificationStatus"]["coding"][0]["code"]
        for one in found
    }


def task(fhir, stored):
    """Return the Task that waits for somebody to decide whom a record is about."""
    (entry,) = fhir.bundle(f"Task?focus={TYPE}/{stored['id']}")["entry"]
    return entry["resource"]
