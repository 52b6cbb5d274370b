"""What the tests of jobs share: services on a database of their own."""

import pytest

from server.services import Interpreters, Services
from server.settings import Settings


@pytest.fixture(scope="module")
def services(mongodb_url, database, tmp_path_factory):
    """Services that ask nobody who they are."""
    settings = Settings(
        mongodb_url=mongodb_url,
        database=database.name,
        access="open",
        data_folder=tmp_path_factory.mktemp("data"),
    )
    opened = Services.open(Interpreters.of(settings), bytes)
    opened.registry.refresh()
    yield opened
    opened.close()
