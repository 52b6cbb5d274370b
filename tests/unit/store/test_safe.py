"""What the server keeps secret is of no use to who has the database alone."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from server.fhir.outcome import Unavailable
from server.records.environment import Misconfigured
from server.settings import Settings
from server.store.mongod import CannotStart
from server.store.safe import Safe, check
from tests.builders import secret_key_file

BASE = "https://fhir.test/fhir"


def production(path):
    return Settings(mode="production", base_url=BASE, secret_key_file=path)


@pytest.fixture
def path(tmp_path):
    return secret_key_file(tmp_path)


@pytest.fixture
def safe(path):
    return Safe(production(path))


@pytest.mark.parametrize("text", ["", "secret", "陈甲子" * 1000])
def test_what_is_closed_is_opened_again(safe, path, text):
    kept = safe.closed(text, "_accounts/a")
    assert text == "" or text not in kept
    assert Safe(production(path)).opened(kept, "_accounts/a") == text
    assert safe.closed(text, "_accounts/a") != kept


def test_it_is_bound_to_its_place_and_cannot_be_changed(safe):
    kept = safe.closed("secret", "_accounts/a")
    changed = kept[:-4] + ("AAAA" if kept[-4:] != "AAAA" else "BBBB")
    for said, place in (
        (kept, "_accounts/b"),
        (changed, "_accounts/a"),
        (kept[:30], "_accounts/a"),
    ):
        with pytest.raises(Unavailable):
            safe.opened(said, place)


def test_what_was_plain_is_read_as_it_is(safe):
    assert safe.opened("JBSWY3DPEHPK3PXP", "_accounts/a") == "JBSWY3DPEHPK3PXP"
    assert not safe.is_current("JBSWY3DPEHPK3PXP")


def test_keys_are_changed_without_a_break(safe, path):
    kept, old = safe.closed("secret", "a"), path.read_bytes()
    new = Safe(production(secret_key_file(path.parent, old)))
    assert new.opened(kept, "a") == "secret"
    assert not new.is_current(kept)
    again = new.closed("secret", "a")
    assert new.is_current(again)
    for other, said in ((safe, again), (Safe(production(secret_key_file(path.parent))), kept)):
        with pytest.raises(Unavailable):
            other.opened(said, "a")


@pytest.mark.parametrize("content", [None, b"", b"x", b"eA==", b"\xff" * 44])
def test_a_server_in_production_does_not_start_without_good_keys(tmp_path, content):
    path = tmp_path / "none"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CannotStart):
        check(production(path))
    assert path.exists() == (content is not None)


def test_production_has_to_name_the_file():
    with pytest.raises(Misconfigured) as refused:
        Settings(mode="production", base_url=BASE)
    assert [one.message for one in refused.value.issues] == ["setting-secret-key-in-production"]


def test_development_makes_one_key_for_all_its_processes_and_shows_it_to_nobody(tmp_path):
    settings = Settings(data_folder=tmp_path / "new")
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: list(Safe(settings).keys), range(8)))
    assert found == [found[0]] * 8
    (made,) = (tmp_path / "new").iterdir()
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_an_open_server_makes_none(tmp_path):
    check(Settings(data_folder=tmp_path / "new", access="open"))
    assert list(tmp_path.iterdir()) == []
