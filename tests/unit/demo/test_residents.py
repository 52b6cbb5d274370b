"""The residents of the demo region are many, plausible, valid and always the same."""

import hashlib
import json
import re
from collections import Counter
from datetime import date, datetime
from itertools import islice, pairwise

import pytest
from fhir.resources.R4B import get_fhir_model_class

from server.content import PROFILES
from server.demo import identity
from server.demo.institutions import institutions
from server.demo.residents import REFERENCE, residents
from server.demo.shapes import encoded
from server.demo.tables import read
from server.profiles.definitions import load
from server.profiles.structure import structure_validator

SEED = 1


@pytest.fixture(scope="module")
def many():
    """Fifteen hundred residents."""
    return list(residents(1500, SEED))


@pytest.fixture(scope="module")
def region(many):
    """Four hundred of them, in whom tests look at every resource."""
    return many[:400]


@pytest.fixture(scope="module")
def resources(region):
    return [resource for resident in region for resource in resident]


@pytest.fixture(scope="module")
def fixed():
    return list(institutions())


def of_type(resources, *types):
    return [resource for resource in resources if resource["resourceType"] in types]


def references(value):
    if isinstance(value, dict):
        if "reference" in value:
            yield value["reference"]
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def digest(resident):
    return hashlib.sha256(b"\n".join(map(encoded, resident))).hexdigest()


def test_a_resident_is_the_same_however_many_are_asked_for(region):
    fewer = list(residents(20, SEED))
    assert [digest(one) for one in fewer] == [digest(one) for one in region[:20]]


def test_another_seed_gives_other_residents_with_other_ids(region):
    other = next(residents(1, SEED + 1))
    assert other[0]["id"] != region[0][0]["id"]
    assert digest(other) != digest(region[0])


def test_residents_are_made_one_at_a_time():
    first = list(islice(residents(identity.CAPACITY, SEED), 2))
    assert [resident[0]["id"] for resident in first] == ["demo-1-000000", "demo-1-000001"]


@pytest.mark.parametrize("count", [-1, identity.CAPACITY + 1])
def test_more_residents_than_id_numbers_are_refused(count):
    with pytest.raises(ValueError, match="residents"):
        residents(count, SEED)


def test_a_resident_has_about_twenty_resources(region):
    sizes = [len(resident) for resident in region]
    assert 15 <= sum(sizes) / len(sizes) <= 25
    assert max(sizes) < 100


def test_all_kinds_of_resource_and_of_visit_occur(resources):
    assert {resource["resourceType"] for resource in resources} == {
        "Patient", "RelatedPerson", "Encounter", "Observation", "Condition",
        "AllergyIntolerance", "Immunization", "MedicationRequest",
    }  # fmt: skip
    visits = of_type(resources, "Encounter")
    assert {visit["class"]["code"] for visit in visits} == {"AMB", "EMER", "IMP"}
    assert "健康体检" in {visit["type"][0]["text"] for visit in visits}


def test_institutions_are_hospitals_health_centres_and_a_cdc(fixed):
    names = [resource["name"] for resource in of_type(fixed, "Organization")]
    assert sum("卫生院" in name or "社区卫生" in name for name in names) == len(
        read().region.townships
    )
    assert sum("医院" in name for name in names) == len(read().region.counties)
    assert sum("疾病预防控制中心" in name for name in names) == 1
    assert all("演示" in name for name in names)


def test_ids_are_unique_and_have_fhir_form(resources, fixed):
    keys = [(resource["resourceType"], resource["id"]) for resource in [*fixed, *resources]]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", id) for _, id in keys)


def test_every_reference_leads_to_a_resource(resources, fixed):
    known = {f"{resource['resourceType']}/{resource['id']}" for resource in [*fixed, *resources]}
    assert {target for resource in [*fixed, *resources] for target in references(resource)} <= known


def test_every_resource_says_that_it_is_test_data(resources, fixed):
    """https://terminology.hl7.org/CodeSystem-v3-ActReason.html."""
    for resource in [*fixed, *resources]:
        labels = [(label["system"], label["code"]) for label in resource["meta"]["security"]]
        assert labels == [("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST")]


def test_every_resource_is_valid_by_an_independent_model(region, fixed):
    for resource in [*fixed[:60], *(one for resident in region[:60] for one in resident)]:
        model = get_fhir_model_class(resource["resourceType"])
        model.model_validate_json(encoded(resource))


