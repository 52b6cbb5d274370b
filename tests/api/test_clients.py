"""Clients that others wrote get along with the server: fhirpy and SMART's fhirclient.

Spec: https://hl7.org/fhir/R4/http.html
"""

import fhirclient.client
import fhirpy
import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhirclient.models.humanname import HumanName
from fhirclient.models.identifier import Identifier
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound
from requests import HTTPError

from tests.builders import ID_CARD, TEST, encounter, fresh, identifier, observation, patient

MANY = 7


@pytest.fixture
def family():
    return fresh().replace("-", "")


@pytest.fixture
def py(base):
    return fhirpy.SyncFHIRClient(base, extra_headers={"Accept-Language": "en"})


@pytest.fixture
def smart(base):
    """The server as SMART's client sees it, once it has read the CapabilityStatement."""
    client = fhirclient.client.FHIRClient(settings={"app_id": "tests", "api_base": base})
    assert client.prepare(), "an open server needs no authorization"
    yield client.server
    client.server.session.close()


def named(family, value):
    return Patient(
        {
            "resourceType": "Patient",
            "name": [{"family": family, "given": ["甲子"]}],
            "identifier": [{"system": TEST, "value": value}],
            "gender": "female",
            "birthDate": "1960-02-29",
        }
    )


class TestFhirpy:
    def test_it_counts(self, py, family):
        for _ in range(3):
            py.resource("Patient", **patient(name=[{"family": family}])).save()
        assert py.resources("Patient").search(family=family).count() == 3

    def test_it_follows_chains_and_includes(self, py, family):
        person = py.resource("Patient", **patient(name=[{"family": family}]))
        person.save()
        seen = py.resource("Observation", **observation(subject=person.to_reference()))
        seen.save()
        search = py.resources("Observation").search(patient__Patient__family=family)
        assert [one.id for one in search.fetch()] == [seen.id]
        bundle = search.include("Observation", "subject").fetch_raw()
        assert {entry.search["mode"] for entry in bundle.entry} == {"match", "include"}
        assert (
            py.resources("Patient")
            .has("Observation", "patient", status="final")
            .search(family=family)
            .first()
            .id
            == person.id
        )

    def test_it_creates_and_reads(self, py, family):
        made = py.resource("Patient", **patient(name=[{"family": family}]))
        made.save()
        assert made.id
        assert made.meta.versionId == "1"
        read = py.reference("Patient", made.id).to_resource()
        assert read.serialize() == made.serialize()
        assert read.name[0].family == family

    def test_it_searches_by_family_and_by_identifier(self, py, family):
        value = fresh()
        made = py.resource(
            "Patient", **patient(name=[{"family": family}], identifier=[identifier(value, ID_CARD)])
        ).save()
        by_family = py.resources("Patient").search(family=family).fetch()
        by_identifier = py.resources("Patient").search(identifier=f"{ID_CARD}|{value}").get()
        assert [one.id for one in by_family] == [made.id]
        assert by_identifier.id == made.id
        assert py.resources("Patient").search(identifier=f"{TEST}|{value}").first() is None

    def test_it_follows_the_pages(self, py, family):
        for _ in range(MANY):
            py.resource("Patient", **patient(name=[{"family": family}])).save()
        found = [one.id for one in py.resources("Patient").search(family=family).limit(3)]
        assert len(found) == len(set(found)) == MANY

    def test_it_updates(self, py, family):
        made = py.resource("Patient", **patient(name=[{"family": family}])).save()
        made["birthDate"] = "1960-02-29"
        made.save()
        assert made.meta.versionId == "2"
        again = py.reference("Patient", made.id).to_resource()
        assert again.birthDate == "1960-02-29"

    def test_it_updates_by_criteria(self, py, family):
        value = fresh()
        asked = py.resources("Patient").search(identifier=f"{TEST}|{value}")
        wanted = patient(name=[{"family": family}], identifier=[identifier(value)])
        first, created = asked.update(py.resource("Patient", **wanted))
        second, again = asked.update(py.resource("Patient", **wanted, active=True))
        assert (created, again) == (True, False)
        assert (first.id, second.meta.versionId) == (second.id, "2")

    def test_it_deletes(self, py, family):
        made = py.resource("Patient", **patient(name=[{"family": family}])).save()
        made.delete()
        with pytest.raises(ResourceNotFound):
            py.reference("Patient", made.id).to_resource()
        assert py.resources("Patient").search(family=family).fetch() == []

    def test_it_understands_a_refusal(self, py):
        with pytest.raises(OperationOutcome) as refusal:
            py.resource("Patient", gender="bogus").save()
        (issue,) = refusal.value.resource["issue"]
        assert issue["expression"] == ["Patient.gender"]

    def test_it_joins_resources_by_reference(self, py, family):
        made = py.resource("Patient", **patient(name=[{"family": family}])).save()
        about = {"subject": made.to_reference()}
        seen = py.resource("Observation", **observation(**about)).save()
        found = py.resources("Observation").search(patient=made.id).fetch()
        assert [one.id for one in found] == [seen.id]
        assert found[0].subject.to_resource().id == made.id


