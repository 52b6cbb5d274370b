"""The client that the tests of the HTTP face speak through."""

from itertools import count

import pytest

from tests.api.client import Client
from tests.api.xml import FHIR_XML
from tests.builders import fresh, patient
from tests.visits import diagnosis, id_number, person, record, result

ORDERS = count(1, 2)


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


@pytest.fixture
def number():
    """The ID number of somebody whom nobody has heard of."""
    return id_number(next(ORDERS), f"19{next(ORDERS) % 60 + 20}0115")


@pytest.fixture
def told(number):
    """The record of a visit of somebody new: two diagnoses and a result."""
    return record(
        person(number),
        diagnosis=[diagnosis("高血压", "I10.x00x002", rank=1), diagnosis("头晕", rank=2)],
        result=[result(5.6)],
    )
