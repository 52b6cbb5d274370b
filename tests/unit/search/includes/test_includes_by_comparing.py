"""What is included of any resources is what comparing everything with everything includes."""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.interactions import including
from server.search import includes
from tests.unit.search.includes.conftest import BASE, URL, resource, to

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
