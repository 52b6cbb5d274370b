"""A quick client: one connection kept open for each thread, and answers taken apart."""

import json
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from threading import local
from typing import Any
from urllib.parse import urlsplit

from tests.security.access.tokens import Token

FHIR_JSON = "application/fhir+json"
FORM = "application/x-www-form-urlencoded"
Key = tuple[str, str, int]
"""A type, an id, a version."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @cached_property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    def entries(self, mode: str | None = None) -> list[dict[str, Any]]:
        """Return the entries of a Bundle, of one search mode."""
        found = self.json.get("entry", [])
        return [one for one in found if mode in (None, one.get("search", {}).get("mode"))]

    def keys(self, mode: str | None = None) -> list[Key]:
        """Return which versions the entries of a Bundle are, also deletions in a history."""
        return [_key(one) for one in self.entries(mode)]

    def link(self, relation: str) -> str | None:
        """Return the URL of a link of a Bundle."""
        urls = [one["url"] for one in self.json.get("link", ()) if one["relation"] == relation]
        return urls[0] if urls else None


def _key(entry: dict[str, Any]) -> Key:
    resource = entry.get("resource")
    if resource is not None:
        return resource["resourceType"], resource["id"], int(resource["meta"]["versionId"])
    type, id = entry["request"]["url"].split("/")
    return type, id, int(entry["response"]["etag"].strip('W/"'))


class Wire:
    """Speaks to the server at `root`, whose FHIR base is called `base` in its answers."""

    def __init__(self, root: str, base: str) -> None:
        self.address = urlsplit(root).netloc
        self.base = base
        self._local = local()
        self._open: list[HTTPConnection] = []

    def send(
        self,
        method: str,
        path: str,
        token: Token | str | None = None,
        body: Any = None,
        **headers: str,
    ) -> Answer:
        """Send one request to `path` below the base; a dict is sent as JSON, a text as a form.

        Raises AssertionError for a 5xx: a crash is neither a refusal nor a leak that was found.
        """
        sent = {"Accept": FHIR_JSON, **{k.replace("_", "-"): v for k, v in headers.items()}}
        if token is not None:
            sent["Authorization"] = token.bearer() if isinstance(token, Token) else token
        data = body
        if isinstance(body, dict):
            data = json.dumps(body, ensure_ascii=False).encode()
            sent.setdefault("Content-Type", FHIR_JSON)
        elif isinstance(body, str):
            data = body.encode()
            sent.setdefault("Content-Type", FORM)
        target = f"/fhir{path.removeprefix(self.base)}" if path.startswith(self.base) else path
        target = target if target.startswith("/") else f"/fhir/{target}"
        answer = self._answer(method, target, data, sent)
        assert answer.status < 500, (method, target, answer.status, answer.body[:300])
        return answer

    def bundled(  # a request, and the kind of Bundle that it stands in
        self,
        kind: str,
        method: str,
        path: str,
        token: Token | str | None = None,
        body: Any = None,
        **headers: str,
    ) -> Answer:
        """Send the request as the only entry of a Bundle of this `kind`; return its answer.

        That is the refusal of the whole if there is one.
        """
        names = {name: f"{name[:2].lower()}{name[2:].replace('_', '')}" for name in headers}
        request = {"method": method, "url": path, **{names[k]: v for k, v in headers.items()}}
        entry = {"request": request} | ({} if body is None else {"resource": body})
        sent = {"resourceType": "Bundle", "type": kind, "entry": [entry]}
        whole = self.send("POST", "", token, sent, Prefer="return=representation")
        if whole.status != 200:
            return whole
        (answered,) = whole.entries()
        told = answered["response"]
        seen = {"etag": told.get("etag"), "last-modified": told.get("lastModified")}
        content = answered.get("resource") or told.get("outcome")
        return Answer(
            int(told["status"][:3]),
            {name: value for name, value in seen.items() if value},
            b"" if content is None else json.dumps(content, ensure_ascii=False).encode(),
        )

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in self._open:
            connection.close()

    def get(self, path: str, token: Token | str | None = None, **headers: str) -> Answer:
        """Send a GET."""
        return self.send("GET", path, token, **headers)

    def _answer(self, method: str, target: str, data: Any, sent: dict[str, str]) -> Answer:
        for last in (False, True):
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = HTTPConnection(self.address, timeout=30)
                self._open.append(connection)
            try:
                connection.request(method, target, data, sent)
                response = connection.getresponse()
                body = response.read()
                headers = {name.lower(): value for name, value in response.getheaders()}
                return Answer(response.status, headers, body)
            except (HTTPException, OSError):
                connection.close()
                self._local.connection = None
                if last:
                    raise
        raise AssertionError
