"""Lines of NDJSON may each have headers in an order of their own."""

import random
import tracemalloc

import pytest

from server.access.policy import OPEN
from server.context import Context
from server.intake.making import Making
from server.intake.rows import Row
from server.services import Interpreters, Services
from server.settings import Settings
from tests.intake import files


@pytest.fixture
def making(mongodb_url, database, tmp_path):
    settings = Settings(
        mongodb_url=mongodb_url, database=database.name, access="open", data_folder=tmp_path
    )
    services = Services.open(Interpreters.of(settings), bytes)
    services.registry.refresh()
    dataset = services.interpreters.datasets.find("InpatientFrontPage")
    yield Making(Context.of(services, OPEN, "en"), dataset)
    services.close()


def test_as_many_orders_as_there_are_lines_take_no_more_memory(making):
    page = files.front_page(1) | {"离院方式代码": "Z"}
    names = list(page)
    shuffled = random.Random(1)  # the same each time

    def read(lines):
        for number in range(lines):
            shuffled.shuffle(names)
            row = Row(number, tuple(names), tuple(page[name] for name in names))
            (made,) = making.made([row])
            assert [fault.element for fault in made.faults] == ["离院方式代码"]

    read(200)
    tracemalloc.start()
    read(400)
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert grown < 300_000
