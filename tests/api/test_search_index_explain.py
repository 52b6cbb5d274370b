"""Every common search is answered from an index, whatever the size of the region.

What is looked at are the very commands that the search sends to MongoDB, on a demo region with
a few thousand resources.
"""

import itertools
from collections import defaultdict
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from pymongo import MongoClient
from pymongo.monitoring import CommandListener

from server.access.policy import OPEN
from server.context import Context
from server.demo import institutions, residents, shapes
from server.door import perform
from server.interactions.call import Call
from server.interactions.writing import draft, parsed
from server.search.paging import Cursors
from server.services import Interpreters, Services
from server.settings import Settings
from server.store.database import Store

RESIDENTS = 120
PAGE = 20
MOST_SORTED = 1000
SESSION = {"lsid", "$db", "$clusterTime", "$readPreference", "maxTimeMS", "txnNumber"}


class Heard(CommandListener):
    """Keeps the searches that were sent, but for what the server keeps for itself."""

    def __init__(self):
        self.commands = []

    def started(self, event):
        if event.command_name in ("find", "aggregate"):
            kept = {name: value for name, value in event.command.items() if name not in SESSION}
            if not kept[event.command_name].startswith("_"):
                self.commands.append(kept)

    def succeeded(self, event):
        """What came of it is asked by an explain."""

    failed = succeeded


@pytest.fixture(scope="module")
def heard():
    return Heard()


@pytest.fixture(scope="module")
def context(mongodb_url, database, heard):
    """All that a search needs, on the demo region, with somebody listening."""
    interpreters = Interpreters.of(Settings())
    with MongoClient(mongodb_url, tz_aware=True, event_listeners=[heard]) as client:
        store = Store.open(client, database.name, interpreters.indexes.indexes, interpreters.zone)
        services = Services(interpreters, store, Cursors(store.secret), bytes)
        context = Context.of(services, OPEN, "zh")
        load(context)
        yield context


def load(context):
    made = itertools.chain(
        institutions.institutions(),
        itertools.chain.from_iterable(residents.residents(RESIDENTS, 1)),
    )
    drafts = defaultdict(list)
    for each in made:
        call = Call(interaction="update", type=each["resourceType"], body=shapes.encoded(each))
        drafts[call.type].append(draft(context, call.type, each["id"], *parsed(context, call)))
    for of_type in drafts.values():
        assert context.resources.create_many(of_type) == len(of_type)


@pytest.fixture(scope="module")
def someone(context):
    """The Patient of the region with the most to find, as parameters name them."""
    observations, _ = context.resources.search(
        "Observation", {}, ordered(context, "Observation"), 100_000
    )
    assert len(observations) > 1000
    about = defaultdict(list)
    for each in map(orjson.loads, (document["raw"] for document in observations)):
        about[each["subject"]["reference"].removeprefix("Patient/")].append(each)
    id, seen = max(about.items(), key=lambda item: len(item[1]))
    coding = seen[0]["code"]["coding"][0]
    patient = orjson.loads(context.resources.read("Patient", id).body)
    number = patient["identifier"][0]
    return {
        "id": id,
        "code": f"{coding['system']}|{coding['code']}",
        "day": seen[0]["effectiveDateTime"][:10],
        "identifier": f"{number['system']}|{number['value']}",
        "family": patient["name"][0].get("family", patient["name"][0].get("text", ""))[:1],
    }


def ordered(context, type):
    queries = context.interpreters.queries
    return queries.ready(queries.compile(type, []), context.resources).order


def answer(context, path):
    type, _, query = path.partition("?")
    call = Call(interaction="search-type", type=type, query=tuple(parse_qsl(query)))
    return orjson.loads(perform(context, call).body)


def next_page(context, bundle):
    (url,) = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
    parts = urlsplit(url)
    return answer(context, f"{parts.path.rpartition('/')[2]}?{parts.query}")


