"""A plain FHIR client for the tests, and what they say about answers."""

import json
import re
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests

Json = dict[str, Any]
Response = requests.Response

FHIR_JSON = "application/fhir+json"
HAN = re.compile("[一-鿿]")


@dataclass(frozen=True, slots=True)
class Client:
    """Speaks FHIR to the server at `base`; `headers` go with every request."""

    base: str
    headers: dict[str, str] = field(default_factory=dict)
    session: requests.Session = field(default_factory=requests.Session)

    def request(
        self, method: str, path: str, body: Json | bytes | None = None, /, **headers: str
    ) -> Response:
        """Send one request to `path` below the base; ``If_Match="x"`` is the header If-Match."""
        sent = {"Accept": FHIR_JSON, **self.headers}
        if body is not None:
            sent["Content-Type"] = FHIR_JSON
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = json.dumps(body, ensure_ascii=False).encode() if isinstance(body, dict) else body
        return self.session.request(
            method,
            f"{self.base}/{path}",
            data=data,
            headers=sent,
            timeout=30,
            allow_redirects=False,
        )

    def get(self, path: str, /, **headers: str) -> Response:
        """Send a GET."""
        return self.request("GET", path, **headers)

    def post(self, path: str, body: Json | bytes, /, **headers: str) -> Response:
        """Send a POST."""
        return self.request("POST", path, body, **headers)

    def put(self, path: str, body: Json | bytes, /, **headers: str) -> Response:
        """Send a PUT."""
        return self.request("PUT", path, body, **headers)

    def delete(self, path: str, /, **headers: str) -> Response:
        """Send a DELETE."""
        return self.request("DELETE", path, **headers)

    def create(self, resource: Json) -> Json:
        """Create `resource` and return it as stored."""
        answer = self.post(resource["resourceType"], resource)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def update(self, resource: Json) -> Json:
        """Update `resource` under its own id and return it as stored."""
        answer = self.put(f"{resource['resourceType']}/{resource['id']}", resource)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def read(self, type: str, id: str) -> Json:
        """Return the current version of a resource."""
        answer = self.get(f"{type}/{id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def bundle(self, path: str) -> Json:
        """Return the Bundle at `path`."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["resourceType"] == "Bundle"
        return found

    def ids(self, path: str) -> list[str]:
        """Return the ids of the resources in the first page of the Bundle at `path`."""
        return [entry["resource"]["id"] for entry in self.bundle(path).get("entry", [])]

    def pages(self, path: str) -> list[Json]:
        """Return the Bundle at `path` and all that its next links lead to."""
        found = [self.bundle(path)]
        while (next_url := link(found[-1], "next")) is not None:
            assert next_url.startswith(self.base), next_url
            found.append(self.bundle(next_url.removeprefix(f"{self.base}/")))
            assert len(found) < 200, "the next links lead in a circle"
        return found


def link(bundle: Json, relation: str) -> str | None:
    """Return the URL of the link `relation`, None if there is none."""
    urls = [each["url"] for each in bundle.get("link", []) if each["relation"] == relation]
    assert len(urls) <= 1, f"the link {relation} is there twice"
    return urls[0] if urls else None


def refused(response: Response, *statuses: int, language: str = "zh") -> list[Json]:
    """Return the issues of a refusal, having checked that it is a proper one.

    It has one of `statuses`, is an OperationOutcome in FHIR JSON with a severity, a code
    and a text in `language` for each issue, and betrays nothing of the inside.
    """
    assert response.status_code in statuses, f"{response.status_code}: {response.text[:500]}"
    assert response.headers["Content-Type"].split(";")[0] == FHIR_JSON
    return refusal(response.content, language)


def refusal(body: bytes, language: str = "zh") -> list[Json]:
    """Return the issues in `body`, an OperationOutcome of a refusal in `language`."""
    found = json.loads(body)
    assert found["resourceType"] == "OperationOutcome"
    assert found["issue"]
    for issue in found["issue"]:
        assert issue["severity"] in ("fatal", "error")
        assert issue["code"]
        text = issue["details"]["text"]
        assert bool(HAN.search(text)) == (language == "zh"), text
    told = body.decode()
    assert not re.search(r"Traceback|File \"|pymongo|werkzeug|/server/", told), told
    return found["issue"]


def etag(response: Response) -> str:
    """Return the ETag, which is the weak one of the version."""
    tag = response.headers["ETag"]
    assert re.fullmatch(r'W/"\d+"', tag), tag
    return tag


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back over a bare socket; `status` 0 means nothing before the connection closed."""

    status: int
    headers: dict[str, str]
    body: bytes


def raw(base: str, sent: bytes, *, finish: bool = True, wait: float = 15) -> RawAnswer:
    """Send bytes as they are and return the first answer.

    `finish` closes our side afterwards, so that the server sees the end.
    """
    parts = urlsplit(base)
    with socket.create_connection((parts.hostname, parts.port), timeout=wait) as connection:
        # The server may refuse and close before it has read all; what it said is still there.
        with suppress(OSError):
            connection.sendall(sent)
            if finish:
                connection.shutdown(socket.SHUT_WR)
        return _answer(connection)


def _answer(connection: socket.socket) -> RawAnswer:
    received = b""
    while not _complete(received):
        try:
            chunk = connection.recv(65536)
        except ConnectionResetError:
            break
        if not chunk:
            break
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    if not head:
        return RawAnswer(0, {}, b"")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    length = int(headers.get("content-length", len(body)))
    return RawAnswer(int(status.split()[1]), headers, body[:length])


def _complete(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return bool(end and length and len(body) >= int(length[1]))
