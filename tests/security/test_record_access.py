"""Records of visits and what they come to: who may send, see and decide, and what nobody learns.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html,
人口健康信息管理办法(试行) articles 8, 14
"""

from itertools import count

import orjson
import pytest

from server import door
from server.access import policy, scopes
from server.access.caller import Caller, Party
from server.access.policy import Region, Rights
from server.context import Context
from server.fhir.outcome import FhirError, Forbidden, NotFound
from server.intake.records import Visits
from server.interactions.call import Call
from server.services import Interpreters, Services
from server.settings import Settings
from tests.builders import ID_CARD, patient
from tests.visits import diagnosis, id_number, person, record

TYPE = "EncounterRecord"
ORDERS = count(1, 2)
HERE, ELSEWHERE = "350602", "110101"
UNIFIED = "https://tongkang.example/fhir/sid/unified-social-credit-code"


@pytest.fixture(scope="module")
def services(mongodb_url, database):
    settings = Settings(mongodb_url=mongodb_url, database=database.name)
    opened = Services.open(Interpreters.of(settings), bytes)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def asking(services):
    """Return what makes the function by which somebody asks: the status and what was answered."""

    def made(caller, text, *, patients=None, region=None, withheld=()):
        about = {caller.kind if caller.kind != "staff" else "user": None, "patient": patients}
        roles = services.interpreters.roles
        role = caller.role or caller.kind
        rights = policy.granted(roles, role, scopes.parse(text).clinical, about)
        access = services.access(
            Rights(caller=caller, rights=rights, region=region, withheld=frozenset(withheld))
        )
        context = Context.of(services, access, "en")

        def ask(interaction, type, resource=None, **more):
            body = b"" if resource is None else orjson.dumps(resource)
            method = {"create": "POST", "update": "PUT"}.get(interaction, more.pop("method", "GET"))
            call = Call(interaction=interaction, type=type, method=method, body=body, **more)
            try:
                result = door.perform(context, call)
            except FhirError as refusal:
                return refusal.status, refusal
            return result.status, orjson.loads(result.body) if result.body else None

        return ask

    return made


def emr(unit="a", division=HERE):
    return Caller(
        kind="system", organization=Party(f"Organization/{unit}", "示例医院"), division=division
    )


def of_unit(unit="a"):
    return Region(organizations=(f"Organization/{unit}",))


@pytest.fixture(scope="module")
def pusher(asking):
    """A system of one unit that may create records, and nothing else."""
    return asking(emr(), "system/EncounterRecord.c", region=of_unit())


@pytest.fixture(scope="module")
def keeper(asking):
    """Somebody who sees and writes everything."""
    return asking(emr(), "system/*.cruds")


@pytest.fixture
def number():
    return id_number(next(ORDERS), "19800202")


@pytest.fixture
def told(number):
    return record(person(number), diagnosis=[diagnosis("高血压", "I10.x00x002")])


def stored(keeper, told):
    query = (("identifier", told["visitNumber"]),)
    (entry,) = keeper("search-type", TYPE, query=query)[1]["entry"]
    return entry["resource"]


def test_to_send_a_record_takes_the_right_to_create_one_and_no_other(pusher, keeper, told):
    assert pusher("create", TYPE, told)[0] == 201
    who = stored(keeper, told)["resident"]["reference"]
    query = (("patient", who),)
    assert keeper("search-type", "Condition", query=query)[1]["total"] == 1
    for type in (TYPE, "Condition", "Patient", "Task", "Provenance"):
        assert isinstance(pusher("search-type", type)[1], Forbidden)


def test_the_same_again_takes_no_more_and_a_correction_the_right_to_update(pusher, asking, told):
    pusher("create", TYPE, told)
    assert pusher("create", TYPE, told)[0] == 200
    changed = {**told, "summary": "更正"}
    assert isinstance(pusher("create", TYPE, changed)[1], Forbidden)
    updater = asking(emr(), "system/EncounterRecord.cu", region=of_unit())
    assert updater("create", TYPE, changed)[0] == 200


def test_without_the_right_to_create_nobody_sends_one(asking, told):
    reader = asking(emr(), "system/EncounterRecord.rs system/Encounter.cruds")
    assert isinstance(reader("create", TYPE, told)[1], Forbidden)