class TestSmartClient:
    def test_it_creates_and_reads(self, smart, family):
        made = Patient(named(family, fresh()).create(smart))
        read = Patient.read(made.id, smart)
        assert read.name[0].family == family
        assert read.birthDate.isostring == "1960-02-29"
        assert read.meta.versionId == "1"
        assert read.meta.lastUpdated.date.tzinfo is not None

    def test_it_searches_by_family_and_by_identifier(self, smart, family):
        value = fresh()
        made = named(family, value).create(smart)
        for asked in ({"family": family}, {"identifier": f"{TEST}|{value}"}):
            found = list(Patient.where(asked).perform_resources_iter(smart))
            assert [one.id for one in found] == [made["id"]]

    def test_it_follows_the_pages(self, smart, family):
        for _ in range(MANY):
            named(family, fresh()).create(smart)
        asked = Patient.where({"family": family, "_count": "3"})
        pages = list(asked.perform_iter(smart))
        found = [entry.resource.id for page in pages for entry in page.entry]
        assert len(pages) == 3
        assert len(found) == len(set(found)) == MANY

    def test_it_updates(self, smart, family):
        patient = Patient.read(named(family, fresh()).create(smart)["id"], smart)
        patient.name.append(HumanName({"family": family, "use": "maiden"}))
        patient.identifier = [Identifier({"system": TEST, "value": fresh()})]
        assert patient.update()["meta"]["versionId"] == "2"
        assert [name.use for name in Patient.read(patient.id, smart).name] == [None, "maiden"]

    def test_it_deletes(self, smart, family):
        patient = Patient.read(named(family, fresh()).create(smart)["id"], smart)
        assert patient.delete() is None
        with pytest.raises(HTTPError, match="410"):
            Patient.read(patient.id, smart)

    def test_it_reads_a_quantity_and_its_reference(self, smart, family):
        patient = named(family, fresh()).create(smart)
        about = {"reference": f"Patient/{patient['id']}"}
        made = Observation(observation(subject=about)).create(smart)
        (found,) = Observation.where({"patient": patient["id"]}).perform_resources_iter(smart)
        assert found.id == made["id"]
        assert found.valueQuantity.value == 36.5
        assert found.subject.resolved(Patient).id == patient["id"]

    def test_it_understands_the_capabilities(self, smart):
        (rest,) = smart.capabilityStatement.rest
        types = {resource.type for resource in rest.resource}
        assert {"Patient", "Observation", "Encounter"} <= types


@pytest.mark.parametrize(
    "made", [patient(), observation(), encounter()], ids=lambda one: one["resourceType"]
)
def test_a_third_library_accepts_what_is_read_back(fhir, made):
    stored = fhir.create(made)
    model = get_fhir_model_class(made["resourceType"])
    read = model.model_validate(fhir.read(made["resourceType"], stored["id"]))
    assert read.id == stored["id"]
    assert read.meta.versionId == "1"


@pytest.mark.parametrize(
    "path", ["metadata", "Patient?_count=5", "Patient/_history?_count=5", "Patient/none-such"]
)
def test_a_third_library_accepts_what_the_server_makes(fhir, path):
    answer = fhir.get(path).json()
    model = get_fhir_model_class(answer["resourceType"])
    assert model.model_validate(answer).get_resource_type() == answer["resourceType"]
