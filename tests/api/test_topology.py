"""Two servers, three members and a TLS proxy go on when any one of them is killed.

The same topology as docker/compose.yaml, of real processes.
"""

import re
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.processes import ROOT, Process, Server, free_port, wait_until
from tests.replica_set import ReplicaSet

PATIENT = {"resourceType": "Patient", "active": True}
CADDY = Path(sys.executable).parent / "caddy"


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    members = ReplicaSet(tmp_path_factory.mktemp("members"))
    try:
        yield members.start()
    finally:
        members.stop()


@pytest.fixture(scope="module")
def servers(members, tmp_path_factory):
    folder = tmp_path_factory.mktemp("servers")
    servers = [
        Server(folder / f"server{number}.log", mongodb_url=members.url, database="topology")
        for number in (1, 2)
    ]
    for server in servers:
        server.start()
    try:
        yield [server.ready() for server in servers]
    finally:
        for server in servers:
            server.end()


@pytest.fixture(scope="module")
def proxy(servers, tmp_path_factory):
    """The base URL of the servers behind the proxy of docker/, on ports that need no right."""
    folder = tmp_path_factory.mktemp("proxy")
    http, https = free_port(), free_port()
    ports = f"{{\n\thttp_port {http}\n\thttps_port {https}\n\tskip_install_trust\n\tadmin off\n"
    text = (ROOT / "docker" / "Caddyfile").read_text("utf-8")
    (folder / "Caddyfile").write_text(re.sub(r"^\{\n", ports, text, count=1, flags=re.MULTILINE))
    command = [str(CADDY), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    caddy = Process(
        command, folder / "caddy.log", servers=" ".join(server.root[7:] for server in servers)
    )
    caddy.environ |= {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    caddy.start()
    try:
        authority = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        wait_until(authority.exists)
        with requests.Session() as session:
            session.trust_env = False  # or a bundle named there is preferred
            session.verify = str(authority)
            session.base = f"https://localhost:{https}/fhir"
            wait_until(lambda: answer(session, "metadata") == 200)
            yield session
    finally:
        caddy.stop()


def answer(session, path):
    """Return the status that the proxy answers with, 0 if it does not yet."""
    try:
        return session.get(f"{session.base}/{path}", timeout=10).status_code
    except requests.ConnectionError:
        return 0


def create(base):
    """Create a Patient; return its id, or None if the server asks to try later."""
    response = requests.post(
        f"{base}/Patient",
        json=PATIENT,
        headers={"Content-Type": "application/fhir+json", "Prefer": "return=representation"},
        timeout=30,
    )
    assert response.status_code in (201, 503), response.text
    if response.status_code == 503:
        assert int(response.headers["Retry-After"]) > 0
        return None
    return response.json()["id"]


def create_until(base, seconds):
    """Create Patients until one is stored; return its id."""
    deadline = time.monotonic() + seconds
    while (created := create(base)) is None:
        assert time.monotonic() < deadline
    return created


def test_what_one_server_stores_the_other_reads(servers):
    one, other = servers
    created = create(one.base)
    assert requests.get(f"{other.base}/Patient/{created}", timeout=10).json()["id"] == created


def test_the_proxy_speaks_tls_and_keeps_the_operators_pages_to_itself(proxy):
    assert answer(proxy, "metadata") == 200
    for path in ("metrics", "livez", "readyz"):
        assert answer(proxy, f"../{path}") == 404
    headers = proxy.get(f"{proxy.base}/metadata", timeout=10).headers
    assert "max-age" in headers["Strict-Transport-Security"]


def test_writing_goes_on_after_the_primary_is_killed(members, servers):
    stored = [create(server.base) for server in servers for _ in range(10)]
    primary = members.primary()
    members.kill(primary)
    stored += [create_until(server.base, 30) for server in servers]
    assert members.primary() != primary
    members.start_member(primary)
    for created in stored:
        for server in servers:
            assert requests.get(f"{server.base}/Patient/{created}", timeout=10).status_code == 200


def test_the_proxy_goes_on_with_one_server_when_the_other_is_killed(proxy, servers):
    servers[0].kill()
    try:
        for _ in range(20):
            assert answer(proxy, "metadata") == 200
    finally:
        servers[0].start().ready()


def test_a_reading_caller_does_not_notice_that_a_secondary_is_killed(members, servers):
    created = create_until(servers[0].base, 30)
    primary = members.primary()
    secondary = next(port for port in members.folders if port != primary)
    members.kill(secondary)
    for _ in range(20):
        response = requests.get(f"{servers[0].base}/Patient/{created}", timeout=10)
        assert response.status_code == 200
    members.start_member(secondary)
    assert create_until(servers[1].base, 30)
