"""How a caller asks for something and does not wait for it."""

import time
from dataclasses import dataclass, field

import requests

TIMEOUT = 30
FHIR_JSON = "application/fhir+json"


def batch_of(count, kind="batch", system="urn:test:job"):
    """Return a Bundle that creates so many patients, each with an identifier of its own."""
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [
            {
                "resource": {
                    "resourceType": "Patient",
                    "identifier": [{"system": system, "value": str(number)}],
                },
                "request": {"method": "POST", "url": "Patient"},
            }
            for number in range(count)
        ],
    }


@dataclass(frozen=True)
class Caller:
    """Speaks to the server at `base`, with a token if it has one."""

    base: str
    token: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method, url, body=None, **headers):
        """Send one request to a URL, or to a path below the base."""
        url = url if url.startswith("http") else f"{self.base}/{url}"
        sent = {"Accept-Language": "en", **self.headers, **headers}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        if isinstance(body, dict):
            sent["Content-Type"] = FHIR_JSON
            return requests.request(method, url, json=body, headers=sent, timeout=TIMEOUT)
        return requests.request(method, url, data=body, headers=sent, timeout=TIMEOUT)

    def leave(self, method, path, body=None, **headers):
        """Ask not to be waited for; return the URL of the status."""
        answer = self.send(method, path, body, Prefer="respond-async", **headers)
        assert answer.status_code == 202, answer.text
        return answer.headers["Content-Location"]

    def status(self, url):
        """Return the answer of now."""
        return self.send("GET", url)

    def wait(self, url, seconds=60):
        """Return the first answer that says no longer that it is being done."""
        deadline = time.monotonic() + seconds
        while (answer := self.status(url)).status_code == 202:
            assert time.monotonic() < deadline, answer.headers
            time.sleep(0.1)
        return answer

    def begun(self, url, seconds=30):
        """Return once some steps are done, and not all."""
        deadline = time.monotonic() + seconds
        while "%" not in (answer := self.status(url)).headers.get("X-Progress", ""):
            assert answer.status_code == 202, "it was done before anybody saw it begin"
            assert time.monotonic() < deadline, answer.headers
            time.sleep(0.02)

    def found(self, system):
        """Return the values of all identifiers of this system, sorted as numbers."""
        answer = self.send("GET", f"Patient?identifier={system}|&_count=1000&_elements=identifier")
        entries = answer.json().get("entry", [])
        values = [one["resource"]["identifier"][0]["value"] for one in entries]
        return sorted(int(value) for value in values)


def message(answer):
    """Return the key of what an OperationOutcome says first."""
    (issue, *_) = answer.json()["issue"]
    return issue["details"]["coding"][0]["code"]
