"""Pages of other origins hear what is wrong, too, when the database is not there."""

import pytest

from server.app import create_app
from server.settings import Settings


@pytest.fixture(scope="module")
def lone():
    """The application, whose database is nowhere."""
    url = "mongodb://127.0.0.1:1/?directConnection=true"
    settings = Settings(mongodb_url=url, access="oauth", database_timeout=0.2)
    return create_app(settings).test_client()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/fhir/Patient/a", 503),
        ("GET", "/fhir/.well-known/smart-configuration", 200),
        ("POST", "/token", 503),
        ("POST", "/register", 503),
    ],
)
def test_a_page_of_another_origin_is_answered(lone, method, path, status):
    form = {"grant_type": "refresh_token", "refresh_token": "a"} if path == "/token" else None
    headers = {"Origin": "https://page.test"}
    if path.endswith("Patient/a"):
        headers["Authorization"] = "Bearer token"
    answer = lone.open(path, method=method, headers=headers, data=form)
    assert answer.status_code == status
