"""The pages of what comes with the server: profiles, value sets and code systems, for everybody."""

import re
from html import unescape

import pytest
import requests

from server import content

FOLDER = content.PROFILES / "StructureDefinition"
PAGES = [
    *(("StructureDefinition", file.stem) for file in FOLDER.glob("*.json")),
    *(("ValueSet", file.stem) for file in (content.TERMINOLOGY / "ValueSet").glob("cn-*.json")),
]  # fmt: skip


@pytest.fixture(scope="module")
def get(guarded):
    """Return a function that gives the page at a path, without signing in."""

    def opened(path, language="zh"):
        return requests.get(f"{guarded.root}{path}", params={"lang": language}, timeout=30)

    return opened


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_index_leads_to_every_definition(get, language):
    page = get("/profiles", language)
    assert page.status_code == 200
    for type, id in PAGES:
        assert f'href="/profiles/{type}/{id}"' in page.text


def test_every_page_can_be_read_and_its_links_lead_on(get):
    links = set()
    for type, id in PAGES:
        page = get(f"/profiles/{type}/{id}")
        assert page.status_code == 200, id
        assert "<script" not in page.text
        assert " style=" not in page.text
        links |= set(re.findall(r'href="(/profiles/[^"?#]+)"', page.text))
    assert links <= {f"/profiles/{type}/{id}" for type, id in PAGES} | {
        link for link in links if "/CodeSystem/" in link or "/ValueSet/" in link
    }


def test_a_profile_tells_its_elements_bindings_rules_and_slices(get):
    page = unescape(get("/profiles/StructureDefinition/cn-patient", "en").text)
    for told in (
        "Identifiers", "ID number", "cn-identity-document-type", "cn-pat-1", "DE02.01.030.00",
        "urn:oid:2.16.156.10011.1.3", "value: system", "hkMoResidencePermit", "required",
    ):  # fmt: skip
        assert told in page
    page = get("/profiles/StructureDefinition/cn-patient", "zh").text
    assert "公民身份号码" in page


@pytest.mark.parametrize(
    "path",
    [
        "StructureDefinition/none",
        "ValueSet/none",
        "CodeSystem/..%2fnone",
        "Patient/demo",
        "ValueSet/",
    ],
)
def test_nothing_but_what_is_shipped_is_shown(get, path):
    assert get(f"/profiles/{path}").status_code == 404
