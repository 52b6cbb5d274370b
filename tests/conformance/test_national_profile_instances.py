"""Good and bad instances of our profiles: ``tests/profiles/<profile>/{good,bad}-*.json``.

A bad one tells where its fault is and which rule it breaks: the key of an invariant or of an
identity rule, the id of a value set, or ``min``, ``fixed``, ``pattern``, ``type``.

Spec: https://hl7.org/fhir/R4/validation.html
"""

import json
from itertools import chain
from pathlib import Path

import pytest

from server import content
from server.demo.institutions import institutions
from server.demo.residents import residents
from server.demo.shapes import encoded
from server.profiles.invariants.evaluation import Scope, compiled
from server.profiles.invariants.functions import FUNCTIONS
from server.profiles.invariants.items import Model, is_true, resource
from server.profiles.shapes import shapes
from server.services import Interpreters
from server.settings import Settings

CANONICAL = "https://tongkang.example/fhir/StructureDefinition/"
FOLDER = Path(__file__).parents[1] / "profiles"
GOOD = sorted(FOLDER.glob("*/good-*.json"))
BAD = sorted(FOLDER.glob("*/bad-*.json"))
DEFINED = {
    file.stem: json.loads(file.read_text("utf-8"))
    for file in (content.PROFILES / "StructureDefinition").glob("*.json")
}


def name(path):
    return f"{path.parent.name}/{path.stem}" if isinstance(path, Path) else str(path)


@pytest.fixture(scope="module")
def interpreters():
    return Interpreters.of(Settings())


@pytest.fixture(scope="module")
def broken(interpreters):
    """Return a function that gives the keys of the invariants of a profile that do not hold."""
    model = Model(shapes(interpreters.definitions))

    def keys(profile, value):
        whole = resource(value)
        scope = Scope(model, interpreters.zone, whole, whole, whole, 100_000)
        found = set()
        for path, rule in _rules(profile):
            holds = compiled(rule["expression"], FUNCTIONS)
            items = [whole]
            if path != whole.type:
                items = compiled(path.partition(".")[2], FUNCTIONS)(scope, [whole])
            for item in items:
                scope.context = item
                if is_true(holds(scope, [item])) is False:
                    found.add(rule["key"])
        return found

    return keys


def _rules(id):
    """Yield the invariants of profile `id` and of those it is based on, each with its path.

    A slice that is told apart by its system, a fixed one, is a part of the path.
    """
    elements = DEFINED[id]["differential"]["element"]
    systems = {
        one["id"].removesuffix(".system"): one["fixedUri"] for one in elements if "fixedUri" in one
    }
    for element in elements:
        path = ""
        ids = element["id"].split(".")
        for place, part in enumerate(ids):
            bare = part.partition(":")[0]
            path += ("." if path else "") + bare
            system = systems.get(".".join(ids[: place + 1]))
            if ":" in part and system is not None:
                path += f".where(system = '{system}')"
        for rule in element.get("constraint", ()):
            yield path, rule
    base = DEFINED[id]["baseDefinition"]
    if base.startswith(CANONICAL):
        yield from _rules(base.removeprefix(CANONICAL))


def _errors(interpreters, value):
    return [one for one in interpreters.validator.faults(value) if one.severity == "error"]


def test_each_profile_of_a_resource_has_good_and_bad_instances():
    profiles = {id for id, one in DEFINED.items() if one["kind"] == "resource"}
    for id in profiles:
        assert len([*(FOLDER / id).glob("good-*.json")]) >= 2, id
        assert [*(FOLDER / id).glob("bad-*.json")], id
        assert (content.PROFILES / "examples" / f"{id}.json").is_file()


@pytest.mark.parametrize("file", GOOD, ids=name)
def test_a_good_instance_has_no_fault(interpreters, broken, file):
    value = json.loads(file.read_text("utf-8"))
    assert value["meta"]["profile"] == [f"{CANONICAL}{file.parent.name}"]
    assert _errors(interpreters, value) == []
    assert broken(file.parent.name, value) == set()


def test_the_demo_region_keeps_to_what_it_claims(interpreters, broken):
    made = [*institutions(), *chain.from_iterable(residents(40, 1))]
    claimed = set()
    for one in made:
        for url in one["meta"].get("profile", ()):
            id = url.removeprefix(CANONICAL)
            claimed.add(id)
            value = json.loads(encoded(one))
            assert _errors(interpreters, value) == []
            assert broken(id, value) == set()
    assert claimed <= DEFINED.keys()
    assert len(claimed) > 12


@pytest.mark.parametrize("file", BAD, ids=name)
def test_a_bad_instance_has_the_fault_that_it_tells_of(interpreters, broken, file):
    told = json.loads(file.read_text("utf-8"))
    value, rule = told["resource"], told["rule"]
    errors = _errors(interpreters, value)
    if rule.startswith("identity-number"):
        assert (told["expression"], rule) in [(one.expression, one.message) for one in errors]
    elif rule in {one["key"] for _, one in _rules(file.parent.name)}:
        assert rule in broken(file.parent.name, value)
    else:
        # FHIR itself takes it: it is the profile alone that does not.
        bare = {
            **value,
            "meta": {key: one for key, one in value.get("meta", {}).items() if key != "profile"},
        }
        assert _errors(interpreters, bare) == []
