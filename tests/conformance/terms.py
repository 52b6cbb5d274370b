"""What the tests of the shipped terminology ask of a code system."""


def concepts(listed, parent=None):
    """Yield every concept of a hierarchy with the code above it, in order."""
    for concept in listed:
        yield concept, parent
        yield from concepts(concept.get("concept", ()), concept["code"])


def codes(system):
    """Return the names of all codes of `system`, by code."""
    found = concepts(system.get("concept", ()))
    return {concept["code"]: concept.get("display") for concept, _ in found}


def properties(system):
    """Return the (name, value) pairs of the properties of each code of `system`, in order."""
    return {
        concept["code"]: [
            (item["code"], next(value for key, value in item.items() if key.startswith("value")))
            for item in concept.get("property", ())
        ]
        for concept, _ in concepts(system["concept"])
    }


def english_title(resource):
    """Return the English title of `resource`, which the translation extension holds."""
    (translation,) = resource["_title"]["extension"]
    parts = {part["url"]: part for part in translation["extension"]}
    assert parts["lang"]["valueCode"] == "en"
    return parts["content"]["valueString"]
