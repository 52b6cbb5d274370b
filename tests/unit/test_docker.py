"""The files for containers are well-formed, and say the same as the rest of the project."""

import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from server.settings import PREFIX, Settings, explained
from server.store import mongod

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
TOOLS = Path(sys.executable).parent


def run(*words):
    """Run a tool of the virtual environment and return what it printed."""
    result = subprocess.run(
        [TOOLS / words[0], *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def compose():
    return YAML(typ="safe").load((DOCKER / "compose.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def dockerfile():
    return (DOCKER / "Dockerfile").read_text("utf-8")


def test_the_dockerfile_follows_the_rules_of_hadolint():
    assert run("hadolint", "docker/Dockerfile") == ""


def test_the_compose_file_follows_the_compose_specification():
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker/compose.yaml")


def test_the_proxy_understands_its_configuration():
    run("caddy", "validate", "--adapter", "caddyfile", "--config", "docker/Caddyfile")
    run("caddy", "fmt", "--diff", "docker/Caddyfile")


def test_what_is_deployed_runs_in_production(compose):
    for server in ("server1", "server2"):
        environment = compose["services"][server]["environment"]
        assert environment["TONGKANG_MODE"] == "${TONGKANG_MODE:-production}"
        assert environment["TONGKANG_BASE_URL"].startswith("https://")


def test_the_server_does_not_run_as_root(dockerfile):
    last_stage = dockerfile.rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!0|root)\S+", last_stage, re.MULTILINE)


def test_the_image_takes_only_locked_and_hashed_packages(dockerfile):
    installs = re.findall(r"pip install (.*?)(?:\\\n|\n)", dockerfile)
    assert installs
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)


def test_the_image_copies_all_that_the_wheel_is_made_of(dockerfile):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = set(re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.MULTILINE))
    words = {word for line in copied for word in line.split()}
    assert {*wheel["packages"], *wheel["force-include"], "pyproject.toml", "LICENSE"} <= words


def test_the_ports_of_the_image_and_of_the_proxy_agree(dockerfile):
    port = re.search(r"TONGKANG_PORT=(\d+)", dockerfile)[1]
    assert f"EXPOSE {port}" in dockerfile
    assert f"server1:{port} server2:{port}" in (DOCKER / "Caddyfile").read_text("utf-8")


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_health_is_asked_for_where_the_server_listens(dockerfile, status, code):
    """The command of HEALTHCHECK is run against a server on a port of its own."""
    command = json.loads(re.search(r"HEALTHCHECK.*\\\n\s*CMD (\[.*\])", dockerfile)[1])
    asked = []

    class Ready(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Ready) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        environ = {**os.environ, f"{PREFIX}PORT": str(server.server_port)}
        check = subprocess.run(
            [sys.executable, *command[1:]], env=environ, capture_output=True, check=False
        )
    assert (check.returncode, asked) == (code, ["/readyz"])


def test_what_is_private_or_made_here_stays_out_of_the_build_context():
    ignored = set((ROOT / ".dockerignore").read_text("utf-8").split("\n"))
    assert {".git", ".venv", "var", "docker/mongodb.key", "docker/secret.key"} <= ignored
    ours = {line.rstrip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split()}
    assert {line for line in ours if not {line, f"**/{line}"} & ignored} == set()


def test_what_the_image_copies_is_in_the_build_context(dockerfile):
    ignored = set((ROOT / ".dockerignore").read_text("utf-8").split("\n"))
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.MULTILINE)
    assert {word for line in copied for word in line.split()} & ignored == set()


def test_transactions_of_a_dead_server_end_as_soon_as_with_the_private_mongod(compose):
    command = " ".join(mongod.arguments(Path("data"), 27017))
    limit = re.search(r"--setParameter transactionLifetimeLimitSeconds=\d+", command)[0]
    for member in ("mongodb1", "mongodb2", "mongodb3"):
        assert limit in str(compose["services"][member]["command"])


def test_there_are_two_servers_three_members_and_a_proxy(compose):
    services = set(compose["services"])
    assert {"proxy", "server1", "server2", "mongodb1", "mongodb2", "mongodb3"} <= services


def test_jobs_are_done_beside_the_servers_with_the_same_settings(compose):
    jobs, server = compose["services"]["jobs"], compose["services"]["server1"]
    assert jobs["command"] == ["tongkang", "jobs"]
    assert server["environment"]["TONGKANG_JOB_WORKERS"] == "0"
    differing = {
        name
        for name in jobs["environment"] | server["environment"]
        if jobs["environment"].get(name) != server["environment"].get(name)
    }
    assert differing == {"TONGKANG_JOB_WORKERS"}
    assert jobs["networks"] == ["data"]
    assert jobs["secrets"] == server["secrets"]


def test_only_the_proxy_can_be_reached_from_outside(compose):
    published = [name for name, service in compose["services"].items() if "ports" in service]
    assert published == ["proxy"]
    assert compose["networks"]["data"]["internal"] is True


def test_the_servers_settings_exist_and_are_accepted(compose):
    known = {variable for variable, _, _ in explained(Settings())}
    given = compose["services"]["server1"]["environment"]
    assert set(given) <= known
    filled = {
        key: re.sub(r"\$\{\w+(?::-(.*?)|:\?.*?)?\}", r"\1", text) for key, text in given.items()
    }
    settings = Settings.from_environment(filled)
    assert settings.mongodb_url.count(",") == 2
    assert settings.base_url == "https://localhost/fhir"


def test_the_replica_set_has_the_name_and_the_members_that_the_servers_ask_for(compose):
    script = (DOCKER / "replica-set.js").read_text("utf-8")
    url = compose["services"]["server1"]["environment"][f"{PREFIX}MONGODB_URL"]
    members = re.search(r"@([^/]+)/", url)[1].split(",")
    assert all(f'"{member}"' in script and member in compose["services"] for member in members)
    name = re.search(r"replicaSet=(\w+)", url)[1]
    assert f'_id: "{name}"' in script
    assert f"--replSet {name}" in str(compose["services"]["mongodb1"]["command"])


def test_the_readme_names_every_variable_of_the_compose_file():
    used = set(re.findall(r"\$\{(\w+)", (DOCKER / "compose.yaml").read_text("utf-8")))
    readme = (DOCKER / "README.md").read_text("utf-8")
    assert {variable for variable in used if f"`{variable}`" not in readme} == set()
