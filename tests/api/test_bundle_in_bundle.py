"""Bundles that a transaction stores as resources: their links are their own.

Spec: https://hl7.org/fhir/R4/bundle.html#references, https://hl7.org/fhir/R4/http.html#trules
"""

from tests.api.bundles import about, created, done, path, transaction, urn, why
from tests.builders import patient


def collection(*resources):
    """Return a Bundle of `resources`, each with its fullUrl."""
    entries = [{"fullUrl": url, "resource": one} for url, one in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def test_links_within_a_stored_bundle_stay_as_they_are(fhir):
    one, other = urn(), urn()
    inner = collection((one, patient()), (other, about(one)))
    (answered,) = done(fhir.post("", transaction(created(inner))))
    assert fhir.get(path(answered)).json()["entry"] == inner["entry"]


def test_what_a_stored_bundle_has_itself_is_not_what_has_the_same_name_outside(fhir):
    one = urn()
    inner = collection((one, patient()), (urn(), about(one)))
    sent = transaction(created(patient(), one), created(inner), created(about(one)))
    made, stored, told = done(fhir.post("", sent))
    assert fhir.get(path(stored)).json()["entry"] == inner["entry"]
    assert fhir.get(path(told)).json()["subject"]["reference"] == path(made)


def test_a_link_out_of_a_stored_bundle_is_replaced(fhir):
    one = urn()
    inner = collection((urn(), about(one)))
    made, stored = done(fhir.post("", transaction(created(patient(), one), created(inner))))
    (entry,) = fhir.get(path(stored)).json()["entry"]
    assert entry["resource"]["subject"]["reference"] == path(made)


def test_a_link_out_of_a_stored_bundle_to_nothing_is_refused(fhir):
    inner = collection((urn(), about(urn())))
    assert why(fhir.post("", transaction(created(inner))), 400) == "reference-unresolved"
