"""`tongkang terminology`: large code systems come in from files while a server runs."""

import pytest

from tests import nursery
from tests.api.client import refused
from tests.api.test_operation_expand import codes, expansion
from tests.api.test_operation_lookup import told
from tests.builders import fresh
from tests.processes import wait_until

TABLE = "编码,名称\nI10,高血压病\nI10.x00,原发性高血压\nE11,2型糖尿病\n"


@pytest.fixture
def run(server_process):
    """Return a function that runs a command on the server's database: (exit code, its words)."""

    def run(*words):
        done = nursery.ran("terminology", *words, environ=server_process.environ)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def loaded(run, tmp_path):
    """The URL of a code system that is loaded in edition 1."""
    url = f"http://example.org/{fresh()}"
    file = tmp_path / "table.csv"
    file.write_text(TABLE)
    code, said = run("load", str(file), "--system", url, "--version", "1", "--by-prefix")
    assert code == 0, said
    assert "3" in said
    return url


def known(fhir, url, code):
    return fhir.get(f"CodeSystem/$lookup?system={url}&code={code}").status_code == 200


def test_what_is_loaded_is_answered_for(fhir, run, loaded):
    wait_until(lambda: all(known(fhir, loaded, "I10") for _ in range(4)))
    found = told(fhir.get(f"CodeSystem/$lookup?system={loaded}&code=I10.x00"))
    assert found["display"] == ["原发性高血压"]
    assert {"code": "parent", "value": "I10"} in found["property"]
    asked = f"CodeSystem/$subsumes?system={loaded}&codeA=I10&codeB=I10.x00"
    assert told(fhir.get(asked))["outcome"] == ["subsumes"]
    everything = f"ValueSet/$expand?url={loaded}?fhir_vs"
    assert codes(fhir.get(everything)) == ["I10", "I10.x00", "E11"]
    assert codes(fhir.get(f"{everything}&filter=tnb")) == ["E11"]
    assert codes(fhir.get(f"{everything}&count=1&offset=1")) == ["I10.x00"]
    beneath = f"ValueSet/$expand?url={loaded}?fhir_vs=isa/I10"
    assert expansion(fhir.get(beneath))["total"] == 2
    (resource,) = fhir.bundle(f"CodeSystem?url={loaded}")["entry"]
    assert resource["resource"]["content"] == "not-present"
    assert resource["resource"]["count"] == 3
    assert f"{loaded}|1" in run("list")[1]


def test_a_bad_file_changes_nothing(fhir, run, loaded, tmp_path):
    file = tmp_path / "bad.csv"
    file.write_text(TABLE + "I10,again\n,nothing\n")
    code, said = run("load", str(file), "--system", loaded, "--version", "1")
    assert code == 1
    assert "5" in said
    assert "6" in said
    wait_until(lambda: known(fhir, loaded, "E11"))


def test_what_is_removed_is_known_no_more(fhir, run, loaded):
    assert run("remove", "--system", loaded, "--version", "1")[0] == 0
    wait_until(lambda: not any(known(fhir, loaded, "I10") for _ in range(4)))
    refused(fhir.get(f"CodeSystem/$lookup?system={loaded}&code=I10"), 404)
    assert fhir.ids(f"CodeSystem?url={loaded}") == []


def test_what_comes_with_the_server_is_not_replaced(run, tmp_path):
    file = tmp_path / "table.csv"
    file.write_text(TABLE)
    url = "urn:oid:2.16.156.10011.2.3.3.4"
    code, said = run("load", str(file), "--system", url, "--version", "2003")
    assert code == 1
    assert url in said


def test_a_load_needs_a_name(run, tmp_path):
    file = tmp_path / "table.csv"
    file.write_text(TABLE)
    assert run("load", str(file))[0] == 1