def stages(plan):
    """Yield every stage of an explanation, whatever it is nested in, but for plans not taken."""
    if isinstance(plan, dict):
        if "stage" in plan:
            yield plan
        for name, value in plan.items():
            if name != "rejectedPlans":
                yield from stages(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from stages(value)


def explained(database, command):
    return database.command("explain", command, verbosity="executionStats")


def scans(explanation):
    """Tell whether a whole collection is read."""
    return any(stage["stage"] in ("COLLSCAN", "scan") for stage in stages(explanation))


def most_sorted(explanation):
    """Return how many documents are sorted in memory at most."""
    sorting = (stage for stage in stages(explanation) if stage["stage"].lower() == "sort")
    return max((stage.get("inputStage", {}).get("nReturned", 0) for stage in sorting), default=0)


CLASSES = {
    "identifier": "Patient?identifier={identifier}",
    "identifier that nobody has": "Patient?identifier=x",
    "family prefix": "Patient?family={family}",
    "family prefix and gender": "Patient?family={family}&gender=female",
    "patient": "Observation?patient={id}",
    "subject": "Observation?subject=Patient/{id}",
    "patient, code": "Observation?patient={id}&code={code}",
    "patient, code, date": "Observation?patient={id}&code={code}&date=ge2020-01-01",
    "patient, code, newest first": "Observation?patient={id}&code={code}&date=ge2020&_sort=-date",
    "patient, code, oldest first": "Observation?patient={id}&code={code}&date=ge2020&_sort=date",
    "code": "Observation?code={code}",
    "code, date": "Observation?code={code}&date=ge2025-01-01&date=lt2026-01-01",
    "one day": "Observation?date={day}",
    "date range": "Observation?date=ge2025-06-01&date=lt2025-07-01",
    "encounters of a patient by date": "Encounter?patient={id}&date=ge2020-01-01",
    "_lastUpdated": "Observation?_lastUpdated=ge2020-01-01",
    "_lastUpdated, newest first": "Observation?_lastUpdated=ge2020-01-01&_sort=-_lastUpdated",
    "_id": "Patient?_id={id}",
    "several _id": "Patient?_id={id},none",
    "chain": "Observation?patient.identifier={identifier}",
    "chain whose far end is broad": "Observation?patient.gender=female",
    "chain and code": "Observation?patient.gender=female&code={code}",
    "_has": "Patient?_has:Observation:patient:code={code}",
    "include": "Encounter?patient={id}&_include=Encounter:subject",
    "reverse include": "Patient?_id={id}&_revinclude=Observation:subject",
    "sound": "Patient?phonetic={family}",
    "substring": "Patient?name:contains={family}",
    "words": "Observation?_content=final",
    "not": "Observation?code:not={code}",
    "filter": "Patient?_filter=gender eq female and birthdate ge 1950-01-01",
    "order on demand": "Observation?_sort=-code",
    "compartment": "Encounter?patient={id}&_tag:missing=true",
    "everything": "Observation",
    "everything, newest first": "Observation?_sort=-date",
}


@pytest.mark.parametrize("path", CLASSES.values(), ids=CLASSES)
def test_a_search_reads_from_an_index_and_sorts_little(context, heard, database, someone, path):
    heard.commands.clear()
    asked = path.format(**someone)
    found = answer(context, f"{asked}{'&' if '?' in asked else '?'}_count={PAGE}")
    if any(link["relation"] == "next" for link in found["link"]):
        next_page(context, found)
        assert len(heard.commands) > 1
    assert bool(found.get("entry")) == (path != CLASSES["identifier that nobody has"])
    assert heard.commands
    for command in list(heard.commands):
        explanation = explained(database, command)
        assert not scans(explanation), command
        assert most_sorted(explanation) <= MOST_SORTED, command


@pytest.mark.parametrize(
    "path",
    [
        "Observation?patient={id}",
        "Observation?code={code}",
        "Observation?date=ge2020-01-01",
        "Observation?_lastUpdated=ge2020-01-01",
        "Observation",
    ],
)
def test_a_later_page_costs_no_more_than_the_first(context, heard, database, someone, path):
    bundle = answer(context, f"{path.format(**someone)}{'&' if '?' in path else '?'}_count={PAGE}")
    for _ in range(8):
        if not any(link["relation"] == "next" for link in bundle["link"]):
            break
        heard.commands.clear()
        bundle = next_page(context, bundle)
        for command in list(heard.commands):
            stats = explained(database, command)["executionStats"]
            assert stats["totalDocsExamined"] <= 2 * PAGE, command


def test_what_has_no_index_would_be_noticed(context, database):
    command = {"find": "Observation", "filter": {"v": 1}, "sort": {"v": 1}}
    explanation = explained(database, command)
    assert scans(explanation)
    assert most_sorted(explanation) > MOST_SORTED
