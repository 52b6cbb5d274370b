"""_include and _revinclude: https://hl7.org/fhir/R4/search.html#include."""

import json
import re
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest
from server.interactions import including
from server.search import includes
from server.search.includes import IncludeNotDone

BASE = "http://localhost/fhir"
URL = "http://example.org/definition"


@pytest.fixture(scope="module")
def plans(index):
    return index.plans


@dataclass(frozen=True)
class Stored:
    """What is stored in `database`, and what was asked of it."""

    database: object
    asked: list

    def rows(self, type, condition, fields, limit):
        self.asked.append(type)
        return list(self.database[type].find(condition, dict.fromkeys(fields, 1)).limit(limit))

    def matches(self, type, ids, fields):
        found = self.database[type].find({"_id": {"$in": ids}}, dict.fromkeys(("raw", *fields), 1))
        return [(type, document) for document in found]


@pytest.fixture
def stored(database, index):
    """Returns a function that stores resources, and nothing else, and gives what looks them up."""

    def stored(*resources):
        for name in database.list_collection_names():
            database[name].delete_many({})
        by_type = {}
        for one in resources:
            raw = json.dumps(one).encode()
            document = {"_id": one["id"], "raw": raw, **index.entries(one)}
            by_type.setdefault(one["resourceType"], []).append(document)
        for type, documents in by_type.items():
            database[type].insert_many(documents)
        return Stored(database, [])

    return stored


@pytest.fixture
def found(stored, plans):
    """Returns a function from resources and a search to the Type/id of what comes with it.

    The search is the matches, as Type/id, and the includes, as in a URL.
    """

    def found(resources, matches, *parameters, lenient=False):
        lookup = stored(*resources)
        pairs = [tuple(one.split("=", 1)) for one in parameters]
        type = matches[0].partition("/")[0]
        asked = includes.parse(plans, [type], pairs, lenient=lenient)
        ids = [one.partition("/")[2] for one in matches]
        page = including.page(lookup, asked, lookup.matches(type, ids, asked.fields))
        assert page.matches == len(matches)
        return [f"{type}/{document['_id']}" for type, document in page.included]

    return found


def resource(path, **elements):
    type, _, id = path.partition("/")
    return {"resourceType": type, "id": id, **elements}


def to(*references):
    several = [{"reference": each} for each in references]
    return several[0] if len(several) == 1 else several


WARD = [
    resource("Patient/1", generalPractitioner=[to("Practitioner/1")]),
    resource("Patient/2", managingOrganization=to("Organization/1")),
    resource("Group/1"),
    resource("Practitioner/1"),
    resource("Organization/1", partOf=to("Organization/2")),
    resource("Organization/2", partOf=to("Organization/3")),
    resource("Organization/3", partOf=to("Organization/1")),
    resource("Encounter/1", subject=to("Patient/1")),
    resource("Observation/1", subject=to("Patient/1"), encounter=to("Encounter/1")),
    resource(
        "Observation/2", subject=to("Group/1"), hasMember=to("Observation/1", "Observation/3")
    ),
    resource("Observation/3", subject=to("Patient/2"), hasMember=[to("Observation/2")]),
    resource("Provenance/1", target=to("Observation/1", "Observation/3")),
    resource("Provenance/2", target=[to("Patient/1")]),
]


