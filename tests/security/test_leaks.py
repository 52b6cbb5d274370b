"""An error tells the caller what is wrong and nothing else; a log tells nothing about a person.

Each request here carries marks of a person: a name, a number, an id. What the server answers and
what it writes down is searched for them, and for anything of its own inside.
"""

import json
import re
import secrets

import pytest

from tests.api.client import Client, raw
from tests.builders import TEST, identifier, patient
from tests.processes import ROOT, Server, free_port, text, wait_until

NAME, NUMBER, TOWN, ID = "欧阳翠微", "350102196002291234", "朱紫坊", "r-350102196002291234"
MARKS = (NAME, "欧阳", "翠微", NUMBER, TOWN, ID)
INSIDE = re.compile(
    r"Traceback|File \\?\"|\.py\b|site-packages|pymongo|bson|mongod|werkzeug|flask|gunicorn"
    r"|/usr/|/tmp/|\"\$|'\$|E11000|object at 0x|_id|\bNone\b"
)
PASSWORD = "geheim-4711"
BROKEN = {"v": 1, "lu": 1}


def person(**elements):
    return patient(
        id=ID,
        name=[{"text": NAME, "family": "欧阳", "given": ["翠微"]}],
        identifier=[identifier(NUMBER)],
        address=[{"text": TOWN, "city": TOWN}],
        **elements,
    )


def spoiled(old, new, **elements):
    """Return the bytes of the person's resource with `old` replaced in its JSON."""
    given = json.dumps(person(**elements), ensure_ascii=False)
    assert old in given
    return given.replace(old, new, 1).encode()


REFUSED = {
    "unknown search parameter": ("GET", f"Patient?nonsense=1&family={NAME}", None, {}, 400),
    "unknown parameter of a read": ("GET", f"Patient/{ID}?nonsense=1", None, {}, 400),
    "unsupported modifier": ("GET", f"Patient?name:near={NAME}", None, {}, 400),
    "bad date beside a name": ("GET", f"Patient?birthdate=1960-13&family={NAME}", None, {}, 400),
    "bad count beside a name": ("GET", f"Patient?_count=x&identifier={NUMBER}", None, {}, 400),
    "bad cursor beside a name": ("GET", f"Patient?family={NAME}&_cursor=x", None, {}, 400),
    "version that never was": ("GET", f"Patient/{ID}/_history/99", None, {}, 404),
    "URL that means nothing": ("GET", f"Nobody/{ID}", None, {}, 404),
    "method that is not there": ("POST", f"Patient/{ID}", b"{}", {}, 405),
    "format that is not there": ("GET", f"Patient/{ID}", None, {"Accept": "image/png"}, 406),
    "version that is not current": (
        "PUT",
        f"Patient/{ID}",
        person(active=True),
        {"If_Match": 'W/"7"'},
        412,
    ),
    "criteria that match several": (
        "POST",
        "Patient",
        person(),
        {"If_None_Exist": "gender=female"},
        412,
    ),
    "criteria that nobody knows": (
        "POST",
        "Patient",
        person(),
        {"If_None_Exist": f"nonsense=1&identifier={NUMBER}"},
        400,
    ),
    "id that differs": ("PUT", "Patient/another", person(), {}, 400),
    "wrong type": ("POST", "Observation", person(), {}, 400),
    "wrong code": ("PUT", f"Patient/{ID}", spoiled("female", "bogus"), {}, 422),
    "unknown element": ("PUT", f"Patient/{ID}", person(nonsense=NAME), {}, 422),
    "element of another shape": ("PUT", f"Patient/{ID}", person(contact=NAME), {}, 422),
    "broken JSON": ("PUT", f"Patient/{ID}", spoiled("female", 'fe"male'), {}, 400),
    "not UTF-8": ("PUT", f"Patient/{ID}", spoiled("female", "女").replace(b"\xe5", b""), {}, 400),
    "repeated property": (
        "PUT",
        f"Patient/{ID}",
        spoiled('"gender"', '"gender": "male", "gender"'),
        {},
        400,
    ),
    "body of another kind": ("PUT", f"Patient/{ID}", person(), {"Content_Type": "a/b"}, 415),
    "gzip that is none": ("PUT", f"Patient/{ID}", person(), {"Content_Encoding": "gzip"}, 400),
    "nests too deep": (
        "PUT",
        f"Patient/{ID}",
        spoiled('"name": [', f'"name": {"[" * 100 + "]" * 100}, "alias": ['),
        {},
        413,
    ),
    "damaged in the database": ("GET", "Patient/damaged", None, {}, 500),
}
# Without a version, the line is refused before anyone knows what it asks.
UNREADABLE = f"GET /fhir/Patient?identifier={NUMBER}\r\nHost: x\r\n\r\n".encode()


