"""A Binary is seen as its security context is: its content by everybody who may read that, by
nobody else, whichever way it is asked for.

Spec: https://hl7.org/fhir/R4/binary-definitions.html#Binary.securityContext
"""

import pytest

from tests.security.access.shapes import person, resource
from tests.security.access.tokens import BY_NAME, FAR, NORTH, app, staff, system
from tests.security.access.wire import FHIR_JSON
from tests.security.access.world import HOSPITALS, WHOLE, World, database_name, fill, serving

SECRET = b"secret of "
CONTEXTS = {
    "bin-a": "Patient/a",
    "bin-b": "Patient/b",
    "bin-d": "Patient/d",
    "bin-doc-a": "DocumentReference/doc-a",
    "bin-doc-b": "DocumentReference/doc-b",
    "bin-hiv-d": "Condition/hiv-d",
    "bin-unit": "Organization/org-1",
    "bin-nothing": "DocumentReference/nothing",
    "bin-bare": None,
}
"""Binaries that the hospital of the north has stored, each with what it is seen as."""
_OF_A = {"bin-a", "bin-doc-a", "bin-unit"}
_OF_NORTH = _OF_A | {"bin-b", "bin-doc-b", "bin-bare"}
NORTHERN = BY_NAME["clinician-north"]
DIVISION = staff("division", "clinician", "user/*.cruds", divisions=(NORTH,), division=NORTH)
MASKED = system("masked-binary", "system/*.rs", masks={"Binary": (("data",), ())})
LIMITED = app("app-a-tagged", "patient/Binary.rs?_tag=x patient/DocumentReference.rs", "Patient/a")
TYPELESS = app("app-a-no-documents", "patient/Binary.rs patient/Patient.rs", "Patient/a")
SEEN = [
    (BY_NAME["app-a"], _OF_A),
    (BY_NAME["app-b"], {"bin-b", "bin-doc-b", "bin-unit"}),
    (BY_NAME["app-d"], {"bin-d", "bin-unit"}),
    (BY_NAME["app-d-released"], {"bin-d", "bin-unit"}),
    (BY_NAME["app-d-all"], {"bin-d", "bin-hiv-d", "bin-unit"}),
    (BY_NAME["app-a-few-types"], None),
    (BY_NAME["registrar"], None),
    (TYPELESS, {"bin-a"}),
    (LIMITED, set()),
    (DIVISION, _OF_NORTH),
    # What its own unit stored about a patient of elsewhere it sees, as with any other type.
    (NORTHERN, _OF_NORTH | {"bin-d"}),
    (BY_NAME["clinician-south"], {"bin-d", "bin-hiv-d", "bin-unit"}),
    (BY_NAME["emergency"], {"bin-d", "bin-hiv-d", "bin-unit"}),
    (staff("far", "clinician", "user/*.rs", divisions=(FAR,)), {"bin-unit"}),
    (BY_NAME["backend"], set(CONTEXTS) - {"bin-nothing"}),
]


@pytest.fixture(scope="module")
def stored(mongodb_url, tmp_path_factory):
    """A fixture world with Binaries."""
    log = tmp_path_factory.mktemp("binaries") / "server.log"
    with serving(mongodb_url, log, database_name()) as wire:
        known = fill(wire)
        for id, context in CONTEXTS.items():
            more = {"X_Security_Context": context} if context else {}
            content = SECRET + id.encode()
            token = HOSPITALS["1"]
            answer = wire.send("PUT", f"Binary/{id}", token, content, Content_Type="text/x", **more)
            assert answer.status == 201, answer.body
        yield World(wire, known)


@pytest.fixture
def wire(stored):
    return stored.wire


def ids(answer):
    keys = answer.keys()
    return {id for _, id, _ in keys}


@pytest.mark.parametrize(("token", "seen"), SEEN, ids=lambda one: getattr(one, "name", ""))
def test_who_may_read_the_context_may_read_the_content(wire, token, seen):
    for id in CONTEXTS:
        status = 403 if seen is None else 200 if id in seen else 404
        for accept in ("*/*", FHIR_JSON):
            for path in (f"Binary/{id}", f"Binary/{id}/_history/1"):
                answer = wire.get(path, token, Accept=accept)
                assert answer.status == status, (path, accept, answer.body)
                is_told = status == 200 and accept == "*/*"
                assert (answer.body == SECRET + id.encode()) == is_told
        assert wire.send("HEAD", f"Binary/{id}", token).status == status
        assert wire.get(f"Binary/{id}/_history", token).status == status
        unchanged = wire.get(f"Binary/{id}", token, If_None_Match="*")
        assert unchanged.status == (304 if status == 200 else status)


