"""What is shown in part tells things apart and names nobody."""

import pytest

from server.access.partial import FORMS, in_part


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("110101199003070011", "110101********0011"),
        ("11010119900307001X", "110101********001X"),
        ("13800005678", "138****5678"),
        ("1234567", "1**"),
        ("ZY0001234567", "Z**"),
        ("陈甲子", "陈**"),
        ("", "**"),
    ],
)
def test_part_of_a_text(text, part):
    assert in_part(text) == part


@pytest.mark.parametrize(
    ("type", "value", "part"),
    [
        (
            "Identifier",
            {"system": "urn:x", "value": "110101199003070011", "assigner": {"display": "局"}},
            {"system": "urn:x", "value": "110101********0011"},
        ),
        (
            "ContactPoint",
            {"system": "phone", "value": "13800005678", "use": "mobile"},
            {"system": "phone", "value": "138****5678", "use": "mobile"},
        ),
        ("ContactPoint", {"system": "email", "value": "chen@x.test"},
         {"system": "email", "value": "c**"}),
        (
            "HumanName",
            {"use": "official", "text": "陈甲子", "family": "陈", "given": ["甲子"]},
            {"use": "official", "text": "陈**"},
        ),
        ("HumanName", {"given": ["甲子"]}, {"text": "**"}),
        (
            "Address",
            {"text": "一号", "line": ["一号"], "city": "漳州市", "state": "福建省"},
            {"city": "漳州市", "state": "福建省"},
        ),
        ("date", "1990-03-07", "1990"),
        ("dateTime", "2024-03-01T08:30:00+08:00", "2024"),
    ],
)  # fmt: skip
def test_partial_forms(type, value, part):
    assert FORMS[type](value) == part


@pytest.mark.parametrize("type", ["Quantity", "boolean", "code", "Reference", "Period", "instant"])
def test_what_cannot_be_shown_in_part_has_no_form(type):
    assert type not in FORMS
