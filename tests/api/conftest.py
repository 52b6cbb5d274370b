"""The client that the tests of the HTTP face speak through."""

import pytest

from tests.api.client import Client
from tests.api.xml import FHIR_XML
from tests.builders import fresh, patient


@pytest.fixture
def base(server: str) -> str:
    """Return the FHIR base URL of the running server."""
    url = server.rstrip("/")
    return url if url.endswith("/fhir") else f"{url}/fhir"


@pytest.fixture
def fhir(base: str):
    """Return a client that says nothing of its language."""
    client = Client(base)
    yield client
    client.session.close()


@pytest.fixture
def english(base: str):
    """Return a client that reads English."""
    client = Client(base, {"Accept-Language": "en"})
    yield client
    client.session.close()


@pytest.fixture
def mark(fhir):
    """An identifier value that must not be found afterwards, when the server must still work."""
    value = fresh()
    yield value
    assert fhir.ids(f"Patient?identifier={value}") == []
    assert fhir.post("Patient", patient()).status_code == 201


@pytest.fixture
def xml(base):
    """A client that sends XML and asks for it."""
    client = Client(base, {"Accept": FHIR_XML, "Content-Type": FHIR_XML})
    yield client
    client.session.close()