@pytest.mark.parametrize(
    ("match", "parameter", "included"),
    [
        ("Observation/1", "_include=Observation:subject", ["Patient/1"]),
        ("Observation/2", "_include=Observation:subject", ["Group/1"]),
        ("Observation/2", "_include=Observation:subject:Patient", []),
        ("Observation/1", "_include=Observation:subject:Patient", ["Patient/1"]),
        ("Observation/1", "_include=Observation:patient", ["Patient/1"]),
        ("Observation/2", "_include=Observation:patient", []),
        ("Observation/1", "_include=Observation:*", ["Encounter/1", "Patient/1"]),
        ("Observation/1", "_include=Observation:*:Encounter", ["Encounter/1"]),
        ("Observation/1", "_include=*", ["Encounter/1", "Patient/1"]),
        ("Organization/1", "_include=Organization:partof", ["Organization/2"]),
        ("Organization/1", "_include:iterate=Organization:partof",
         ["Organization/2", "Organization/3"]),
        ("Patient/1", "_revinclude=Observation:subject", ["Observation/1"]),
        ("Patient/1", "_revinclude=Observation:patient", ["Observation/1"]),
        ("Patient/1", "_revinclude=Observation:subject:Patient", ["Observation/1"]),
        ("Patient/1", "_revinclude=Provenance:target", ["Provenance/2"]),
        ("Patient/1", "_revinclude=Observation:*", ["Observation/1"]),
        ("Patient/1", "_revinclude=*", ["Encounter/1", "Observation/1", "Provenance/2"]),
        ("Patient/1", "_revinclude:iterate=*",
         ["Encounter/1", "Observation/1", "Provenance/2", "Observation/2", "Provenance/1",
          "Observation/3"]),
        ("Organization/3", "_revinclude:iterate=Organization:partof",
         ["Organization/2", "Organization/1"]),
    ],
)  # fmt: skip
def test_what_comes_with_a_match(found, match, parameter, included):
    assert found(WARD, [match], parameter) == included


def test_iterate_goes_on_from_what_was_included(found):
    asked = ["_include=Observation:subject", "_include:iterate=Patient:general-practitioner"]
    assert found(WARD, ["Observation/1"], *asked) == ["Patient/1", "Practitioner/1"]
    asked = ["_include=Observation:subject", "_revinclude:iterate=Provenance:target"]
    assert found(WARD, ["Observation/1"], *asked) == ["Patient/1", "Provenance/1", "Provenance/2"]


def test_without_iterate_only_matches_lead_on(found):
    asked = ["_include=Observation:has-member", "_include=Observation:subject"]
    assert found(WARD, ["Observation/3"], *asked) == ["Observation/2", "Patient/2"]


def test_without_iterate_only_what_refers_to_a_match_comes(found):
    asked = "_revinclude=Organization:partof"
    assert found(WARD, ["Organization/3"], asked) == ["Organization/2"]


def test_a_resource_comes_once_and_not_if_it_is_a_match(found):
    matches = ["Observation/1", "Observation/2", "Observation/3"]
    asked = ["_include=Observation:has-member", "_include=Observation:subject",
             "_revinclude=Provenance:target"]  # fmt: skip
    assert found(WARD, matches, *asked) == ["Group/1", "Patient/1", "Patient/2", "Provenance/1"]


def test_each_type_is_asked_for_once_a_round(stored, plans):
    many = [resource(f"Observation/{n}", subject=to(f"Patient/{n}")) for n in range(50)]
    lookup = stored(*many, *(resource(f"Patient/{n}") for n in range(50)))
    pairs = [("_include", "Observation:subject"), ("_revinclude", "Provenance:target")]
    asked = includes.parse(plans, ["Observation"], pairs)
    matches = lookup.matches("Observation", [str(n) for n in range(50)], asked.fields)
    assert len(including.page(lookup, asked, matches).included) == 50
    assert sorted(lookup.asked) == ["Patient", "Provenance"]


@pytest.fixture
def crowd(stored, plans):
    """Returns a function from a budget to the page of 4 patients, 300 observations for each."""
    lookup = stored(
        *(resource(f"Patient/{n}") for n in range(4)),
        *(resource(f"Observation/{n}", subject=to(f"Patient/{n % 4}")) for n in range(1200)),
        *(resource(f"Provenance/{n}", target=[to(f"Observation/{n}")]) for n in range(8)),
    )

    def crowd(**budget):
        pairs = [
            ("_revinclude", "Observation:subject"),
            ("_revinclude:iterate", "Provenance:target"),
        ]
        asked = includes.parse(plans, ["Patient"], pairs)
        matches = lookup.matches("Patient", ["0", "1", "2", "3"], asked.fields)
        return including.page(lookup, asked, matches, including.Budget(**budget))

    return crowd


def test_many_are_included_whole(crowd):
    page = crowd()
    assert (page.matches, len(page.included), page.issues) == (4, 1208, ())


