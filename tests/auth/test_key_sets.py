"""BKS-09 to BKS-11: a client's keys at a URL, and what such a URL must not be able to reach.

https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
"""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from joserfc.jwk import ECKey

from server.auth.jwks import Fetcher, Unreachable
from server.records.environment import Misconfigured
from server.settings import Settings
from tests import processes
from tests.auth.publisher import Publisher

REFUSED = (400, 401)


@pytest.fixture(scope="module")
def near(guarded, mongodb_url, tmp_path_factory):
    """A server of one process that takes keys from this machine, as only development does."""
    log = tmp_path_factory.mktemp("near") / "server.log"
    server = processes.Server(
        log, mongodb_url=mongodb_url, database=guarded.database, workers=1, access="oauth",
        jwks_loopback="on",
    )  # fmt: skip
    server.start()
    yield server.ready()
    server.end()


@pytest.fixture
def publisher(keys):
    opened = Publisher([keys["ES384"].as_dict(private=False)])
    yield opened
    opened.close()


@pytest.fixture
def published(register, publisher):
    """The id of a system whose keys are at the publisher's."""
    return register(
        kind="backend", auth_method="private_key_jwt", grant_types=["client_credentials"],
        redirect_uris=[], scope="system/*.rs", jwks_uri=publisher.url,
    )  # fmt: skip


@pytest.fixture
def ask_near(near, ask, sign, published):
    """Return a function that asks the server `near` for a token."""

    def ask_near(key=None, header=None):
        url = f"{near.root}/token"
        return ask(sign(published, key=key, header=header, aud=url), url=url)

    return ask_near


def test_bks_10_keys_are_fetched_once_and_kept(ask_near, publisher):
    assert [ask_near().status_code for _ in range(3)] == [200] * 3
    (headers,) = publisher.asked
    assert headers["Accept"] == "application/json"
    assert not {"Cookie", "Authorization", "Referer"} & set(headers)


@pytest.mark.parametrize("control", ["no-store", "private, no-cache", "max-age=0"])
def test_bks_10_keys_are_kept_no_longer_than_their_server_allows(ask_near, publisher, control):
    publisher.control = control
    assert [ask_near().status_code for _ in range(3)] == [200] * 3
    assert len(publisher.asked) == 3


def test_bks_10_a_kept_key_is_fetched_again_when_its_time_is_over(ask_near, publisher):
    publisher.control = "max-age=1"
    assert ask_near().status_code == 200
    time.sleep(1.1)
    assert ask_near().status_code == 200
    assert len(publisher.asked) == 2


def test_bks_10_for_an_unknown_key_the_set_is_fetched_once_more_and_not_again(
    ask_near, publisher, keys
):
    new = ECKey.generate_key("P-384", {"kid": "new"})
    fetcher = Fetcher(loopback=True)
    fetcher.keys(publisher.url)
    assert [fetcher.keys(publisher.url, anew=True) for _ in range(5)]
    assert len(publisher.asked) == 1  # it is not ten seconds old
    assert {ask_near(key=new).status_code for _ in range(5)} <= set(REFUSED)
    assert len(publisher.asked) == 2


def test_bks_10_nobody_makes_us_fetch_with_every_request(ask_near, publisher):
    publisher.control = "no-store"
    unknown = ECKey.generate_key("P-384", {"kid": "unknown"})
    for _ in range(10):
        assert ask_near(key=unknown).status_code in REFUSED
    assert ask_near().status_code == 200
    assert len(publisher.asked) == 5


def test_bks_10_a_set_is_fetched_once_for_all_who_ask_at_the_same_time(publisher):
    publisher.drips = True
    publisher.keys = []
    fetcher = Fetcher(loopback=True)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(fetcher.keys, [publisher.url] * 8))
    assert found == [{"keys": []}] * 8
    assert len(publisher.asked) == 1


def test_bks_10_a_new_key_counts_as_soon_as_the_set_is_fetched(ask_near, publisher):
    new = ECKey.generate_key("P-384", {"kid": "new"})
    publisher.keys.append(new.as_dict(private=False))
    publisher.control = "no-store"
    assert ask_near(key=new).status_code == 200
    assert ask_near().status_code == 200


