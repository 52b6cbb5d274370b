"""HL7's own examples go in over HTTP, come back to the digit, are found, and can be deleted.

Each goes all the way through a real server, many at a time; what came of it is told below.

Spec: https://hl7.org/fhir/R4/http.html, https://hl7.org/fhir/R4/json.html
"""

import json
import os
import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from server import content
from server.access.policy import APPEND_ONLY
from server.profiles.definitions import load
from tests import nursery
from tests.api.client import Client, refused
from tests.conformance.test_structure_examples import INVALID, examples
from tests.processes import Server

AT_ONCE = 8
STAMP = ("versionId", "lastUpdated")
LARGE = 100_000
# Without white space it has 29.7 MB; a document of MongoDB holds 16.
TOO_LARGE = {"Bundle-resources.json": ("body-too-large", "it is larger than any document may be")}
REFUSED = INVALID | TOO_LARGE
# A string is searched by its beginning, and not by a whole description.
BEGINNING = 40


@dataclass(frozen=True, slots=True)
class Example:
    """One file of the package; `question` is a search that must find it, if it has one."""

    name: str
    body: bytes
    type: str
    id: str
    question: str | None

    @property
    def path(self):
        return f"{self.type}/{quote(self.id)}"


@dataclass(frozen=True, slots=True)
class Journey:
    """What came of the valid examples, by file name, and of the invalid ones."""

    examples: dict
    put: dict
    read: dict
    by_id: dict
    by_question: dict
    verified: subprocess.CompletedProcess
    deleted: dict
    after: dict
    refused: dict
    left: dict
    verified_at_the_end: subprocess.CompletedProcess


@pytest.fixture(scope="module")
def server_of_its_own(mongodb, mongodb_url, tmp_path_factory):
    log = tmp_path_factory.mktemp("examples") / "server.log"
    database = f"test_{secrets.token_hex(6)}"
    server = Server(log, mongodb_url=mongodb_url, database=database)
    server.start()
    try:
        yield server.ready()
    finally:
        server.end()
        mongodb.drop_database(database)


@pytest.fixture(scope="module")
def read_examples(r4_package):
    facts = load(content.PROFILES / "r4")
    found = []
    for name, body in examples(r4_package):
        resource = json.loads(body)
        type = resource["resourceType"]
        if type in APPEND_ONLY:
            continue
        asked = question(resource, facts.search_parameters[type].values())
        found.append(Example(name, body, type, resource["id"], asked))
    return found


@pytest.fixture(scope="module")
def journey(read_examples, server_of_its_own):
    """Send every example all the way, stage by stage: the index is verified while all is there."""
    client = Client(server_of_its_own.base)
    good = [each for each in read_examples if each.name not in REFUSED]
    bad = [each for each in read_examples if each.name in REFUSED]
    with ThreadPoolExecutor(AT_ONCE) as threads:

        def each_of(some, act):
            answers = threads.map(act, some)
            return {one.name: answer for one, answer in zip(some, answers, strict=True)}

        asking = [each for each in good if each.question]
        return Journey(
            examples={each.name: each for each in good},
            put=each_of(good, lambda one: put(client, one).status_code),
            read=each_of(good, lambda one: client.get(one.path)),
            by_id=each_of(good, lambda one: count(client, f"{one.type}?_id={one.id}")),
            by_question=each_of(asking, lambda one: count(client, f"{one.type}?{one.question}")),
            verified=verify(server_of_its_own),
            deleted=each_of(good, lambda one: client.delete(one.path).status_code),
            after=each_of(good, lambda one: client.get(one.path)),
            refused=each_of(bad, lambda one: put(client, one)),
            left=each_of(bad, lambda one: client.get(one.path).status_code),
            verified_at_the_end=verify(server_of_its_own),
        )


def put(client, example):
    """Send `example` under its own id; the answer need not repeat it."""
    return client.put(example.path, example.body, Prefer="return=minimal")


def count(client, question):
    """Return how many `question` finds, or what is said if it is refused."""
    answer = client.get(f"{question}&_summary=count")
    return answer.json()["total"] if answer.status_code == 200 else answer.text


def verify(server):
    """Run `tongkang verify` on the database of `server`."""
    environ = {**os.environ, **server.environ, "TONGKANG_LANGUAGE": "en"}
    return nursery.ran("verify", environ=environ)