@pytest.mark.parametrize(
    ("budget", "matches"),
    [
        ({"resources": 1208}, 4),
        ({"resources": 1207}, 2),
        ({"resources": 604}, 2),
        ({"resources": 303}, 1),
        ({"size": 100_000}, 2),
        ({"size": 30_000}, 1),
    ],
)
def test_a_page_that_would_include_too_much_has_fewer_matches(crowd, budget, matches):
    page = crowd(**budget)
    assert page.matches == matches
    assert len(page.included) == matches * 302
    assert page.issues == ()


@pytest.mark.parametrize(
    ("budget", "included", "types", "example"),
    [
        ({"resources": 250}, 250, "Observation, Provenance", "Observation?subject=Patient/0"),
        ({"resources": 301}, 301, "Provenance", "Provenance?target=Observation/0"),
        ({"queries": 2}, 200, "Observation, Provenance", "Observation?subject=Patient/0"),
    ],
)
def test_what_is_left_out_of_a_single_match_is_said(crowd, budget, included, types, example):
    page = crowd(**budget)
    assert (page.matches, len(page.included)) == (1, included)
    (issue,) = page.issues
    assert (issue.severity, issue.code) == ("warning", "too-costly")
    assert (issue.arguments["types"], issue.arguments["example"]) == (types, example)
    assert issue.text("zh")


@pytest.mark.parametrize(
    ("reference", "included"),
    [
        ("Patient/1", True),
        (f"{BASE}/Patient/1", True),
        ("Patient/1/_history/1", True),
        ("Patient/9", False),
        ("http://elsewhere.example.org/fhir/Patient/1", False),
        ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", False),
        ("#1", False),
    ],
)
def test_references_to_this_server_are_followed(found, reference, included):
    resources = [resource("Patient/1"), resource("Observation/1", subject=to(reference))]
    expected = ["Patient/1"] if included else []
    assert found(resources, ["Observation/1"], "_include=Observation:subject") == expected
    expected = ["Observation/1"] if included else []
    assert found(resources, ["Patient/1"], "_revinclude=Observation:subject") == expected


QUESTIONNAIRES = [
    resource("Questionnaire/1", url=URL, version="1"),
    resource("Questionnaire/2", url=URL, version="2"),
    resource("Questionnaire/3", url=URL),
    resource("Questionnaire/4", url=f"{URL}/other", version="1"),
]


@pytest.mark.parametrize(
    ("canonical", "included"),
    [
        (URL, ["1", "2", "3"]),
        (f"{URL}|1", ["1"]),
        (f"{URL}|3", []),
        (f"{BASE}/Questionnaire/4", ["4"]),
        (f"{BASE}/Questionnaire/4|1", ["4"]),
        ("#1", []),
    ],
)
def test_a_canonical_reference_leads_to_the_versions_it_names(found, canonical, included):
    answer = resource("QuestionnaireResponse/1", questionnaire=canonical)
    asked = "QuestionnaireResponse:questionnaire"
    resources = [answer, *QUESTIONNAIRES]
    expected = [f"Questionnaire/{id}" for id in included]
    assert found(resources, ["QuestionnaireResponse/1"], f"_include={asked}") == expected
    for one in QUESTIONNAIRES:
        expected = ["QuestionnaireResponse/1"] if one["id"] in included else []
        match = f"Questionnaire/{one['id']}"
        assert found(resources, [match], f"_revinclude={asked}") == expected


