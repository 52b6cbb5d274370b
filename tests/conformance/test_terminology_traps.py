"""Where Chinese code tables deceive: the same code, table or number with another meaning."""

from itertools import pairwise

import pytest

from server.fhir.canonical import BASE
from tests.conformance import terms

ARC = "urn:oid:2.16.156.10011.2.3.1"


@pytest.fixture(scope="module")
def system(terminology):
    """Return a function that returns the code system with an id."""
    return lambda id: terminology("CodeSystem")[id]


@pytest.fixture(scope="module")
def translated(terminology):
    """Return a function that returns what a map has for a code, as (equivalence, code) pairs."""

    def translated(id, code):
        return [
            (target["equivalence"], target.get("code"))
            for group in terminology("ConceptMap")[id]["group"]
            for element in group["element"]
            if element["code"] == code
            for target in element["target"]
        ]

    return translated


def test_the_number_cv04_50_020_is_rh_in_one_edition_and_blood_products_in_another(system):
    rh, products, of_2014 = map(
        system, ("cv04.50.020-2014", "cv04.50.020-2023", "cv04.50.021-2014")
    )
    assert rh["url"] == f"{ARC}.250"
    assert terms.codes(rh) == {"1": "阴性", "2": "阳性", "3": "不详", "4": "未查"}
    assert products["url"] == of_2014["url"] == f"{ARC}.251"
    assert terms.codes(products) == terms.codes(of_2014)
    assert terms.codes(products)["1"] == "红细胞"


def test_no_map_leads_from_rh_to_blood_products(terminology):
    ends = {
        (group["source"], group["target"])
        for map in terminology("ConceptMap").values()
        for group in map["group"]
    }
    assert (f"{ARC}.250", f"{ARC}.251") not in ends


def test_sources_of_payment_were_renumbered_but_keep_their_oid(system, translated):
    old, new = system("cv07.10.003-2011"), system("cv07.00.003-2023")
    assert old["url"] == new["url"] == f"{ARC}.197"
    assert (old["version"], new["version"]) == ("2011", "2023")
    id = "cv07.10.003-2011-to-cv07.00.003-2023"
    assert translated(id, "07") == [("equal", "07")]
    assert translated(id, "99") == [("narrower", "99")]


@pytest.mark.parametrize(
    ("id", "codes"),
    [
        ("cv02.01.101-2011", ["01", "02", "03", "04", "05", "06", "07", "99"]),
        ("cv02.01.101-2023", [*(f"{n:02}" for n in range(1, 13)), "99"]),
        ("identity-document-type-front-page", ["1", "2", "3", "4", "5", "6", "9"]),
        ("cv02.01.204-2014", [*map(str, range(1, 8)), "99"]),
        ("cv02.01.204-2023", [*(f"{n:02}" for n in range(1, 8)), "99"]),
        ("cv02.01.205-2014", [*map(str, range(1, 10)), "99"]),
        ("cv02.01.205-2023", [*(f"{n:02}" for n in range(1, 10)), "99"]),
        ("cv05.10.023-2023", ["1", "2", "3", "9"]),
    ],
)
def test_an_edition_has_its_own_codes_as_they_are_written(system, id, codes):
    assert list(terms.codes(system(id))) == codes


@pytest.mark.parametrize(
    ("old", "name", "new"),
    [
        ("2", "听力残疾", "03"),
        ("6", "视力残疾", "02"),
        ("7", "精神残疾", "07"),
        ("9", "其他残疾", "99"),
    ],
)
def test_disabilities_stand_in_another_order_in_2023(system, translated, old, name, new):
    assert terms.codes(system("cv05.10.001-2011"))[old] == name
    assert terms.codes(system("cv05.10.001-2023"))[new] == name
    assert translated("cv05.10.001-2011-to-cv05.10.001-2023", old) == [("equivalent", new)]


def test_a_local_drip_is_not_the_intrathecal_injection_of_the_same_number(system, translated):
    assert terms.codes(system("cv06.00.102-2023"))["405"] == "鞘内注射"
    assert terms.codes(system("cv06.00.102-2011"))["405"] == "静脉滴注"
    assert ("comment", "地方扩充") in terms.properties(system("cv06.00.102-2011"))["405"]
    assert translated("cv06.00.102-2011-to-cv06.00.102-2023", "405") == [("wider", "404")]


def test_healing_grades_of_2014_also_tell_the_kind_of_incision(translated):
    id = "cv05.10.023-2014-to-cv05.10.023-2023"
    assert translated(id, "4") == [("wider", "1")]
    assert translated(id, "9") == [("wider", "3")]


def test_the_allergens_of_2023_stop_where_a_page_of_the_source_ends(system, translated):
    whole, part = system("cv05.01.038-2011"), system("cv05.01.038-2023")
    assert (whole["content"], part["content"]) == ("complete", "fragment")
    assert "301" in terms.codes(whole)
    assert "301" not in terms.codes(part)
    # Nobody can say that there is none.
    assert translated("cv05.01.038-2011-to-cv05.01.038-2023", "301") == []


def test_options_of_a_form_are_not_the_codes_of_a_table(terminology):
    forms = {id: one for id, one in terminology("CodeSystem").items() if id.endswith("-phs3")}
    assert len(forms) == 19
    for id, one in forms.items():
        assert one["url"] == f"{BASE}/CodeSystem/{id}"


