"""A search result in pages.

Spec: https://hl7.org/fhir/R4/http.html#paging, https://hl7.org/fhir/R4/search.html#count
"""

import base64
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from tests.api.client import link, refused
from tests.builders import fresh, patient
from tests.forgetting import forgetting

MANY = 45


@pytest.fixture(scope="module")
def family():
    return fresh().replace("-", "")


@pytest.fixture
def many(fhir, family):
    """The ids of 45 patients of one family."""
    ids = fhir.pages(f"Patient?family={family}&_count=1000")
    found = [entry["resource"]["id"] for page in ids for entry in page.get("entry", [])]
    while len(found) < MANY:
        found.append(fhir.create(patient(name=[{"family": family}]))["id"])
    return found


def ids(pages):
    return [entry["resource"]["id"] for page in pages for entry in page["entry"]]


def test_a_page_has_twenty_by_default(fhir, family, many):
    bundle = fhir.bundle(f"Patient?family={family}")
    assert len(bundle["entry"]) == 20
    assert link(bundle, "next")


@pytest.mark.parametrize("count", [1, 7, 20, 44, 45, 46])
def test_pages_hold_every_match_once(fhir, family, many, count):
    pages = fhir.pages(f"Patient?family={family}&_count={count}")
    assert sorted(ids(pages)) == sorted(many)
    assert all(len(page["entry"]) == count for page in pages[:-1])
    assert len(pages) == -(-MANY // count), "no empty page at the end"


def test_every_page_has_the_links_it_needs(fhir, family, many):
    pages = fhir.pages(f"Patient?family={family}&_count=20")
    for page in pages:
        assert link(page, "self")
        assert link(page, "first")
        assert page["type"] == "searchset"
    assert link(pages[-1], "next") is None
    first = link(pages[-1], "first").removeprefix(f"{fhir.base}/")
    assert ids([fhir.bundle(first)]) == ids(pages[:1])


def test_a_page_can_be_had_again(fhir, family, many):
    following = link(fhir.bundle(f"Patient?family={family}"), "next").removeprefix(f"{fhir.base}/")
    assert fhir.ids(following) == fhir.ids(following)


def test_paging_is_stable_while_others_write(fhir, family):
    other = fresh().replace("-", "")
    before = [fhir.create(patient(name=[{"family": other}]))["id"] for _ in range(9)]
    bundle = fhir.bundle(f"Patient?family={other}&_count=3")
    seen = ids([bundle])
    while (following := link(bundle, "next")) is not None:
        fhir.create(patient(name=[{"family": other}]))
        if seen:
            fhir.delete(f"Patient/{seen[0]}")
        bundle = fhir.bundle(following.removeprefix(f"{fhir.base}/"))
        seen += ids([bundle])
        assert len(seen) < 50
    assert set(before) <= set(seen)
    assert len(set(seen)) == len(seen)


@pytest.fixture
def forgotten(mongodb):
    """Return a function after which the database knows of nothing before but what is still so."""
    with forgetting(mongodb) as forget:

        def forgotten():
            at = mongodb.admin.command("hello")["operationTime"]
            forget((at.time, at.inc))

        yield forgotten


def begun(fhir, type, **elements):
    """Read the first of two pages in an order; return its resource and where the other is."""
    subject = {"reference": f"Patient/{fresh()}"}
    for _ in range(2):
        fhir.create({"resourceType": type, "code": {"text": "x"}, "subject": subject, **elements})
    bundle = fhir.bundle(f"{type}?subject={subject['reference']}&_sort=-_lastUpdated&_count=1")
    (entry,) = bundle["entry"]
    return entry["resource"], link(bundle, "next").removeprefix(f"{fhir.base}/")


def test_pages_go_on_when_the_database_has_forgotten_but_nothing_was_changed(fhir, forgotten):
    first, following = begun(fhir, "Flag", status="active")
    forgotten()
    bundle = fhir.bundle(following)
    (other,) = ids([bundle])
    assert other != first["id"]
    assert link(bundle, "next") is None


@pytest.mark.parametrize("language", ["zh", "en"])
def test_pages_end_when_the_database_has_forgotten_what_was_changed(
    fhir, english, forgotten, language
):
    first, following = begun(fhir, "Basic")
    assert fhir.put(f"Basic/{first['id']}", {**first, "created": "2024"}).status_code == 200
    forgotten()
    client = {"zh": fhir, "en": english}[language]
    (issue,) = refused(client.get(following), 410, language=language)
    assert {"zh": "请从第一页重新开始", "en": "start again from the first page"}[language] in (
        issue["details"]["text"]
    )
    assert fhir.get(following.partition("&_cursor=")[0]).status_code == 200


def test_count_zero_gives_the_total_only(fhir, family, many):
    """https://hl7.org/fhir/R4/search.html#count: _count=0 is the same as _summary=count."""
    bundle = fhir.bundle(f"Patient?family={family}&_count=0")
    assert bundle["total"] == MANY
    assert "entry" not in bundle
    assert link(bundle, "next") is None


def test_an_accurate_total_is_given_when_asked(fhir, family, many):
    bundle = fhir.bundle(f"Patient?family={family}&_total=accurate&_count=5")
    assert bundle["total"] == MANY
    assert len(bundle["entry"]) == 5


def test_a_total_if_given_is_right(fhir, family, many):
    for page in fhir.pages(f"Patient?family={family}&_count=20"):
        assert page.get("total", MANY) == MANY


@pytest.mark.parametrize("count", ["99999999999999999999", "9" * 5000, "0" * 5000 + "9999999"])
def test_more_than_the_largest_page_gives_that(fhir, family, many, count):
    form = f"family={family}&_count={count}".encode()
    answer = fhir.post("Patient/_search", form, Content_Type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert len(answer.json()["entry"]) == MANY


@pytest.mark.parametrize("count", ["-1", "x", "1.5", "", "１"])
def test_a_count_that_is_none_is_refused(fhir, family, count):
    refused(fhir.get(f"Patient?family={family}&_count={quote(count)}"), 400)


def test_a_count_beyond_the_limit_is_no_fault(fhir, family, many):
    """https://hl7.org/fhir/R4/search.html#count: the server may return less, never more."""
    assert fhir.get(f"Patient?family={family}&_count=100000").status_code == 200


def cursor_of(fhir, family, count=5):
    """Return the name and the text of what the next link has and the self link has not."""
    bundle = fhir.bundle(f"Patient?family={family}&_count={count}")
    here, following = (
        dict(parse_qsl(urlsplit(link(bundle, each)).query)) for each in ("self", "next")
    )
    (name,) = set(following) - set(here)
    return name, following[name]


def follow(fhir, family, name, text):
    """Ask for the page behind the cursor `text`."""
    return fhir.get(f"Patient?family={family}&_count=5&{name}={quote(text)}")


def test_a_cursor_is_short_and_does_not_tell_what_it_holds(fhir, family, many):
    _, text = cursor_of(fhir, family)
    assert len(text) < 400
    decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert family.encode() not in decoded


def test_a_cursor_works_as_it_was_given(fhir, family, many):
    name, text = cursor_of(fhir, family)
    first = fhir.ids(f"Patient?family={family}&_count=5")
    second = [each["resource"]["id"] for each in follow(fhir, family, name, text).json()["entry"]]
    assert len(set(first + second)) == 10


@pytest.mark.parametrize("place", [0, 5, -1])
def test_a_cursor_that_was_changed_is_refused(fhir, family, many, place):
    name, text = cursor_of(fhir, family)
    letters = list(text)
    letters[place] = "A" if letters[place] != "A" else "z"
    refused(follow(fhir, family, name, "".join(letters)), 400)


def test_a_cursor_of_another_search_is_refused(fhir, family, many):
    name, text = cursor_of(fhir, family)
    refused(follow(fhir, "other", name, text), 400)
    refused(fhir.get(f"Observation?{name}={text}"), 400)


@pytest.mark.parametrize("text", ["", "x", "AAAA", "🙂", "A" * 5000])
def test_a_cursor_that_never_was_is_refused(fhir, family, many, text):
    name, _ = cursor_of(fhir, family)
    refused(follow(fhir, family, name, text), 400)


@pytest.mark.parametrize("path", ["Binary?_id={ids}&_count=50", "Binary/{last}/_history?_count=50"])
def test_a_page_of_large_resources_ends_early_and_loses_nothing(fhir, path):
    """Eight times 6 MB are more than one page may hold, as search and as history."""
    large = {"resourceType": "Binary", "contentType": "text/plain", "data": "QUJD" * 1_500_000}
    stem = fresh()
    names = [f"{stem}-{number}" for number in range(8)]
    for number, name in enumerate(names):
        id = name if path.startswith("Binary?") else names[-1]
        stored = fhir.put(f"Binary/{id}", {**large, "id": id, "contentType": f"text/{number}"})
        assert stored.status_code in (200, 201)
    pages = fhir.pages(path.format(ids=",".join(names), last=names[-1]))
    assert 1 < len(pages) < 8
    told = [entry["resource"]["contentType"] for page in pages for entry in page["entry"]]
    assert sorted(told) == [f"text/{number}" for number in range(8)]