def test_a_code_system_is_included_by_its_url(found):
    systems = [
        resource("CodeSystem/1", url=f"{URL}/s", version="1"),
        resource("CodeSystem/2", url=f"{URL}/more", supplements=f"{URL}/s|1"),
    ]
    assert found(systems, ["CodeSystem/2"], "_include=*") == ["CodeSystem/1"]
    assert found(systems, ["CodeSystem/1"], "_revinclude=CodeSystem:supplements") == [
        "CodeSystem/2"
    ]


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("_include=Patient", "search-include-malformed"),
        ("_include=", "search-include-malformed"),
        ("_include=Observation:subject,Observation:encounter", "search-include-malformed"),
        ("_include=Observation:subject:Patient:x", "search-include-malformed"),
        ("_include=*:subject", "search-include-malformed"),
        ("_include=Observation:$where", "search-include-malformed"),
        ("_include=observation:subject", "search-include-malformed"),
        ("_include=Nothing:subject", "search-type-unknown"),
        ("_include=Observation:subject:Nothing", "search-type-unknown"),
        ("_include=Observation:nothing", "search-parameter-unknown"),
        ("_include=Observation:code", "search-include-not-reference"),
        ("_include=Observation:encounter:Patient", "search-include-not-target"),
        ("_include=Observation:patient:Group", "search-include-not-target"),
        ("_include=Patient:organization", "search-include-off-path"),
        ("_include=Patient:*", "search-include-off-path"),
        ("_include:recurse=Observation:has-member", "search-modifier-unsupported"),
        ("_include:=Observation:has-member", "search-modifier-unsupported"),
        ("_revinclude=Encounter:subject", "search-include-not-target"),
        ("_revinclude=Provenance:target:Patient", "search-include-off-path"),
        ("_revinclude:iterate=Encounter:status", "search-include-not-reference"),
    ],
)
def test_what_leads_nowhere_is_refused_by_name(plans, parameter, message):
    name, value = parameter.split("=", 1)
    with pytest.raises(BadRequest) as refusal:
        includes.parse(plans, ["Observation"], [(name, value)])
    assert [issue.message for issue in refusal.value.issues] == [message]
    if message == "search-include-malformed":
        assert not isinstance(refusal.value, IncludeNotDone)
    else:
        asked = includes.parse(plans, ["Observation"], [(name, value)], lenient=True)
        assert asked.ignored == ((name, value),)
        assert not asked


def test_a_bundle_does_not_refer_to_what_it_holds(plans):
    with pytest.raises(IncludeNotDone):
        includes.parse(plans, ["Bundle"], [("_include", "Bundle:composition")])


def test_of_several_searched_types_each_may_be_the_source(plans):
    pairs = [("_include", "Patient:organization"), ("_include", "*")]
    asked = includes.parse(plans, ["Observation", "Patient"], pairs)
    assert set(asked.first.forward) == {"Observation", "Patient"}
    assert asked.used == tuple(pairs)


@settings(max_examples=300)
@given(st.text(max_size=30), st.sampled_from(["_include", "_revinclude", "_include:iterate"]))
def test_any_value_is_understood_or_ignored_or_malformed(plans, value, name):
    if value == "*" or re.fullmatch(r"[A-Z]\w*:(\*|[\w-]+)(:[A-Z]\w*)?", value, re.ASCII):
        asked = includes.parse(plans, ["Observation"], [(name, value)], lenient=True)
        assert (*asked.used, *asked.ignored) == ((name, value),)
    else:
        with pytest.raises(BadRequest, match="is not of the form"):
            includes.parse(plans, ["Observation"], [(name, value)], lenient=True)


# The oracle: the elements that each parameter reads, and the types they may refer to.
ELEMENTS = {
    ("Observation", "subject"): ("subject", ("Patient", "Group")),
    ("Observation", "patient"): ("subject", ("Patient",)),
    ("Observation", "encounter"): ("encounter", ("Encounter",)),
    ("Observation", "has-member"): ("hasMember", ("Observation", "QuestionnaireResponse")),
    ("Encounter", "subject"): ("subject", ("Patient", "Group")),
    ("Encounter", "patient"): ("subject", ("Patient",)),
    ("Encounter", "part-of"): ("partOf", ("Encounter",)),
    ("Group", "managing-entity"): ("managingEntity", ("Organization",)),
    ("Organization", "partof"): ("partOf", ("Organization",)),
    ("Patient", "organization"): ("managingOrganization", ("Organization",)),
    ("Provenance", "target"): ("target", None),
    ("Provenance", "patient"): ("target", ("Patient",)),
    ("QuestionnaireResponse", "subject"): ("subject", None),
    ("QuestionnaireResponse", "patient"): ("subject", ("Patient",)),
    ("QuestionnaireResponse", "questionnaire"): ("questionnaire", ("Questionnaire",)),
}
TYPES = ("Questionnaire", *dict.fromkeys(type for type, _ in ELEMENTS))
LISTS = {"hasMember", "target"}
IDS = ("1", "2", "3", "4", "5")
ELSEWHERE = "http://elsewhere.example.org/fhir"
CANONICALS = (URL, f"{URL}|1", f"{URL}|3", f"{BASE}/Questionnaire/1", "#1")
REFERENCES = [
    (type, element, targets)
    for (type, code), (element, targets) in ELEMENTS.items()
    if code != "patient"
]