def test_bks_09_a_jku_is_the_registered_url_or_nothing(ask_near, publisher, keys):
    assert ask_near(header={"jku": publisher.url}).status_code == 200
    other = Publisher([keys["ES384"].as_dict(private=False)])
    try:
        assert ask_near(header={"jku": other.url}).status_code in REFUSED
        assert other.asked == []
    finally:
        other.close()


def test_bks_11_a_redirection_is_not_followed(ask_near, publisher, keys):
    other = Publisher([keys["ES384"].as_dict(private=False)])
    try:
        publisher.status, publisher.location = 302, other.url
        assert ask_near().status_code in REFUSED
        assert other.asked == []
    finally:
        other.close()


@pytest.mark.parametrize(
    "fault",
    [{"status": 404}, {"status": 500}, {"content_type": "text/html"}, {"padding": 300_000},
     {"keys": "x"}],
)  # fmt: skip
def test_bks_11_what_is_no_small_set_of_keys_is_refused_and_not_asked_for_again(
    ask_near, publisher, fault
):
    for name, value in fault.items():
        setattr(publisher, name, value)
    answers = [ask_near() for _ in range(3)]
    assert {answer.status_code for answer in answers} <= set(REFUSED)
    assert {answer.json()["error"] for answer in answers} == {"invalid_client"}
    assert len({answer.text for answer in answers}) == 1
    assert len(publisher.asked) == 1


def test_bks_11_a_set_that_comes_by_drips_is_not_waited_for(publisher):
    publisher.drips = True
    begun = time.monotonic()
    with pytest.raises(Unreachable):
        Fetcher(loopback=True).keys(publisher.url)
    assert time.monotonic() - begun < 12


def test_bks_11_this_machine_is_out_of_reach_unless_told(ask, sign, published, publisher):
    assert ask(sign(published)).status_code in REFUSED
    assert publisher.asked == []


@pytest.fixture(scope="module")
def listener():
    """A socket of this machine on all addresses; what connects is counted."""
    opened, met = socket.create_server(("", 0)), []

    def serve():
        while True:
            try:
                connection, address = opened.accept()
            except OSError:
                return
            met.append(address)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    yield opened.getsockname()[1], met
    opened.close()


HOSTS = [
    "127.0.0.1", "localhost", "0.0.0.0", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]",
    "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::1]", "[fe80::1]", "[fc00::1]", "[ff02::1]", "10.0.0.1", "172.16.0.1",
    "192.168.0.1", "100.64.0.1", "169.254.169.254", "224.0.0.1", "255.255.255.255", "192.0.2.1",
    "user@127.0.0.1", "a" * 64 + ".test", "..", "居民.test", "",
]  # fmt: skip


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("host", HOSTS)
def test_bks_11_nothing_is_reached_that_is_not_public(listener, scheme, host):
    port, met = listener
    with pytest.raises(Unreachable):
        Fetcher(loopback=False).keys(f"{scheme}://{host}:{port}/jwks")
    assert met == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://1.1.1.1/", "gopher://1.1.1.1", "x"])
def test_bks_11_nothing_is_fetched_but_by_https(url):
    with pytest.raises(Unreachable):
        Fetcher(loopback=False).keys(url)


def test_bks_11_a_name_is_looked_up_once_and_that_address_connected_to(publisher, monkeypatch):
    """A name whose address changes between the look and the connection gains nothing by it."""
    looked_up, real = [], socket.getaddrinfo

    def getaddrinfo(host, *given, **named):
        if host == "keys.test":
            looked_up.append(host)
            host = "127.0.0.1" if len(looked_up) == 1 else "127.0.0.9"
        return real(host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    url = f"http://keys.test:{publisher.port}/jwks"
    assert Fetcher(loopback=True).keys(url)["keys"]
    assert looked_up == ["keys.test"]
    assert publisher.asked[0]["Host"] == f"keys.test:{publisher.port}"


def test_bks_11_one_private_address_among_public_ones_is_enough(monkeypatch):
    found = [(2, 1, 6, "", (address, 443)) for address in ("1.1.1.1", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(Unreachable):
        Fetcher(loopback=False).keys("https://keys.test/jwks")


def test_bks_11_keys_of_this_machine_are_not_for_production():
    with pytest.raises(Misconfigured):
        Settings(mode="production", jwks_loopback=True, base_url="https://fhir.test/fhir")
