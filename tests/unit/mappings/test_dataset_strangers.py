"""Resources that did not come of rows go back to rows as far as they can, whatever they lack."""

import random
from pathlib import Path

import orjson
import pytest

from server.fhir.json import dumps, spelled

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


def worn(value, chance):
    """Return `value` with some of its parts lost, and some texts cut, as masks do."""
    match value:
        case dict():
            kept = (name for name in value if name == "resourceType" or chance.random() > 0.04)
            return {name: worn(value[name], chance) for name in kept}
        case list():
            return [worn(one, chance) for one in value if chance.random() > 0.03]
        case str() if chance.random() < 0.06:
            return value[: chance.randrange(len(value) + 1)] or "x"
    return value


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_what_resources_lack_is_not_in_the_row(datasets, file):
    dataset = datasets.find(file.stem)
    row = orjson.loads(file.read_bytes())["row"]
    whole = [spelled(dumps(one)) for one in dataset.read(row).resources]
    chance = random.Random(1)
    for _ in range(100):
        found = dataset.restore([worn(one, chance) for one in whole]).row
        assert found.keys() <= dataset.elements.keys()
        assert all(isinstance(text, str) for text in found.values())
