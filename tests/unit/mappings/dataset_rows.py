"""Rows of national data sets, made from the tables themselves."""

from base64 import b64encode
from datetime import date

from hypothesis import strategies as st

from server.mappings.checks import Order
from server.profiles.identity_numbers.check_characters import of_resident
from server.profiles.identity_numbers.residents import ID_NUMBER
from server.records.cells import EMPTY

HAN = "测试甲乙丙丁戊己庚辛一二三红黄蓝大小"
SIGNS = "，。、：；（）abcXYZ019-"
CREDIT_CODE = "12350600000000000G"
DAYS = st.dates(date(1930, 1, 1), date(2025, 12, 31))


@st.composite
def rows(draw, dataset):
    """Draw a row of `dataset` that is right: it has what is required, and some of all else."""
    chosen = _with_needed(dataset, {name for name in dataset.elements if draw(st.booleans())})
    lengths = {}
    row = {}
    for name in sorted(chosen):
        element = dataset.elements[name]
        if element.convert == "body-mass-index" or not element.target:
            continue
        place = dataset.made.layout.spots[name].place
        length = 1
        if element.repeats:
            length = lengths.setdefault(place.repeating, draw(st.integers(1, 3)))
        row[name] = "|".join(draw(_value(dataset, element, length)) for _ in range(length))
    return _coherent(draw, dataset, row)


def _with_needed(dataset, chosen):
    """Return `chosen` with all that is required, and with what they mean nothing without."""
    chosen = chosen | {name for name, one in dataset.elements.items() if one.required}
    chosen |= set(dataset.head.one_of[:1])
    while True:
        needed = {dataset.elements[name].needs for name in chosen} - {""} - chosen
        if not needed:
            return chosen
        chosen |= needed


def _coherent(draw, dataset, row):
    """Return `row` with a document of the person that agrees with what else it says."""
    for name in [one for one in row if dataset.elements[one].convert == "document-type"]:
        row[name] = "01"
    for name in [one for one in row if dataset.elements[one].convert == "document-number"]:
        person = dataset.made.checks[0]
        born = row.setdefault(person.born, draw(DAYS).strftime("%Y%m%d"))
        sex = row.setdefault(person.sex, "1")
        order = draw(st.integers(0, 499)) * 2 + (sex != "2")
        seventeen = f"350600{born}{order:03}"
        row[name] = seventeen + of_resident(seventeen)
        row[person.type] = "01"
    return _in_order(dataset, row)


def _in_order(dataset, row):
    """Return `row` with what is to be above, or later than, other things on its right side."""
    for one in dataset.made.checks:
        if isinstance(one, Order) and {one.name, one.other} <= row.keys():
            if one.is_number:
                row |= {one.name: "120", one.other: "80"}
            else:
                row[one.other], row[one.name] = sorted((row[one.other], row[one.name]))
    return row


def _value(dataset, element, length):
    """Return what draws a value of `element`, one of `length` in its cell; made once, for speed."""
    key = dataset.name, element.name, length > 1
    if key not in MADE:
        MADE[key] = _new_value(dataset, element, length)
    return MADE[key]


def _new_value(dataset, element, length):
    format = element.parsed
    if element.convert in CONVERTED:
        return CONVERTED[element.convert](element)
    if format.kind == "code":
        return _codes(dataset, element, length)
    drawn = VALUES[format.kind](format)
    if element.domain:
        spellings = dataset.made.domains[element.name].spellings
        return drawn.filter(lambda text: text not in spellings)
    return drawn


def _identifiers(element):
    if element.options["system"] == ID_NUMBER:
        return _id_numbers()
    return _digits(element.parsed).map(lambda digits: f"35{digits[2:]}")


def _id_numbers():
    numbers = st.tuples(DAYS, st.integers(1, 999))
    seventeen = numbers.map(lambda parts: f"350600{parts[0]:%Y%m%d}{parts[1]:03}")
    return seventeen.map(lambda text: text + of_resident(text))


def _texts(format):
    signs = HAN if format.letters == "A" else HAN + SIGNS
    most = max(min(format.most, 20), format.least)
    return st.text(signs, min_size=max(format.least, 1), max_size=most).filter(
        lambda text: text not in EMPTY and any(sign in HAN for sign in text)
    )


def _marks(format):
    least = max(format.least, 1)
    return st.text("ABCXYZ0123456789甲", min_size=least, max_size=format.most)


def _digits(format):
    return st.text("0123456789", min_size=max(format.least, 1), max_size=format.most)


def _numbers(format):
    room = format.most - (format.decimals + 1 if format.decimals else 0)
    whole = st.integers(0, 10 ** min(max(room, 1), 15) - 1).map(str)
    if not format.decimals:
        return whole
    rest = st.text("0123456789", max_size=format.decimals)
    return st.tuples(whole, rest).map(lambda parts: ".".join(part for part in parts if part))


def _codes(dataset, element, length):
    domain = dataset.made.domains[element.name]
    right = [code for code, known in domain.spellings.items() if known.message is None]
    if length > 1:
        right = [code for code in right if code not in element.instead]
    if not right:
        size = element.parsed
        return st.text("ABCX0123456789", min_size=max(size.least, 1), max_size=size.most)
    return st.sampled_from(sorted(right))


def _divisions(length):
    counties = ("350602", "110105", "350600", "350000", "469021")
    places = ("000000", "001000", "001003")
    return st.tuples(st.sampled_from(counties), st.sampled_from(places)).map(
        lambda parts: "".join(parts)[:length]
    )


MADE = {}
CONVERTED = {
    "institution-code": lambda _: st.just(CREDIT_CODE),
    "identifier": _identifiers,
    "division": lambda element: _divisions(element.parsed.most),
    "positive": lambda element: st.integers(1, 10**element.parsed.most - 1).map(str),
    "base64": lambda _: st.binary(min_size=1, max_size=60).map(lambda one: b64encode(one).decode()),
}
VALUES = {
    "date": lambda _: DAYS.map(lambda day: day.strftime("%Y%m%d")),
    "dateTime": lambda _: st.tuples(DAYS, st.times()).map(
        lambda parts: f"{parts[0]:%Y%m%d}T{parts[1]:%H%M%S}"
    ),
    "flag": lambda _: st.sampled_from("TF"),
    "number": _numbers,
    "digits": _digits,
    "marks": _marks,
    "text": _texts,
}