def text(random, type):
    """Return a reference to a `type`, which may not be there."""
    one = f"{type}/{random.choice(IDS)}"
    forms = [one, one, f"{BASE}/{one}", f"{one}/_history/2", f"{ELSEWHERE}/{one}", f"#{one[-1]}"]
    return random.choice(forms)


def graph(random):
    """Return a few resources of each type that refer to one another, or to nothing there is."""
    resources = [resource(f"{type}/{id}") for type in TYPES for id in IDS if random.random() < 0.8]
    for one in resources:
        if one["resourceType"] == "Questionnaire":
            one["url"] = URL
            one.update(random.choice([{}, {"version": "1"}, {"version": "2"}]))
        for type, element, targets in REFERENCES:
            if type == one["resourceType"] and random.random() < 0.6:
                found = [text(random, random.choice(targets or TYPES)) for _ in range(3)]
                one[element] = to(*found) if element in LISTS else to(found[0])
        if "questionnaire" in one:
            one["questionnaire"] = random.choice(CANONICALS)
    return resources


def parameter(random, type):
    """Return an include that concerns `type`, or with iterate any."""
    name = random.choice(["_include", "_revinclude"])
    iterates = random.random() < 0.5
    own = [
        (source, code, targets)
        for (source, code), (_, targets) in ELEMENTS.items()
        if iterates or (source == type if name == "_include" else type in (targets or TYPES))
    ]
    source, code, targets = random.choice(own or [(type, "*", None)])
    value = random.choice(
        ["*", f"{source}:*", *[f"{source}:{code}"] * 4]
        + [f"{source}:{code}:{random.choice(targets or TYPES)}"] * 2
    )
    return name + (":iterate" if iterates else ""), value


def key(one):
    return one["resourceType"], one["id"]


def leads(source, element, target):
    """Tell whether `element` of `source` refers to `target`, by the JSON alone."""
    value = source.get(element, [])
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str):
            url, _, version = each.partition("|")
            same = url == target.get("url") and version in ("", target.get("version"))
            if same or url == f"{BASE}/{'/'.join(key(target))}":
                return True
        else:
            text = each["reference"].removeprefix(f"{BASE}/").partition("/_history/")[0]
            if text == "/".join(key(target)):
                return True
    return False


def related(value, source, target):
    """Tell whether the include `value` leads from `source` to `target`."""
    asked = [*value.split(":"), None, None][:3]
    for (type, code), (element, targets) in ELEMENTS.items():
        named = asked[0] == "*" or (type == asked[0] and asked[1] in ("*", code))
        right = targets is None or target["resourceType"] in targets
        wanted = asked[2] in (None, target["resourceType"])
        starts = type == source["resourceType"]
        if named and right and wanted and starts and leads(source, element, target):
            return True
    return False


def brute_force(resources, matches, asked):
    """Return the keys of what `asked` includes, found by comparing everything with everything."""
    reached = {key(one) for one in matches}
    frontier, is_first = list(matches), True
    while frontier:
        new = {}
        for name, value in asked:
            if not is_first and not name.endswith(":iterate"):
                continue
            for here in frontier:
                for there in resources:
                    source, target = (here, there) if "_include" in name else (there, here)
                    if key(there) not in reached and related(value, source, target):
                        new[key(there)] = there
        reached |= new.keys()
        frontier, is_first = list(new.values()), False
    return reached - {key(one) for one in matches}


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 2**32))
def test_what_is_included_is_what_the_resources_say(stored, plans, seed):
    random = Random(seed)
    resources, type = graph(random), random.choice(TYPES)
    asked = [parameter(random, type) for _ in range(random.randint(1, 3))]
    matches = [one for one in resources if key(one) in ((type, "1"), (type, "2"))]
    lookup = stored(*resources)
    wanted = includes.parse(plans, [type], asked, lenient=True)
    page = including.page(lookup, wanted, lookup.matches(type, ["1", "2"], wanted.fields))
    keys = [(type, document["_id"]) for type, document in page.included]
    assert len(keys) == len(set(keys))
    assert set(keys) == brute_force(resources, matches, asked)
    assert page.issues == ()
