"""What was read with rights that were withdrawn meanwhile is done over; a change is done once."""

import io

import orjson
import pytest

from server.api.fhir import FhirEndpoint
from server.auth.bearer import Bearers
from server.auth.development import Wanted, token
from server.auth.tokens import Tokens
from server.services import Interpreters, Services
from server.settings import Settings
from tests.builders import patient

FORM = "application/x-www-form-urlencoded"
JSON = "application/fhir+json"
READS = [
    ("GET", "Patient", b"", ""),
    ("POST", "Patient/_search", b"gender=female", FORM),
    ("POST", "_search", b"_type=Patient", FORM),
    ("POST", "Patient/a/Observation/_search", b"status=final", FORM),
]


@pytest.fixture(scope="module")
def services(mongodb_url, database):
    settings = Settings(mongodb_url=mongodb_url, database=database.name, access="oauth")
    opened = Services.open(Interpreters.of(settings), bytes)
    opened.registry.refresh()
    opened.registry.start(working=False)
    yield opened
    opened.close()


class Withdrawing:
    """The endpoint, and a token to ask with; `whose` is withdrawn once rights were looked up."""

    def __init__(self, services):
        self.services = services
        self.bearer = self.whose = token(services, Wanted(scope="system/*.cruds"))
        self.bearers = Bearers(services, services.trail.epoch)
        self.looked_up = 0

    def authenticate(self, _services, environ):
        access = self.bearers.access(environ)
        self.looked_up += 1
        if self.looked_up == 1:
            Tokens.of(self.services).revoke(self.whose)
            self.services.trail.bump()
        return access

    def send(self, method, path, body, content_type):
        """Return the status of the answer."""
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": f"/{path}",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_AUTHORIZATION": f"Bearer {self.bearer}",
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        told = []
        FhirEndpoint(lambda: self.services, self.authenticate)(
            environ, lambda status, _headers: told.append(int(status[:3]))
        )
        return told[0]


@pytest.mark.parametrize("read", READS, ids=lambda read: f"{read[0]} {read[1]}")
def test_a_read_is_not_given_to_whom_it_is_withdrawn_from_meanwhile(services, read):
    withdrawing = Withdrawing(services)
    assert withdrawing.send(*read) == 401
    assert withdrawing.looked_up == 1


def test_a_change_is_done_once(services, database):
    withdrawing = Withdrawing(services)
    before = database["Patient"].count_documents({})
    assert withdrawing.send("POST", "Patient", orjson.dumps(patient()), JSON) == 201
    assert database["Patient"].count_documents({}) == before + 1


@pytest.mark.parametrize("read", READS[1:], ids=lambda read: read[1])
def test_what_a_search_asks_is_read_once_and_asked_again(services, read):
    """Rights of somebody else were withdrawn, so the answer is the same."""
    withdrawing = Withdrawing(services)
    withdrawing.whose = token(services, Wanted(scope="system/*.rs"))
    assert withdrawing.send(*read) == 200
    assert withdrawing.looked_up == 2