def test_what_somebody_sends_who_may_not_counts_for_no_institution(asking, services, told):
    reader = asking(emr(), "system/EncounterRecord.rs")
    named = {"identifier": {"system": "urn:test:institution", "value": "uncounted"}}
    record = {**told, "institution": named, "start": "2026-02-30"}
    # The operation is refused for what it is (422), whoever asks for it.
    urls = {f"{TYPE}/a/$resolve": {"resourceType": "Parameters"}, TYPE: record}
    entries = [
        {"resource": one, "request": {"method": "POST", "url": url}} for url, one in urls.items()
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert reader("batch", None, bundle, method="POST")[0] == 403
    counted = [one.told["reporter"] for one in services.tallies.waiting(10_000)]
    assert named not in counted
    sender = asking(emr(), "system/EncounterRecord.cu")
    assert sender("batch", None, {**bundle, "entry": entries[1:]}, method="POST")[0] == 422
    counted = [one.told["reporter"] for one in services.tallies.waiting(10_000)]
    assert named in counted


def test_who_may_not_change_a_record_is_not_told_whose_it_is(services, pusher, told, number):
    """A laboratory's row would tell whether a visit of another unit is somebody's."""
    told = {**told, "visitNumber": f"V{next(ORDERS)}", "institution": {"identifier": {
        "system": UNIFIED, "value": "12350600000000000G"}}}  # fmt: skip
    assert pusher("create", TYPE, told)[0] == 201
    dataset = services.interpreters.datasets.find("LaboratoryReport")
    row = {"组织机构代码": "12350600000000000G", "门（急）诊号": told["visitNumber"],
           "患者类型代码": "1", "检验日期时间": "20260301T080000", "检验报告单编号": "R1",
           "检验项目名称": "血糖", "检验定量结果": "5.6"}  # fmt: skip
    refused = {}
    for unit, letters in (("a", "cu"), ("b", "cu"), ("a", "c")):
        about = {"system": None, "patient": None}
        scope = scopes.parse(f"system/EncounterRecord.{letters}").clinical
        rights = policy.granted(services.interpreters.roles, "system", scope, about)
        given = Rights(caller=emr(unit), rights=rights, region=of_unit(unit))
        context = Context.of(services, services.access(given), "en")
        for name in ("测试甲", "另一人"):
            read = dataset.read({**row, "姓名": name})
            (one,) = Visits(context, dataset).requests([read])
            refused[unit, letters, name] = one.refusal is not None
    assert [key for key, is_told in refused.items() if is_told] == [("a", "cu", "另一人")]


def test_somebody_whom_the_sender_may_not_see_is_found_and_not_shown(pusher, keeper, told, number):
    home = {"address": [{"use": "home", "postalCode": "100000", "text": "示例地址"}]}
    known = patient(identifier=[{"system": ID_CARD, "value": number}],
                    name=[{"text": "测试甲"}], gender="male", **home)  # fmt: skip
    id = keeper("create", "Patient", known)[1]["id"]
    status, body = pusher("create", TYPE, told)
    assert stored(keeper, told)["resident"]["reference"] == f"Patient/{id}"
    assert status == 201
    assert b"Patient/" not in orjson.dumps({**(body or {}), "resident": None})


@pytest.mark.parametrize("is_known", [True, False])
def test_the_answer_is_the_same_whether_somebody_has_the_number_or_not(
    pusher, keeper, told, number, is_known
):
    """Of a record that is about nobody: a number of somebody else, or of nobody."""
    if is_known:
        name = [{"text": "测试乙"}]
        keeper("create", "Patient", patient(identifier=[{"system": ID_CARD, "value": number}],
                                            name=name))  # fmt: skip
    else:
        told["contained"][0]["identifier"][0]["value"] = "110101198002029990"
    status, body = pusher("create", TYPE, told)
    assert (status, "resident" in (body or {})) == (201, False)
    assert "Patient/" not in orjson.dumps(body).decode().replace("#patient", "")


def test_a_resident_sees_their_own_records_and_no_others(pusher, keeper, asking, told):
    pusher("create", TYPE, told)
    pusher("create", TYPE, record(person(id_number(next(ORDERS), "19700101"))))
    mine = stored(keeper, told)
    reference = mine["resident"]["reference"]
    me = asking(
        Caller(kind="resident", person=Party(reference, "测试甲")),
        "patient/EncounterRecord.rs",
        patients=(reference,),
    )
    found = me("search-type", TYPE)[1]
    assert [one["resource"]["id"] for one in found["entry"]] == [mine["id"]]
    assert me("read", TYPE, id=mine["id"])[0] == 200
    assert isinstance(me("create", TYPE, told)[1], Forbidden)


def test_another_unit_neither_sees_nor_replaces_a_record(pusher, keeper, asking, told):
    pusher("create", TYPE, told)
    mine = stored(keeper, told)
    other = asking(emr("b", ELSEWHERE), "system/EncounterRecord.cruds", region=of_unit("b"))
    assert isinstance(other("read", TYPE, id=mine["id"])[1], NotFound)
    assert other("search-type", TYPE, query=(("identifier", told["visitNumber"]),))[1]["total"] == 0
    assert isinstance(other("create", TYPE, {**told, "summary": "改"})[1], Forbidden)
    assert stored(keeper, told) == mine


def test_a_sensitive_diagnosis_makes_the_record_sensitive(pusher, keeper, asking, number):
    told = record(person(number), diagnosis=[diagnosis("示例", "B20.x00")])
    pusher("create", TYPE, told)
    mine = stored(keeper, told)
    doctor = Caller(kind="staff", role="clinician", person=Party("Practitioner/d", "示例医生"))
    sees, sees_not = (asking(doctor, "user/*.rs", withheld=labels) for labels in ((), ("HIV",)))
    assert sees("read", TYPE, id=mine["id"])[0] == 200
    assert isinstance(sees_not("read", TYPE, id=mine["id"])[1], NotFound)


def review(keeper, services, told):
    mine = stored(keeper, told)
    return mine, services.interpreters.projections[TYPE].id(mine["id"], "review")


def resolve(ask, id, reference):
    parameter = [{"name": "patient", "valueReference": {"reference": reference}}]
    body = {"resourceType": "Parameters", "parameter": parameter}
    return ask("operation", TYPE, body, method="POST", id=id, operation="resolve")


def test_who_keeps_the_register_decides_without_seeing_the_record(pusher, keeper, services, asking):
    told = record(person(), diagnosis=[diagnosis("头晕")])
    pusher("create", TYPE, told)
    mine, task = review(keeper, services, told)
    somebody = keeper("create", "Patient", patient())[1]["id"]
    clerk = Caller(kind="staff", role="registrar", person=Party("Practitioner/r", "示例登记员"))
    registrar = asking(clerk, "user/Task.rus user/Patient.rs")
    assert registrar("read", "Task", id=task)[1]["status"] == "requested"
    assert isinstance(registrar("read", TYPE, id=mine["id"])[1], Forbidden)
    status, body = resolve(registrar, mine["id"], f"Patient/{somebody}")
    assert (status, body["status"]) == (200, "completed")
    assert stored(keeper, told)["resident"] == {"reference": f"Patient/{somebody}"}


def test_who_does_not_see_the_task_or_the_patient_decides_nothing(pusher, keeper, services, asking):
    told = record(person())
    pusher("create", TYPE, told)
    mine, _ = review(keeper, services, told)
    somebody = keeper("create", "Patient", patient())[1]["id"]
    assert isinstance(resolve(pusher, mine["id"], f"Patient/{somebody}")[1], Forbidden)
    clerk = Caller(kind="staff", role="registrar", division=ELSEWHERE)
    far = asking(clerk, "user/Task.rus user/Patient.rs", region=Region(divisions=(ELSEWHERE,)))
    assert isinstance(resolve(far, mine["id"], f"Patient/{somebody}")[1], NotFound)
    near = asking(clerk, "user/Task.rus user/Patient.rs")
    assert isinstance(resolve(near, mine["id"], "Patient/nobody")[1], NotFound)
    assert "resident" not in stored(keeper, told)


def test_no_role_of_people_or_systems_is_that_of_the_platform(asking):
    somebody = asking(emr(), "system/Task.rs")
    assert isinstance(somebody("search-type", "Task")[1], Forbidden)
