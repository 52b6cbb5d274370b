"""The environment is read once, completely, and refused with every fault at once."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.records.environment import Misconfigured, masked
from server.settings import PREFIX, Settings, explained


def faults(environ):
    """Return the message about each variable that is refused."""
    try:
        Settings.from_environment(environ)
    except Misconfigured as refusal:
        return {issue.arguments["name"]: issue.message for issue in refusal.issues}
    return {}


def test_an_empty_environment_gives_the_defaults():
    settings = Settings.from_environment({})
    assert settings == Settings()
    assert settings.mongodb_url is None
    assert settings.base_url == "http://127.0.0.1:8000/fhir"
    assert (settings.page_size, settings.max_page_size) == (20, 1000)


def test_variables_of_others_are_left_alone():
    assert Settings.from_environment({"PATH": "/bin", "TONGKAN": "x"}) == Settings()


def test_an_empty_variable_counts_as_unset():
    assert (
        Settings.from_environment({"TONGKANG_PORT": "", "TONGKANG_MONGODB_URL": ""}) == Settings()
    )


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("PORT", "9000", "port", 9000),
        ("MAX_BODY", "4096", "max_body", 4096),
        ("MAX_BODY", "8 MB", "max_body", 8 * 1024 * 1024),
        ("MAX_BODY", "64kB", "max_body", 64 * 1024),
        ("DATABASE_TIMEOUT", "2.5", "database_timeout", 2.5),
        ("METRICS", "off", "metrics", False),
        ("METRICS", "on", "metrics", True),
        ("LANGUAGE", "en", "language", "en"),
        ("ZONE", "Asia/Urumqi", "zone", "Asia/Urumqi"),
        ("DATA_FOLDER", "/srv/tongkang", "data_folder", Path("/srv/tongkang")),
        (
            "MONGODB_URL",
            "mongodb://a,b,c/?replicaSet=x",
            "mongodb_url",
            "mongodb://a,b,c/?replicaSet=x",
        ),
        ("BASE_URL", "https://fhir.example.org/fhir/", "base_url", "https://fhir.example.org/fhir"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,::1", "trusted_proxies", "10.0.0.0/8,::1"),
    ],
)
def test_a_variable_sets_its_field(variable, text, field, value):
    assert getattr(Settings.from_environment({PREFIX + variable: text}), field) == value


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("PORT", "0", "setting-whole"),
        ("PORT", "80a", "setting-whole"),
        ("PORT", "8000.5", "setting-whole"),
        ("WORKERS", "65", "setting-whole"),
        ("MAX_BODY", "32 XB", "setting-size"),
        ("MAX_BODY", "9999999 GB", "setting-size"),
        ("MAX_BODY", "-1", "setting-size"),
        ("DATABASE_TIMEOUT", "nan", "setting-seconds"),
        ("DATABASE_TIMEOUT", "inf", "setting-seconds"),
        ("DATABASE_TIMEOUT", "soon", "setting-seconds"),
        ("METRICS", "perhaps", "setting-switch"),
        ("LANGUAGE", "fr", "setting-choice"),
        ("ZONE", "Asia/Nowhere", "setting-zone"),
        ("ZONE", "../etc/passwd", "setting-zone"),
        ("DATABASE", "a.b", "setting-database"),
        ("HOST", "bad host", "setting-host"),
        ("MONGODB_URL", "http://mongo", "setting-url"),
        ("MONGODB_URL", "mongodb://", "setting-url"),
        ("BASE_URL", "/fhir", "setting-url"),
        ("TRUSTED_PROXIES", "proxy", "setting-host-list"),
        ("PROT", "80", "setting-unknown"),
    ],
)
def test_a_wrong_variable_is_refused(variable, text, message):
    assert faults({PREFIX + variable: text}) == {PREFIX + variable: message}


def test_every_fault_is_told_at_once():
    refused = faults({"TONGKANG_PORT": "x", "TONGKANG_ZONE": "y", "TONGKANG_WORKER": "2"})
    assert refused == {
        "TONGKANG_PORT": "setting-whole",
        "TONGKANG_ZONE": "setting-zone",
        "TONGKANG_WORKER": "setting-unknown",
    }


def test_an_unknown_variable_is_told_the_nearest_name():
    with pytest.raises(Misconfigured) as refusal:
        Settings.from_environment({"TONGKANG_MONGO_URL": "mongodb://x"})
    assert refusal.value.issues[0].arguments["nearest"] == "TONGKANG_MONGODB_URL"


def test_a_refused_url_does_not_tell_its_password():
    with pytest.raises(Misconfigured) as refusal:
        Settings.from_environment({"TONGKANG_MONGODB_URL": "mongo://ann:s3cr@t@host/"})
    assert "s3cr" not in str(refusal.value)
    assert "ann" not in str(refusal.value)


def test_the_explanation_shows_every_setting_and_no_password():
    settings = Settings(mongodb_url="mongodb://ann:secret@db1,db2/?replicaSet=x", workers=1)
    shown = {variable: value for variable, value, _ in explained(settings)}
    assert shown["TONGKANG_MONGODB_URL"] == "mongodb://***@db1,db2/?replicaSet=x"
    assert shown["TONGKANG_WORKERS"] == "1"
    assert shown["TONGKANG_METRICS"] == "on"


@pytest.mark.parametrize(("language", "stop"), [("zh", "。"), ("en", ".")])
def test_the_meaning_of_every_setting_is_told_in_the_language_that_is_set(language, stop):
    meanings = [meaning for _, _, meaning in explained(Settings(language=language))]
    assert all(meaning.endswith(stop) for meaning in meanings)
    assert len(set(meanings)) == len(meanings)


def test_an_ipv6_address_is_bracketed_in_the_base_url():
    assert Settings(host="::1").base_url == "http://[::1]:8000/fhir"


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1))
def test_no_text_breaks_the_reading(text):
    for variable, _, _ in explained(Settings()):
        assert set(faults({variable: text})) <= {variable}


@given(st.text(), st.text(st.characters(exclude_characters="@/"), min_size=1))
def test_masking_hides_whatever_stands_before_the_host(secret, host):
    assert masked(f"mongodb://{secret}@{host}") == f"mongodb://***@{host}"
