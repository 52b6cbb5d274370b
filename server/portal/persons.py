"""The persons that a page names: what they are called, and one found by ID number."""

from collections.abc import Sequence

from server.fhir.json import Resource
from server.portal.desk import Desk
from server.profiles.identity_numbers.residents import ID_NUMBER


def name(person: Resource) -> str:
    """Return the name of a Patient, RelatedPerson or Practitioner as it is written."""
    for one in person.get("name", ()):
        if one.get("text"):
            return str(one["text"])
        if one.get("family") or one.get("given"):
            return str(one.get("family", "")) + "".join(one.get("given", ()))
    return str(person["id"])


def names(desk: Desk, patients: Sequence[str]) -> dict[str, str]:
    """Return the names of those of `patients` (``Patient/a``) that are there to be seen."""
    if not patients:
        return {}
    ids = ",".join(one.partition("/")[2] for one in patients)
    query = (("_id", ids), ("_count", str(len(patients))))
    found = {f"Patient/{one['id']}": name(one) for one in desk.search("Patient", query).matches}
    return {one: found[one] for one in patients if one in found}


def found(desk: Desk, number: str) -> str | None:
    """Return the patient (``Patient/a``) with this ID number, in its normal form.

    None if there is not exactly one that `desk` may see.
    """
    query = (("identifier", f"{ID_NUMBER}|{number}"), ("_count", "2"))
    matches = desk.search("Patient", query).matches
    return f"Patient/{matches[0]['id']}" if len(matches) == 1 else None