def question(resource, parameters):
    """Return a search for `resource` by the first of `parameters` that it has a plain value for."""
    for parameter in sorted(parameters, key=lambda one: one.code):
        for path in (parameter.expression or "").split("|"):
            type, _, element = path.strip().partition(".")
            if type != resource["resourceType"] or not element.isalpha():
                continue
            value = searched(parameter.type, resource.get(element))
            if value:
                return f"{parameter.code}={quote(value)}&_id={resource['id']}"
    return None


def searched(kind, value):
    """Return the text that a search of type `kind` finds an element `value` by, or None."""
    text_of = {"token": coded, "string": beginning, "reference": referred}.get(kind)
    return text_of(value[0] if isinstance(value, list) else value) if text_of else None


def coded(value):
    match value:
        case {"coding": [first, *_]}:
            return coded(first)
        # The system of a ContactPoint is no URI.
        case {"system": system, "code": code} | {"system": system, "value": code} if ":" in system:
            return f"{escaped(system)}|{escaped(code)}"
        case {"code": str(code)} | {"value": str(code)} | str(code):
            return escaped(code)
        case bool():
            return str(value).lower()


def beginning(value):
    match value:
        case {"family": text} | {"text": text} | {"city": text} | str(text):
            return escaped(text[:BEGINNING])


def referred(value):
    match value:
        case {"reference": str(text)} if not text.startswith("#"):
            return escaped(text)


def escaped(text):
    """Return `text` with the characters escaped that have a meaning in a search."""
    return "".join(f"\\{letter}" if letter in "\\,|$" else letter for letter in text)


def exact(body):
    """Return `body` parsed so that two are equal only if digits and order of properties are."""
    return json.loads(body, parse_float=str, parse_int=str, object_pairs_hook=tuple)


def unstamped(resource, *, keeps_meta):
    """Return `resource`, parsed by `exact`, without what the server adds to its meta."""
    return tuple(
        (name, tuple(pair for pair in value if pair[0] not in STAMP) if name == "meta" else value)
        for name, value in resource
        if name != "meta" or keeps_meta
    )


def test_there_are_as_many_examples_as_there_should_be(journey):
    assert len(journey.examples) > 850
    assert len({each.type for each in journey.examples.values()}) > 130
    assert sum(len(each.body) > LARGE for each in journey.examples.values()) > 20


def test_every_example_is_stored(journey):
    assert {name: status for name, status in journey.put.items() if status != 201} == {}


def test_every_example_is_read_back_with_its_digits_and_its_order(journey):
    differ = []
    for name, answer in journey.read.items():
        sent, got = exact(journey.examples[name].body), exact(answer.content)
        keeps_meta = "meta" in dict(sent)
        if unstamped(got, keeps_meta=keeps_meta) != unstamped(sent, keeps_meta=keeps_meta):
            differ.append(name)
    assert differ == []


def test_what_the_server_adds_is_the_version_and_its_time(journey):
    for answer in journey.read.values():
        meta = answer.json()["meta"]
        assert meta["versionId"] == "1"
        assert meta["lastUpdated"].endswith("+08:00")


def test_every_example_is_found_by_its_id(journey):
    assert {name: number for name, number in journey.by_id.items() if number != 1} == {}


def test_every_example_is_found_by_a_value_that_it_has(journey):
    missed = {
        name: journey.examples[name].question
        for name, number in journey.by_question.items()
        if number != 1
    }
    assert missed == {}
    assert len(journey.by_question) > 800


def test_the_database_with_all_of_them_is_whole(journey):
    assert journey.verified.returncode == 0, journey.verified.stdout
    folders = (content.PROFILES, content.TERMINOLOGY)
    shipped = sum(len(list(folder.glob("[A-Z]*/*.json"))) for folder in folders)
    assert f"{len(journey.examples) + shipped} resources" in journey.verified.stdout


def test_every_example_can_be_deleted_and_is_gone(journey):
    assert set(journey.deleted.values()) == {204}
    for answer in journey.after.values():
        refused(answer, 410)


def test_those_that_cannot_be_stored_are_refused_and_leave_nothing(journey):
    assert set(journey.refused) == set(REFUSED)
    for name, answer in journey.refused.items():
        issues = refused(answer, 413 if name in TOO_LARGE else 422)
        message, reason = REFUSED[name]
        assert message in {issue["details"]["coding"][0]["code"] for issue in issues}, reason
    assert set(journey.left.values()) == {404}


def test_the_database_is_whole_at_the_end(journey):
    assert journey.verified_at_the_end.returncode == 0, journey.verified_at_the_end.stdout
