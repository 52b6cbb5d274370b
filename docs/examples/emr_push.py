"""How an EMR system pushes what it holds: a visit, and a file of rows.

    pip install joserfc requests
    python emr_push.py http://localhost:8000/fhir register
    python emr_push.py http://localhost:8000/fhir push ID visit.json pages.csv InpatientFrontPage
    python emr_push.py http://localhost:8000/fhir token ID

The first command makes a key, keeps it in ``emr-key.json``, and prints the id of the system, which
an administrator then approves: ``tongkang clients approve ID``. The second pushes one
EncounterRecord, sends a file of rows, waits until they are taken, and prints what became of them;
rows that were not taken are in ``rejects.csv``, to be put right and sent again. If such a file is
there, from before, it is kept as ``rejects.1.csv``. The third prints a token, for curl.

A key is never replaced. What the server refuses is printed in its words, and the status is 1.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
"""

import itertools
import json
import os
import sys
import time
import uuid
from pathlib import Path

import requests
from joserfc import jwt
from joserfc.jwk import ECKey

KEY = Path("emr-key.json")
REJECTS = Path("rejects.csv")
SCOPE = "system/EncounterRecord.cu"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECONDS = 30


def told(answer: requests.Response) -> str:
    """Return what an answer says that refuses something, in the words of the server."""
    try:
        said = answer.json()
    except requests.JSONDecodeError:
        said = {}
    said = said if isinstance(said, dict) else {}
    issues = said.get("issue", [])
    texts = [one.get("details", {}).get("text") or one.get("diagnostics", "") for one in issues]
    texts.append(said.get("error_description") or said.get("error") or "")
    return " ".join(filter(None, texts)) or answer.reason


def checked(answer: requests.Response) -> requests.Response:
    """Return `answer`, or end with what it says if it refuses something."""
    if answer.status_code >= 400:
        sys.exit(f"{answer.status_code}: {told(answer)}")
    return answer


def write_new(path: Path, content: bytes) -> None:
    """Write a file that was not there, which nobody else on the machine reads."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def keep_old() -> None:
    """Give the rejects of a run before another name: somebody may be putting them right."""
    if REJECTS.exists():
        names = (REJECTS.with_name(f"rejects.{number}.csv") for number in itertools.count(1))
        kept = next(name for name in names if not name.exists())
        REJECTS.rename(kept)
        print(f"{REJECTS} of before is kept as {kept.absolute()}")


class Tongkang:
    """A server, and the token that it gave to this system, which is replaced before it ends."""

    def __init__(self, base: str, client: str = "") -> None:
        self.base, self.client = base.rstrip("/"), client
        self.token, self.ends = "", 0.0
        found = requests.get(f"{self.base}/.well-known/smart-configuration", timeout=SECONDS)
        self.endpoints = checked(found).json()

    def register(self) -> str:
        """Register this system by its public key; return its id, which waits for approval."""
        if KEY.exists():
            sys.exit(f"{KEY.absolute()} is there: the key of a system that is registered is kept.")
        key = ECKey.generate_key("P-384", {"kid": uuid.uuid4().hex, "alg": "ES384"})
        said = {
            "client_name": "示例医院电子病历",
            "token_endpoint_auth_method": "private_key_jwt",
            "grant_types": ["client_credentials"],
            "scope": SCOPE,
            "jwks": {"keys": [key.as_dict(private=False)]},
        }
        answer = requests.post(self.endpoints["registration_endpoint"], json=said, timeout=SECONDS)
        client = str(checked(answer).json()["client_id"])
        write_new(KEY, json.dumps(key.as_dict(private=True)).encode())
        return client

    def authorization(self) -> str:
        """Return the header that names the token, a new one if the last is about to end."""
        if time.time() > self.ends - 10:
            endpoint = self.endpoints["token_endpoint"]
            key = ECKey.import_key(json.loads(KEY.read_text(encoding="utf-8")))
            head = {"alg": "ES384", "kid": key.kid}
            claims = {
                "iss": self.client,
                "sub": self.client,
                "aud": endpoint,
                "exp": int(time.time()) + 240,
                "jti": uuid.uuid4().hex,
            }
            asked = {
                "grant_type": "client_credentials",
                "scope": SCOPE,
                "client_assertion_type": ASSERTION,
                "client_assertion": jwt.encode(head, claims, key, algorithms=["ES384"]),
            }
            answer = requests.post(endpoint, data=asked, timeout=SECONDS)
            given = checked(answer).json()
            self.token, self.ends = given["access_token"], time.time() + given["expires_in"]
        return f"Bearer {self.token}"

    def send(
        self, method: str, url: str, body: bytes | None = None, type: str = ""
    ) -> requests.Response:
        """Send a request to a path below the base, or to a URL that the server gave."""
        url = url if url.startswith("http") else f"{self.base}/{url}"
        headers = {"Authorization": self.authorization(), "Prefer": "return=minimal"}
        if body is not None:
            headers["Content-Type"] = type
        return checked(requests.request(method, url, data=body, headers=headers, timeout=SECONDS))

    def push(self, record: Path) -> None:
        """Push one visit: 201 if it is new, 200 if it was known; again and again is no harm."""
        answer = self.send("POST", "EncounterRecord", record.read_bytes(), "application/fhir+json")
        print(f"{record.name}: {answer.status_code}, version {answer.headers['ETag']}")

    def import_rows(self, rows: Path, dataset: str) -> None:
        """Send a file of rows, wait until they are taken, and keep those that were not."""
        path = f"EncounterRecord/$import?dataset={dataset}"
        status = self.send("POST", path, rows.read_bytes(), "text/csv").headers["Content-Location"]
        while (answer := self.send("GET", status)).status_code == 202:
            print(f"{rows.name}: {answer.headers.get('X-Progress', '')}")
            time.sleep(int(answer.headers.get("Retry-After", "1")))
        came = {one["name"]: one for one in answer.json()["parameter"]}
        for name in ("rows", "taken", "unchanged", "rejected", "resources"):
            print(f"{rows.name}: {name} {came[name]['valueInteger']}")
        keep_old()
        if "rejects" in came:
            write_new(REJECTS, self.send("GET", came["rejects"]["valueUrl"]).content)
            print(f"{rows.name}: see {REJECTS.absolute()}")


def main(base: str, act: str, *arguments: str) -> None:
    """Do what the command line says."""
    if act == "register":
        print(Tongkang(base).register())
        return
    client, *files = arguments
    server = Tongkang(base, client)
    if act == "token":
        server.authorization()
        print(server.token)
        return
    record, rows, dataset = files
    server.push(Path(record))
    server.import_rows(Path(rows), dataset)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (requests.RequestException, OSError) as error:
        sys.exit(str(error))
