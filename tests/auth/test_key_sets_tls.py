"""BKS-11: keys come from whoever the certificate says it is, by the name that was registered."""

import http.server
import ipaddress
import json
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from server.auth.jwks import Fetcher, Unreachable


def certificate(name, key, issuer, signer, *, is_ca=False):
    """Return a certificate of `name`, signed by `issuer` with `signer`."""
    now = datetime.now(UTC)
    try:
        other = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        other = x509.DNSName(name)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([other]), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )


@pytest.fixture(scope="module")
def authority():
    """The key of an authority and its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key, certificate("authority.test", key, "authority.test", key, is_ca=True)


@pytest.fixture
def publish(authority, tmp_path, monkeypatch):
    """Return a function that publishes keys over TLS with a certificate of `name`; its port."""
    signer, issuer = authority
    (tmp_path / "authority.pem").write_bytes(issuer.public_bytes(Encoding.PEM))
    running, real = [], socket.getaddrinfo

    def getaddrinfo(host, *given, **named):
        return real("127.0.0.1" if host == "keys.test" else host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"keys": []}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Say nothing."""

    def publish(name, *, trusted=True):
        key = ec.generate_private_key(ec.SECP256R1())
        made = certificate(name, key, "authority.test", signer)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain = tmp_path / "chain.pem"
        chain.write_bytes(private + made.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        return server.server_address[1]

    yield publish
    for server in running:
        server.shutdown()
        server.server_close()


def test_bks_11_keys_are_taken_from_who_proves_to_be_the_one_registered(publish):
    port = publish("keys.test")
    assert Fetcher(loopback=True).keys(f"https://keys.test:{port}/jwks") == {"keys": []}


@pytest.mark.parametrize("name", ["other.test", "127.0.0.1", "x.keys.test"])
def test_bks_11_a_certificate_of_another_name_is_none(publish, name):
    port = publish(name)
    with pytest.raises(Unreachable):
        Fetcher(loopback=True).keys(f"https://keys.test:{port}/jwks")


def test_bks_11_a_certificate_of_nobody_known_is_none(publish):
    port = publish("keys.test", trusted=False)
    with pytest.raises(Unreachable):
        Fetcher(loopback=True).keys(f"https://keys.test:{port}/jwks")