def test_every_resource_has_the_structure_that_r4_asks_for(resources, fixed):
    structure = structure_validator(load(PROFILES / "r4"))
    for resource in [*fixed, *resources]:
        faults = structure.faults(json.loads(encoded(resource)))
        assert not faults, (resource["id"], [fault.text("en") for fault in faults])


def test_children_have_a_parent_and_grown_people_none(region):
    for patient, *rest in region:
        born = date.fromisoformat(patient["birthDate"])
        age = (REFERENCE.year - born.year) - (
            (born.month, born.day) > (REFERENCE.month, REFERENCE.day)
        )
        parents = of_type(rest, "RelatedPerson")
        assert len(parents) == (1 if age < 18 else 0)
        for parent in parents:
            assert parent["patient"]["reference"] == f"Patient/{patient['id']}"


def moments(value):
    if isinstance(value, dict):
        for name, child in value.items():
            if isinstance(child, str) and re.search("(Date|DateTime|On|start|end)$", name):
                yield child
            else:
                yield from moments(child)
    elif isinstance(value, list):
        for child in value:
            yield from moments(child)


def test_everything_happens_between_birth_and_the_reference_date(region):
    for resident in region:
        born = resident[0]["birthDate"]
        for resource in resident[1:]:
            for moment in moments(resource):
                assert born <= moment[:10] < REFERENCE.isoformat(), resource["id"]


def test_the_reference_date_can_be_chosen():
    reference = date(2020, 7, 1)
    for resident in residents(30, SEED, reference):
        assert all(m[:10] < "2020-07-01" for resource in resident for m in moments(resource))


def test_what_is_measured_at_a_visit_is_measured_during_it(region):
    for resident in region:
        periods = {
            f"Encounter/{visit['id']}": visit["period"] for visit in of_type(resident, "Encounter")
        }
        for measured in of_type(resident, "Observation"):
            period = periods[measured["encounter"]["reference"]]
            start, end, when = map(
                datetime.fromisoformat,
                (period["start"], period["end"], measured["effectiveDateTime"]),
            )
            assert start <= when <= end


def test_visits_are_numbered_in_the_order_of_their_days(region):
    for resident in region:
        starts = [visit["period"]["start"][:10] for visit in of_type(resident, "Encounter")]
        assert all(earlier <= later for earlier, later in pairwise(starts))


def test_a_resolved_illness_has_an_end_and_an_active_one_has_none(resources):
    """https://hl7.org/fhir/R4/condition.html invariants con-3, con-4."""
    for condition in of_type(resources, "Condition"):
        status = condition["clinicalStatus"]["coding"][0]["code"]
        assert (status == "resolved") == ("abatementDateTime" in condition)


def test_only_women_give_birth_and_only_men_have_a_prostate(many):
    for patient, *rest in many:
        codes = {condition["code"]["coding"][0]["code"] for condition in of_type(rest, "Condition")}
        assert not (patient["gender"] == "male" and codes & {"O80.0", "N39.0", "M17.9"})
        assert not (patient["gender"] == "female" and "N40" in codes)


def test_decimals_keep_the_digits_of_their_measure():
    digits = {measure.loinc: measure.decimals for measure in read().measures.values()}
    (resident,) = [one for one in residents(40, SEED) if one[0]["id"] == "demo-1-000007"]
    seen = Counter()
    for measured in of_type(resident, "Observation"):
        if "valueQuantity" in measured:
            text = re.search(rb'"valueQuantity":\{"value":([0-9.]+)', encoded(measured))[1].decode()
            places = len(text.partition(".")[2])
            assert places == digits[measured["code"]["coding"][0]["code"]]
            seen[places] += 1
    assert seen


def test_blood_pressure_is_one_observation_of_two_components(resources):
    panels = [
        measured
        for measured in of_type(resources, "Observation")
        if measured["code"]["coding"][0]["code"] == "85354-9"
    ]
    assert panels
    for panel in panels:
        upper, lower = (part["valueQuantity"]["value"] for part in panel["component"])
        assert 30 < lower < upper < 230


def test_chronic_illness_grows_with_age(many):
    def ill(patient, rest):
        return any(c["code"]["coding"][0]["code"] == "I10" for c in of_type(rest, "Condition"))

    young, old = Counter(), Counter()
    for patient, *rest in many:
        years = REFERENCE.year - int(patient["birthDate"][:4])
        (old if years >= 60 else young)[ill(patient, rest)] += 1
    assert old[True] / old.total() > 3 * young[True] / young.total()
