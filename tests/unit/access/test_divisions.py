import pytest

from server.access.divisions import above, is_code, prefix


@pytest.mark.parametrize("code", ["35", "3506", "350602", "350602001", "350602001001"])
def test_codes_have_two_to_twelve_digits(code):
    assert is_code(code)
    assert prefix(code) == code


@pytest.mark.parametrize(
    "code", ["", "3", "350", "35060", "3506020", "03", "35a6", "３５", "3506020010011"]
)
def test_what_is_no_code(code):
    assert not is_code(code)


@pytest.mark.parametrize(
    ("code", "start"), [("350000", "35"), ("350600", "3506"), ("350602", "350602")]
)
def test_a_code_filled_up_with_zeros_is_a_wider_one(code, start):
    assert prefix(code) == start


def test_a_village_lies_in_all_that_is_above_it():
    assert above("350602001001") == ["35", "3506", "350602", "350602001", "350602001001"]
    assert above("350600") == ["35", "3506"]