@pytest.fixture(scope="module")
def talkative(mongodb, mongodb_url, tmp_path_factory):
    """A server that logs all it ever logs, with the person in its database."""
    database = f"test_{secrets.token_hex(6)}"
    log = tmp_path_factory.mktemp("leaks") / "server.log"
    server = Server(log, mongodb_url=mongodb_url, database=database, log_level="debug")
    server.start()
    try:
        client = Client(server.ready().base)
        client.update(person())
        client.create(patient())
        mongodb[database].Patient.insert_one({"_id": "damaged", **BROKEN, "x": NAME})
        yield server
        client.session.close()
    finally:
        server.end()
        mongodb.drop_database(database)


@pytest.fixture(scope="module")
def answers(talkative):
    """What the server answers to each of the requests, in Chinese and in English."""
    given = {}
    for language in ("zh", "en"):
        client = Client(talkative.base, {"Accept-Language": language})
        for name, (method, path, body, headers, _) in REFUSED.items():
            given[name, language] = client.request(method, path, body, **headers)
        client.session.close()
        assert raw(talkative.base, UNREADABLE).status == 400
    return given


@pytest.fixture(scope="module")
def log(talkative, answers):
    """The lines of the log, once the last of these answers is in it."""
    last = [*answers.values()][-1].headers["X-Request-Id"]
    wait_until(lambda: last in talkative.log.read_text("utf-8"))
    return talkative.log.read_text("utf-8").splitlines()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", REFUSED)
def test_an_error_names_nobody_and_shows_nothing_of_the_inside(answers, name, language):
    answer = answers[name, language]
    assert answer.status_code == REFUSED[name][-1], answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert [mark for mark in MARKS if mark in answer.text and not repeats(name, mark)] == []
    assert not INSIDE.search(answer.text), answer.text


def repeats(name, mark):
    """Tell whether the caller's own URL, not the record, has the mark that the answer repeats."""
    path = REFUSED[name][1].partition("?")[0]
    return mark in path or (mark == NUMBER and ID in path)


@pytest.mark.parametrize("name", REFUSED)
def test_headers_of_an_error_name_nobody(answers, name):
    told = " ".join(answers[name, "zh"].headers.values())
    assert not any(mark in told for mark in (NAME, NUMBER, TOWN))
    assert not INSIDE.search(told.replace("gunicorn", "")), told


def test_a_server_error_says_only_that_it_is_one(answers):
    (issue,) = answers["damaged in the database", "en"].json()["issue"]
    assert issue["code"] == "exception"
    assert "KeyError" not in issue["details"]["text"]


def test_the_log_names_nobody(log):
    told = "\n".join(log)
    assert [mark for mark in MARKS if mark in told] == []
    assert [mark for mark in MARKS if json.dumps(mark)[1:-1] in told] == []


def test_the_log_holds_no_query_no_body_and_no_trace(log):
    told = "\n".join(log)
    assert '"method":"-","interaction":"none","type":null,"status":400' in told, "the unreadable"
    for word in (
        "nonsense",
        "family",
        "birthdate",
        "If-None-Exist",
        TEST,
        "female",
        "?",
        "Traceback",
    ):
        assert word not in told, word
    assert str(ROOT) not in told


def test_every_line_of_the_log_is_json_and_every_request_has_its_own(log, answers):
    lines = [json.loads(line) for line in log]
    logged = {
        line["request_id"]: line for line in lines if line.get("logger") == "tongkang.request"
    }
    for answer in answers.values():
        line = logged[answer.headers["X-Request-Id"]]
        assert line["status"] == answer.status_code
        assert line["ms"] >= 0


def test_a_failure_of_the_server_is_logged_with_its_request_and_its_place(log, answers):
    id = answers["damaged in the database", "zh"].headers["X-Request-Id"]
    (line,) = [
        each
        for each in map(json.loads, log)
        if each.get("request_id") == id and each["logger"] != "tongkang.request"
    ]
    assert line["error"] == "KeyError"
    assert line["where"]


def test_the_figures_name_nobody(talkative, answers):
    told = text(f"{talkative.root}/metrics")
    assert "tongkang_requests_total" in told
    assert not any(mark in told for mark in MARKS)


def test_a_database_that_cannot_be_reached_is_not_described(tmp_path):
    place = f"127.0.0.1:{free_port()}"
    url = f"mongodb://keeper:{PASSWORD}@{place}/?replicaSet=hidden"
    server = Server(tmp_path / "server.log", mongodb_url=url, database_timeout=1, log_level="debug")
    server.start()
    try:
        wait_until(lambda: "Booting worker" in server.log.read_text(), 60)
        client = Client(server.base)
        answers = [client.get(f"Patient/{ID}"), client.get(f"Patient?family={NAME}")]
        client.session.close()
    finally:
        server.stop()
    for told in (*(answer.text for answer in answers), server.log.read_text("utf-8")):
        for word in (PASSWORD, "keeper", place, "hidden", NAME, "ServerSelectionTimeoutError:"):
            assert word not in told, word
    assert [answer.status_code for answer in answers] == [503, 503]