@pytest.mark.parametrize(("token", "seen"), SEEN, ids=lambda one: getattr(one, "name", ""))
def test_only_what_is_of_a_patient_or_of_no_other_resource_is_found(wire, token, seen):
    of_patients = {
        id for id, context in CONTEXTS.items() if context is None or context.startswith("Patient/")
    }
    for path in ("Binary?_count=100", "Binary/_history?_count=100"):
        answer = wire.get(path, token)
        assert answer.status == (403 if seen is None else 200)
        if seen is not None:
            assert ids(answer) == seen & of_patients
    if seen is not None:
        assert wire.get("Binary?_summary=count", token).json["total"] == len(seen & of_patients)


def test_who_sees_everything_finds_everything(wire):
    assert ids(wire.get("Binary?_count=100", WHOLE)) >= set(CONTEXTS)


@pytest.mark.parametrize(
    ("token", "id"), [(NORTHERN, "bin-hiv-d"), (NORTHERN, "bin-nothing"), (DIVISION, "bin-d")]
)
def test_what_is_not_seen_is_not_overwritten(wire, token, id):
    context = CONTEXTS[id]
    said = resource("Binary", id, contentType="text/x", securityContext={"reference": context})
    more = {"Content_Type": "text/x", "X_Security_Context": context}
    assert wire.send("PUT", f"Binary/{id}", token, b"x", **more).status == 404
    assert wire.send("PUT", f"Binary/{id}", token, said).status == 404
    request = {"method": "PUT", "url": f"Binary/{id}"}
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": said, "request": request}],
    }
    assert wire.send("POST", "", token, bundle).status == 404
    assert wire.send("DELETE", f"Binary/{id}", token).status == 204
    assert wire.get(f"Binary/{id}", WHOLE, Accept="*/*").body == SECRET + id.encode()


def test_content_is_not_put_into_the_record_of_somebody_elses_patient(wire):
    more = {"Content_Type": "text/x", "X_Security_Context": "Patient/f"}
    assert wire.send("POST", "Binary", DIVISION, b"x", **more).status == 403


def test_a_version_is_seen_as_its_own_context_and_the_current_one(wire):
    one = "Binary/moving"
    for context in ("Condition/hiv-d", "DocumentReference/doc-a"):
        said = {"securityContext": {"reference": context}, "contentType": "text/x"}
        body = resource("Binary", "moving", **said)
        assert wire.send("PUT", one, WHOLE, body).status < 300
    mine, other = BY_NAME["app-a"], BY_NAME["app-d-all"]
    assert wire.get(f"{one}/_history/2", mine).status == 200
    assert wire.get(f"{one}/_history/1", mine).status == 404
    assert wire.get(f"{one}/_history", mine).keys() == [("Binary", "moving", 2)]
    assert wire.get(f"{one}/_history/1", other).status == 404


def test_a_deletion_is_told_to_who_may_read_the_context(wire):
    said = {"securityContext": {"reference": "DocumentReference/doc-a"}, "contentType": "text/x"}
    wire.send("PUT", "Binary/gone", WHOLE, resource("Binary", "gone", **said))
    wire.send("DELETE", "Binary/gone", WHOLE)
    assert wire.get("Binary/gone", BY_NAME["app-a"], Accept="*/*").status == 410
    assert wire.get("Binary/gone", BY_NAME["app-b"], Accept="*/*").status == 404


def test_content_moves_with_its_patient(wire):
    far, near = staff("far", "clinician", "user/*.rs", divisions=(FAR,)), NORTHERN
    more = {"Content_Type": "text/x", "X_Security_Context": "Patient/c"}
    wire.send("PUT", "Binary/moves", HOSPITALS["2"], b"x", **more)
    assert [wire.get("Binary/moves", one).status for one in (far, near)] == [404, 200]
    wire.send("PUT", "Patient/c", WHOLE, person("c", FAR, 3))
    assert [wire.get("Binary/moves", one).status for one in (far, near)] == [200, 404]


def test_what_is_hidden_of_a_binary_is_not_in_its_content(wire):
    assert "data" not in wire.get("Binary/bin-a", MASKED).json
    answer = wire.get("Binary/bin-a", MASKED, Accept="*/*")
    assert (answer.status, answer.body) == (200, b"")
