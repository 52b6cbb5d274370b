"""A request with `Prefer: respond-async` is answered at once, and done later.

https://hl7.org/fhir/R4/async.html
"""

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from tests import processes
from tests.builders import fresh, patient
from tests.jobs.asking import FHIR_JSON, Caller, batch_of, message
from tests.processes import wait_until


def without_links(bundle):
    return {name: value for name, value in bundle.items() if name != "link"}


def test_it_is_told_at_once_where_to_ask(caller):
    answer = caller.send("GET", "Patient", Prefer="respond-async")
    assert answer.status_code == 202
    assert answer.headers["Content-Location"].startswith(f"{caller.base}/_jobs/")
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert message(answer) == "job-accepted"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "Patient?identifier={mark}", None),
        ("GET", "?_type=Patient&identifier={mark}", None),
        ("POST", "Patient/_search", "identifier={mark}"),
        ("GET", "Patient/_history?_count=1", None),
        ("GET", "_history?_count=1", None),
        ("GET", "Patient/{mark}/*?_type=Patient", None),
        ("GET", "Patient/{mark}/$everything", None),
    ],
)
def test_the_result_is_what_it_would_have_been_at_once(caller, method, path, body):
    mark = fresh()
    resource = patient(id=mark, identifier=[{"value": mark}])
    assert caller.send("PUT", f"Patient/{mark}", resource).status_code == 201
    path, form = path.format(mark=mark), body and body.format(mark=mark)
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    now = caller.send(method, path, form, **kind)
    later = caller.wait(caller.leave(method, path, form, **kind))
    assert later.status_code == now.status_code
    # A cursor is never the same twice.
    assert without_links(later.json()) == without_links(now.json())
    assert now.json()["entry"]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_bundle_is_answered_with_its_response(caller, kind):
    system = f"urn:test:{fresh()}"
    answer = caller.wait(caller.leave("POST", "", batch_of(7, kind, system)))
    assert answer.status_code == 200
    assert answer.json()["type"] == f"{kind}-response"
    assert [one["response"]["status"] for one in answer.json()["entry"]] == ["201 Created"] * 7
    assert caller.found(system) == list(range(7))


def test_digits_and_han_come_through_as_they_are(caller):
    bundle = """{"resourceType":"Bundle","type":"transaction","entry":[{
        "request":{"method":"POST","url":"Observation"},
        "resource":{"resourceType":"Observation","status":"final","code":{"text":"体温"},
            "valueQuantity":{"value":36.50}}}]}"""
    headers = {"Content-Type": FHIR_JSON}
    answer = caller.wait(caller.leave("POST", "", bundle.encode(), **headers))
    location = answer.json()["entry"][0]["response"]["location"]
    stored = caller.send("GET", location.partition("/_history")[0])
    assert b'"value":36.50' in stored.content
    assert "体温".encode() in stored.content


def test_the_result_is_given_as_often_as_it_is_asked_for(caller):
    url = caller.leave("GET", "Patient?_count=1")
    first = caller.wait(url)
    again = caller.status(url)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    head = caller.send("HEAD", url)
    assert (head.status_code, head.content) == (200, b"")


def test_a_refusal_comes_with_its_status_in_the_language_of_who_asks(caller):
    url = caller.leave("GET", "Patient?never-heard-of=1")
    answer = caller.wait(url)
    assert answer.status_code == 400
    assert message(answer) == "search-parameter-unknown"
    chinese = caller.send("GET", url, **{"Accept-Language": "zh"})
    assert chinese.json()["language"] == "zh-CN"
    assert answer.json()["language"] == "en"


def test_what_cannot_be_read_is_a_refusal_too(caller):
    answer = caller.wait(caller.leave("POST", "", {"resourceType": "Bundle", "type": "document"}))
    assert (answer.status_code, message(answer)) == (422, "bundle-type-unfit")


def test_what_takes_no_time_is_done_at_once(caller):
    """RFC 7240: a preference may be passed over."""
    made = caller.send("POST", "Patient", patient(), Prefer="respond-async")
    assert made.status_code == 201
    read = caller.send("GET", f"Patient/{made.json()['id']}", Prefer="respond-async")
    assert read.status_code == 200
    assert caller.send("GET", "metadata", Prefer="respond-async").status_code == 200


def test_a_larger_bundle_is_taken_than_from_who_waits(caller):
    assert caller.send("POST", "", batch_of(21)).status_code == 413
    assert len(caller.wait(caller.leave("POST", "", batch_of(21))).json()["entry"]) == 21


