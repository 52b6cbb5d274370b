"""People whose ID number agrees with their birth date and gender, and changes that end that.

The numbers are made here, by the standard and not by what is tested; they belong to nobody.

Spec: GB 11643-1999
"""

from datetime import date, timedelta

from tests.pairs.ways import with_value

_SYSTEM = "urn:oid:2.16.156.10011.1.3"
_NUMBER = ("identifier", 0, "value")


def numbered(resource, step):
    """Return `resource`, the good one of a person, with the `step`-th number before all others."""
    born = date(1950, 1, 1) + timedelta(days=211 * step)
    number = {"system": _SYSTEM, "value": _number("350602", born, 10 + step)}
    others = [one for one in resource.get("identifier", ()) if one.get("system") != _SYSTEM]
    made = with_value(resource, ("identifier",), [number, *others])
    made["birthDate"] = born.isoformat()
    made["gender"] = "male" if step % 2 else "female"
    made.pop("_gender", None)
    return made


def _number(region, born, order):
    body = f"{region}{born:%Y%m%d}{order:03}"
    weighed = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(body))
    return body + "10X98765432"[weighed % 11]


def identity(_, resource):
    """Change one thing of a number, or what it has to agree with."""
    number = resource["identifier"][0]["value"]
    where = f"{resource['resourceType']}.identifier[0].value"
    for place in (0, 6, 9, 13, 16):
        digit = (int(number[place]) + 1) % 10 or 1
        made = f"{number[:place]}{digit}{number[place + 1 :]}"
        yield f"digit-{place + 1}", where, with_value(resource, _NUMBER, made), False
    check = "1" if number[-1] == "0" else "0"
    yield "check", where, with_value(resource, _NUMBER, number[:-1] + check), False
    yield "short", where, with_value(resource, _NUMBER, number[:-1]), False
    later = date.fromisoformat(resource["birthDate"]) + timedelta(days=1)
    yield "birth-date", where, with_value(resource, ("birthDate",), later.isoformat()), False
    gender = "female" if resource["gender"] == "male" else "male"
    yield "gender", where, with_value(resource, ("gender",), gender), False
