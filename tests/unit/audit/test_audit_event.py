"""An event becomes a valid AuditEvent, with the entries that the search index would compute."""

import base64
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from server import content
from server.access.caller import ANONYMOUS, Caller, Party
from server.audit import audit_event
from server.audit import event as events
from server.audit.audit_event import MOST_SHOWN, AuditEvents, parts
from server.audit.event import Event, rest
from server.interactions.call import Disclosed
from server.services import Interpreters
from server.settings import Settings
from server.store.sheaf_keys import MARKS, SOUGHT

INTERPRETERS = Interpreters.of(Settings(mongodb_url=None))
WRITER = AuditEvents(INTERPRETERS.index.entries, INTERPRETERS.zone)
DOCTOR = Caller(
    kind="staff",
    account="a1",
    person=Party("Practitioner/p1", "王医生"),
    organization=Party("Organization/o1", "第一医院"),
    division="110101",
    role="clinician",
    client=Party("emr-1", "电子病历 EMR"),
    grant="g1",
)
RESIDENT = Caller(
    kind="resident", account="a2", person=Party("Patient/x", "陈甲子"), purpose="PATRQT"
)
SYSTEM = Caller(kind="system", client=Party("lab", "检验系统"), purpose="HOPERAT")
CALLERS = (ANONYMOUS, DOCTOR, RESIDENT, SYSTEM, Caller(kind="system"))
# Without shrinking, which takes minutes here.
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
NOW = 1_795_848_756_123_000

ids = st.text("abcXYZ019-", min_size=1, max_size=64)
patients = st.builds("Patient/{}".format, st.sampled_from(["x", "y", "z", "a" * 64]) | ids)
shown = st.builds(
    Disclosed,
    st.sampled_from(["Patient", "Observation", "Encounter", "MedicationAdministration"]),
    ids,
    st.integers(1, 10_000),
    st.lists(patients, max_size=3).map(tuple),
)
some_events = st.builds(
    Event,
    act=st.sampled_from([rest("read"), rest("search-type"), rest("none"), events.SIGNED_IN]),
    caller=st.sampled_from(CALLERS),
    outcome=st.sampled_from("048"),
    reason=st.none() | st.sampled_from(["403 interaction-forbidden", "404 resource-unknown"]),
    address=st.none() | st.sampled_from(["127.0.0.1", "2001:db8::1"]),
    request=st.just("") | st.text(max_size=50),
    shown=st.lists(shown, max_size=8).map(tuple),
    concerned=st.lists(st.sampled_from(["Consent/c", "Patient/x"]), max_size=2).map(tuple),
    facts=st.just(()) | st.just((("client", "某应用 2"),)),
)


def written(event, id="0193a1b2c3d4e5f6-0000000001", now=NOW):
    body, entries = WRITER.write(event, id, now, now)
    return orjson.loads(body), entries


@settings(max_examples=50, deadline=None, phases=QUICK)
@given(some_events)
def test_it_has_what_our_profile_asks_of_it(event):
    file = content.PROFILES / "StructureDefinition" / "cn-audit-event.json"
    elements = orjson.loads(file.read_bytes())["differential"]["element"]
    asked = [one["path"].split(".")[1] for one in elements if one.get("min")]
    assert asked == ["subtype", "action", "outcome", "purposeOfEvent"]
    assert set(asked) <= written(event)[0].keys()


@settings(max_examples=150, deadline=None, phases=QUICK)
@given(some_events, st.integers(0, 4_000_000_000_000).map(lambda ms: ms * 1000))
def test_the_entries_are_those_of_the_search_index(event, now):
    resource, entries = written(event, now=now)
    marks = {name: entries.pop(name) for name in ("own", "div") if name in entries}
    assert entries == INTERPRETERS.index.entries(resource)
    assert marks == audit_event.marks(resource)


@settings(max_examples=100, deadline=None, phases=QUICK)
@given(some_events)
def test_it_can_be_sought_in_a_sheaf_by_whatever_it_has(event):
    _, entries = written(event)
    keys = {*WRITER.keys(event)}
    found = {term for term in entries["t"] if term.startswith(SOUGHT) and "/_history/" not in term}
    found |= {f"entity={one}" for one in entries.get("comp", ())}
    for name in MARKS:
        has = entries.get(name, "")
        found |= {f"={name}={one}" for one in (has if isinstance(has, list) else [has])}
    assert found <= keys


@settings(max_examples=60, deadline=None, phases=QUICK)
@given(some_events)
def test_it_is_valid(event):
    resource, _ = written(event)
    assert INTERPRETERS.structure.faults(resource) == []
    AuditEvent.model_validate_json(orjson.dumps(resource))


def test_it_says_who_read_what_for_what_and_when():
    event = Event(
        act=rest("read"),
        caller=DOCTOR,
        address="10.0.0.8",
        request="GET Observation/o",
        shown=(Disclosed("Observation", "o", 3, ("Patient/x",)),),
    )
    resource, _ = written(event)
    person, organization, client = resource["agent"]
    assert person["who"] == {"reference": "Practitioner/p1", "display": "王医生"}
    assert person["requestor"] is True
    assert person["network"]["address"] == "10.0.0.8"
    assert person["policy"] == ["urn:tongkang:grant:g1"]
    assert organization["who"]["reference"] == "Organization/o1"
    assert client["altId"] == "emr-1"
    assert resource["purposeOfEvent"][0]["coding"][0]["code"] == "TREAT"
    request, read, about = resource["entity"]
    assert base64.b64decode(request["query"]) == b"GET Observation/o"
    assert read["what"]["reference"] == "Observation/o/_history/3"
    assert about["what"]["reference"] == "Patient/x"
    said = datetime.fromisoformat(resource["recorded"])
    assert said == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=NOW)


def test_a_page_of_thousands_is_told_of_in_parts_that_name_every_version():
    page = tuple(
        Disclosed("MedicationAdministration", f"{n:064}", 12, (f"Patient/{n:064}",))
        for n in range(2 * MOST_SHOWN + 1)
    )
    named = []
    for number, part in enumerate(parts(Event(act=rest("search-type"), shown=page)), 1):
        resource, entries = written(part)
        assert entries == INTERPRETERS.index.entries(resource)
        assert base64.b64decode(resource["entity"][0]["query"]).endswith(b"%d/3" % number)
        named += [one["what"]["reference"] for one in resource["entity"] if "what" in one]
    assert {f"MedicationAdministration/{n.id}/_history/12" for n in page} <= {*named}


@pytest.mark.parametrize(
    ("status", "code"), [(200, "0"), (304, "0"), (401, "4"), (404, "4"), (500, "8"), (503, "8")]
)
def test_the_outcome_follows_from_the_status(status, code):
    assert events.outcome(status) == code


@pytest.mark.parametrize(
    ("interaction", "action"),
    [("read", "R"), ("vread", "R"), ("history-type", "R"), ("search-type", "E"), ("create", "C"),
     ("update", "U"), ("patch", "U"), ("delete", "D"), ("capabilities", "R"), ("none", "E")],
)  # fmt: skip
def test_the_action_follows_from_the_interaction(interaction, action):
    assert rest(interaction).action == action