def test_there_is_a_limit_all_the_same(caller):
    answer = caller.wait(caller.leave("POST", "", batch_of(2001)))
    assert (answer.status_code, message(answer)) == (413, "bundle-too-large")


def test_progress_grows(caller):
    url, seen = caller.leave("POST", "", batch_of(1200)), []
    while (answer := caller.status(url)).status_code == 202:
        assert int(answer.headers["Retry-After"]) >= 1
        told = answer.headers["X-Progress"]
        if "%" in told:
            seen.append(int(told.partition("(")[2].partition("/")[0]))
        time.sleep(0.1)
    assert answer.status_code == 200
    assert seen == sorted(seen)
    assert len(set(seen)) > 1


def test_what_is_cancelled_stops_at_the_next_step(caller):
    system = f"urn:test:{fresh()}"
    url = caller.leave("POST", "", batch_of(1500, system=system))
    caller.begun(url)
    answer = caller.send("DELETE", url)
    assert (answer.status_code, message(answer)) == (202, "job-cancelled")
    assert caller.status(url).status_code == 404
    assert caller.send("DELETE", url).status_code == 404
    time.sleep(2.5)
    stored = len(caller.found(system))
    assert 0 < stored < 1500
    time.sleep(1)
    assert len(caller.found(system)) == stored
    # Whoever did it does other things now.
    assert caller.wait(caller.leave("GET", "Patient?_count=1")).status_code == 200


def test_a_result_that_is_not_wanted_any_more_is_removed(caller, place, mongodb):
    url = caller.leave("GET", "Patient?_count=1")
    caller.wait(url)
    id = url.rpartition("/")[2]
    assert caller.send("DELETE", url).status_code == 202
    assert caller.status(url).status_code == 404
    for name in ("_parts", "_marks"):
        assert mongodb[place["database"]][name].count_documents({"job": id}) == 0


def test_other_methods_are_refused_by_name(caller):
    url = caller.leave("GET", "Patient?_count=1")
    for method in ("POST", "PUT", "PATCH"):
        answer = caller.send(method, url)
        assert answer.status_code == 405
        assert {"GET", "DELETE"} <= {*answer.headers["Allow"].split(", ")}
    assert "DELETE" in caller.send("OPTIONS", url).headers["Allow"]


@pytest.mark.parametrize("id", ["nobody", "0" * 32, "AAAA.BBBB-"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_job_that_never_was_is_not_found(caller, method, id):
    answer = caller.send(method, f"_jobs/{id}")
    assert (answer.status_code, message(answer)) == (404, "job-unknown")


def test_what_is_kept_is_encrypted(caller, place, mongodb):
    secret = fresh()
    url = caller.leave("GET", f"Patient?identifier={secret}")
    caller.wait(url)
    kept = [row["data"] for row in mongodb[place["database"]]["_parts"].find()]
    assert kept
    assert not any(secret.encode() in bytes(one) for one in kept)


@pytest.fixture(scope="module")
def brief(serve, place):
    """A caller of a server that keeps nothing for long, and does no jobs itself."""
    database = f"{place['database']}_brief"
    server = serve(job_expiry=4, database=database, port=processes.free_port())
    return Caller(server.base)


def test_so_many_may_wait_at_a_time_and_not_for_ever(brief):
    urls = [brief.leave("GET", "Patient") for _ in range(20)]
    answer = brief.send("GET", "Patient", Prefer="respond-async")
    assert (answer.status_code, message(answer)) == (429, "job-too-many")
    assert int(answer.headers["Retry-After"]) > 0
    waiting = brief.status(urls[-1])
    assert (waiting.status_code, waiting.headers["X-Progress"]) == (202, "queued")
    wait_until(lambda: brief.status(urls[-1]).status_code == 404, 10)
    brief.leave("GET", "Patient")


def test_a_result_expires(brief, doing, place, mongodb):
    database = mongodb[f"{place['database']}_brief"]
    doing(job_expiry=4, database=database.name)

    def is_done():
        nonlocal answer, url
        url = brief.leave("GET", "Patient")
        answer = brief.wait(url)
        return answer.status_code == 200

    answer = url = None
    wait_until(is_done, 60)  # the process takes its time to start
    expires = parsedate_to_datetime(answer.headers["Expires"])
    assert expires < datetime.now(UTC) + timedelta(seconds=5)
    wait_until(lambda: brief.status(url).status_code == 404, 10)
    for name in ("_queue", "_parts", "_marks"):
        indexes = database[name].index_information().values()
        assert any(one.get("expireAfterSeconds") == 0 for one in indexes)
