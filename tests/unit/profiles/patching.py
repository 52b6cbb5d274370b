"""Operations of FHIRPath Patch for tests, and resources to patch.

The value of an operation is given as its type and what it is, or as the whole part.
"""

PATIENT = {"resourceType": "Patient"}


def operation(type, path, *parts):
    given = [{"name": "type", "valueCode": type}, {"name": "path", "valueString": path}, *parts]
    return {"name": "operation", "part": given}


def valued(type, value):
    return {"name": "value", f"value{type}": value}


def add(path, name, *value):
    content = value[0] if len(value) == 1 else valued(*value)
    return operation("add", path, {"name": "name", "valueString": name}, content)


def insert(path, index, *value):
    return operation("insert", path, {"name": "index", "valueInteger": index}, valued(*value))


def delete(path):
    return operation("delete", path)


def replace(path, *value):
    content = value[0] if len(value) == 1 else valued(*value)
    return operation("replace", path, content)


def move(path, source, destination):
    ends = (("source", source), ("destination", destination))
    return operation("move", path, *({"name": n, "valueInteger": i} for n, i in ends))


def parts(*given):
    return {"name": "value", "part": list(given)}


def patient(**content):
    return {**PATIENT, **content}


def numbered(*values):
    return patient(identifier=[{"system": "urn:x", "value": str(value)} for value in values])


NAMES = patient(
    active=True,
    name=[
        {"use": "official", "family": "甲", "given": ["一", "二"]},
        {"use": "usual", "text": "乙", "period": {"start": "2020-01-01"}},
        {"use": "old", "family": "丙"},
    ],
)
GIVEN = patient(name=[{"given": ["a", None, "c"], "_given": [None, {"id": "x"}, {"id": "y"}]}])
BIRTH = patient(birthDate="1970", _birthDate={"extension": [{"url": "urn:a", "valueCode": "x"}]})
