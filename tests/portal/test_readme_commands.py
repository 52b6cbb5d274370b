"""The commands of both READMEs do what is said there."""

import json
import re
import subprocess
import sys

import pytest

from tests import processes
from tests.visits import id_number, person, record

ROOT_URL = "http://127.0.0.1:8000"
"""Where the server of the READMEs is."""

pytestmark = pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])


def piece(readme, language, word):
    """Return the piece of code in `language` that has `word` in it."""
    text = (processes.ROOT / readme).read_text("utf-8")
    pieces = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (found,) = (each for each in pieces if word in each)
    return found


@pytest.fixture
def run(guarded):
    """Return a function that runs a command where a reader would, and returns what it prints."""

    def run(*command):
        done = subprocess.run(
            command, cwd=processes.ROOT, env=guarded.environ, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def shell(guarded, run):
    def shell(script):
        here = script.replace(ROOT_URL, guarded.root)
        return run("bash", "-euo", "pipefail", "-c", here)

    return shell


@pytest.fixture
def token(shell):
    return shell(".venv/bin/tongkang token").strip()


def resources(text):
    """Return the resources that are printed one after the other in `text`."""
    found, decoder = [], json.JSONDecoder()
    while text := text.strip():
        resource, end = decoder.raw_decode(text)
        found.append(resource)
        text = text[end:]
    return found


def test_the_first_searches_find(shell, readme):
    answers = resources(shell(piece(readme, "sh", "_sort=-date")))
    assert [each["resourceType"] for each in answers] == ["Bundle", "Bundle"]


def test_a_system_pushes_what_it_pushed_before_and_changes_nothing(shell, token, tmp_path, readme):
    file = tmp_path / "visit.json"
    file.write_text(json.dumps(record(person(id_number(1)))))
    push = f"T={token}\n" + piece(readme, "sh", "@visit.json").replace("visit.json", str(file))
    first, again = resources(shell(push + push))
    assert first["resourceType"] == "EncounterRecord"
    assert again == first


def test_a_client_library_reads_with_a_token(guarded, run, token, readme):
    program = piece(readme, "python", "fhirpy").replace(ROOT_URL, guarded.root)
    run(sys.executable, "-c", program.replace("…", token))
