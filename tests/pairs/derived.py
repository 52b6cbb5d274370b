"""Small profiles that a good resource keeps to, made of it, and changes that break them.

What our own profiles have little of is tried here: fixed values and patterns, closed and ordered
slicings. A pair is (what, where, definition, resource): the good resource keeps to `definition`,
`resource` does not.

Spec: https://hl7.org/fhir/R4/profiling.html#slicing
"""

from tests.pairs.ways import expression, value_at, with_another, with_value, without

_R4 = "http://hl7.org/fhir/StructureDefinition/"
_OTHER = "https://other.example/x"


def definition(type, *elements):
    """Return the profile of `type` with `elements` in its differential."""
    return {
        "resourceType": "StructureDefinition",
        "url": "https://a.example/StructureDefinition/derived",
        "name": "Derived",
        "status": "active",
        "kind": "resource",
        "abstract": False,
        "type": type,
        "baseDefinition": f"{_R4}{type}",
        "derivation": "constraint",
        "differential": {"element": [{"id": type, "path": type}, *elements]},
    }


def values(snapshot, resource):
    """Fix each element to what it is, or have that as its pattern, and change it."""
    for id, element in snapshot.elements.items():
        codes = [one["code"] for one in element.get("type", ())]
        if id.count(".") != 1 or ":" in id or len(codes) != 1 or codes[0] == "BackboneElement":
            continue
        for way in snapshot.occurrences(resource, id)[:1]:
            array = way[:-1] if isinstance(way[-1], int) else way
            value = value_at(resource, way)
            if array != way and len(value_at(resource, array)) > 1:
                continue
            if codes[0].startswith("http") or codes[0] in ("Meta", "Extension", "Reference"):
                continue
            yield from _compared(resource, way, id, codes[0], value)


def _compared(resource, way, id, code, value):
    type = resource["resourceType"]
    suffix = code[0].upper() + code[1:]
    for kind in ("fixed", "pattern"):
        made = definition(type, {"id": id, "path": id, f"{kind}{suffix}": value})
        for what, leaf, changed in _changed(value):
            bad = with_value(resource, (*way, *leaf), changed)
            yield f"{kind}-{what}", expression(resource, way), made, bad
        for leaf in _texts(value):
            if leaf:
                bad = without(resource, (*way, *leaf))
                yield f"{kind}-less", expression(resource, way), made, bad


def _changed(value):
    for leaf in _texts(value):
        told = value_at(value, leaf) if leaf else value
        if isinstance(told, str) and told[:4].isdigit():
            yield "other", leaf, "1901" + told[4:]
        elif isinstance(told, str) and leaf:
            yield "other", leaf, f"{told}x"


def _texts(value, way=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("extension", "use", "system") and not key.startswith("_"):
                yield from _texts(inner, (*way, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _texts(inner, (*way, place))
    else:
        yield way


_FOREIGN = {"Uri": _OTHER, "Code": "fax", "String": "other"}
_SLICED = {
    "address": (("text",), "String"),
    "author": (("display",), "String"),
    "category": (("coding", 0, "code"), "Code"),
    "contact": (("name", "text"), "String"),
    "diagnosis": (("condition", "display"), "String"),
    "dosageInstruction": (("text",), "String"),
    "identifier": (("system",), "Uri"),
    "interpretation": (("coding", 0, "code"), "Code"),
    "name": (("text",), "String"),
    "note": (("text",), "String"),
    "participant": (("individual", "display"), "String"),
    "performer": (("display",), "String"),
    "qualification": (("code", "text"), "String"),
    "reasonCode": (("coding", 0, "code"), "Code"),
    "reaction": (("description",), "String"),
    "referenceRange": (("text",), "String"),
    "section": (("title",), "String"),
    "telecom": (("system",), "Code"),
    "type": (("coding", 0, "code"), "Code"),
}
"""By array: the way to what its items are sliced by, and the type of that."""


def slicing(snapshot, resource):
    """Slice the arrays of `resource` by what is in them, and break that in every way."""
    for key, (way, _) in _SLICED.items():
        array = resource.get(key)
        if not isinstance(array, list) or not isinstance(array[0], dict):
            continue
        told = [value_at(item, way) for item in array]
        has_several = any(len(item.get("coding", ())) > 1 for item in array)
        if None not in told and len(set(told)) == len(told) and not has_several:
            yield from _sliced(resource, key, told)


def _sliced(resource, key, told):
    """Yield pairs of the array `key`, whose items have the texts `told`, one slice for each."""
    way, suffix = _SLICED[key]
    where, array = f"{resource['resourceType']}.{key}", resource[key]
    foreign = with_value(array[0], way, _FOREIGN[suffix])

    def made(rules, *, ordered=False):
        return _slicing(where, way, f"fixed{suffix}", told, {"rules": rules, "ordered": ordered})

    yield "closed", where, made("closed"), with_another(resource, (key,), foreign)
    for place, item in enumerate(array):
        yield "min", where, made("open"), without(resource, (key, place))
        yield "max", where, made("open"), with_another(resource, (key,), item)
    first = with_value(resource, (key,), [foreign, *array])
    yield "open-at-end", where, made("openAtEnd"), first
    if len(told) > 1:
        turned = with_value(resource, (key,), array[::-1])
        yield "ordered", where, made("closed", ordered=True), turned


def references(snapshot, resource):
    """Let each reference lead to the type it leads to only, and let it lead to another."""
    for id, element in snapshot.elements.items():
        codes = [one["code"] for one in element.get("type", ())]
        if codes != ["Reference"] or ":" in id:
            continue
        for way in snapshot.occurrences(resource, id)[:1]:
            told = value_at(resource, (*way, "reference"))
            if not told or told.count("/") != 1:
                continue
            allowed = [{"code": "Reference", "targetProfile": [f"{_R4}{told.partition('/')[0]}"]}]
            made = definition(resource["resourceType"], {"id": id, "path": id, "type": allowed})
            for other in ("Binary/1", "https://other.example/fhir/Binary/1/_history/2"):
                bad = with_value(resource, (*way, "reference"), other)
                yield "target", expression(resource, way), made, bad


def _slicing(path, way, fixed, told, slicing):
    """Return the profile that slices `path` into one slice for each of the texts `told`."""
    inner = ".".join(step for step in way if isinstance(step, str))
    discriminator = [{"type": "value", "path": inner}]
    rows = [{"id": path, "path": path, "slicing": {"discriminator": discriminator, **slicing}}]
    for place, text in enumerate(told):
        slice = f"{path}:s{place}"
        rows += [
            {"id": slice, "path": path, "sliceName": f"s{place}", "min": 1, "max": "1"},
            {"id": f"{slice}.{inner}", "path": f"{path}.{inner}", "min": 1, fixed: text},
        ]
    return definition(path.partition(".")[0], *rows)