@pytest.mark.parametrize(
    ("form", "table", "option", "wanted"),
    [
        ("phs.marital-phs3", "gbt-2261.2-2003", "3", ("equivalent", "30")),
        ("phs.edu-phs3", "gbt-4658-2006", "9", ("wider", "90")),
        ("phs.kitchen-phs3", "cv03.00.302-2023", "2", ("equivalent", "1")),
        ("phs.kitchen-phs3", "cv03.00.302-2023", "1", ("unmatched", None)),
        ("phs.disease-phs3", "cv02.10.005-2023", "11", ("equivalent", "98")),
        ("phs.drugallergy-phs3", "cv05.01.038-2011", "2", ("wider", "101")),
        ("phs.livestock-phs3", "cda-2.3.2.2", "2", ("equivalent", "1")),
    ],
)
def test_an_option_of_a_form_becomes_a_code(translated, form, table, option, wanted):
    assert translated(f"{form}-to-{table}", option) == [wanted]


def test_urine_strips_have_codes_of_two_digits(system):
    assert {len(code) for code in terms.codes(system("cv04.50.015-2023"))} == {2}


def test_dosage_forms_of_2011_have_two_digits(system):
    assert {len(code) for code in terms.codes(system("cv08.50.002-2011"))} == {2}


@pytest.mark.parametrize("code", ["97", "98"])
def test_what_is_no_nationality_of_the_standard_says_so(system, code):
    table = system("gbt-3304-1991")
    assert not [name for name, _ in terms.properties(table)[code] if name == "alpha2"]
    assert [name for name, _ in terms.properties(table)[code] if name == "comment"]


@pytest.mark.parametrize(
    ("code", "alpha2", "numeric"),
    [("CHN", "CN", "156"), ("SDN", "SD", "729"), ("AFG", "AF", "004")],
)
def test_countries_have_their_other_codes(system, code, alpha2, numeric):
    found = dict(terms.properties(system("gbt-2659"))[code])
    assert (found["alpha2"], found["numeric"]) == (alpha2, numeric)


def test_a_country_that_is_gone_is_inactive(system):
    told = terms.properties(system("gbt-2659"))
    found = [code for code, pairs in told.items() if ("inactive", True) in pairs]
    assert found == ["ANT"]


def test_the_meaning_of_a_data_element_depends_on_its_edition(system):
    birth = "DE02.01.005.01"
    old, new = system("data-elements-2011"), system("data-elements-2023")
    assert old["url"] == new["url"] == "urn:oid:2.16.156.10011.2.2.1"
    assert terms.codes(old)[birth] != terms.codes(new)[birth]


@pytest.mark.parametrize("edition", ["2011", "2023"])
def test_a_number_is_also_called_without_its_unit(system, edition):
    found = next(
        one
        for one, _ in terms.concepts(system(f"data-elements-{edition}")["concept"])
        if one["code"] == "DE04.10.174.00"
    )
    assert found["display"].casefold() in {"收缩压(mmhg)", "收缩压（mmhg）"}
    assert found["designation"] == [{"language": "zh-CN", "value": "收缩压"}]


def test_an_organisation_is_coded_longer_in_2023(system):
    element = "DE08.10.052.00"
    assert ("format", "AN..10") in terms.properties(system("data-elements-2011"))[element]
    assert ("format", "AN18") in terms.properties(system("data-elements-2023"))[element]


def test_blood_counts_are_in_giga_per_litre(terminology):
    value_set = terminology("ValueSet")["loinc-laboratory"]
    assert "6690-2" in {one["code"] for one in value_set["compose"]["include"][0]["concept"]}
    units = dict(terms.properties(terminology("CodeSystem")["loinc-zh"])["6690-2"])
    assert units["unit"] == "10*9/L"


def test_a_retired_division_stays_known(system):
    """Of 110221 昌平县, which became a district in 1999."""
    table = system("gbt-2260")
    assert terms.codes(table)["110221"] == "昌平县"
    found = terms.properties(table)["110221"]
    assert ("inactive", True) in found
    assert ("replacedBy", "110114") in found
    assert [value for name, value in found if name == "validTo"] == ["1998"]


def test_a_division_code_that_was_given_again_keeps_its_earlier_name(system):
    found = next(
        one for one, _ in terms.concepts(system("gbt-2260")["concept"]) if one["code"] == "132201"
    )
    (former,) = found["designation"]
    assert (found["display"], former["value"]) == ("南宫市", "邢台市")
    assert former["extension"][0]["valuePeriod"] == {"end": "1982"}
    years = [pair for pair in terms.properties(system("gbt-2260"))["132201"] if "valid" in pair[0]]
    assert years == [("validTo", "1982"), ("validFrom", "1986"), ("validTo", "1992")]


def test_the_years_of_a_division_code_are_in_order_and_end_when_it_does(system):
    for code, told in terms.properties(system("gbt-2260")).items():
        years = [pair for pair in told if pair[0] in ("validFrom", "validTo")]
        names = [name for name, _ in years]
        assert all(one != next for one, next in pairwise(names)), code
        assert sorted(years, key=lambda pair: pair[1]) == years, code
        is_over = bool(names) and names[-1] == "validTo"
        assert is_over == (("inactive", True) in told), code


def test_a_number_that_begins_with_83_is_known_but_no_division(system):
    table = system("gbt-2260")
    assert "830000" in terms.codes(table)
    assert "不属于 GB/T 2260" in dict(terms.properties(table)["830000"])["comment"]


def test_the_official_list_of_diagnoses_is_not_pretended(terminology):
    found = {
        id: (one["content"], one["status"])
        for id, one in terminology("CodeSystem").items()
        if one["url"] == "urn:oid:2.16.156.10011.2.3.3.11"
    }
    assert found == {
        "gbt-14396-2016": ("fragment", "draft"),
        "icd-10-clinical-2.0-examples": ("example", "draft"),
    }
