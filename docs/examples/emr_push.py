"""How an EMR system pushes what it holds: a visit, and a file of rows.

    pip install joserfc requests
    python emr_push.py http://localhost:8000/fhir register
    python emr_push.py http://localhost:8000/fhir push ID visit.json pages.csv InpatientFrontPage
    python emr_push.py http://localhost:8000/fhir token ID

The first command makes a key, keeps it in ``emr-key.json``, and prints the id of the system, which
an administrator then approves: ``tongkang clients approve ID``. The second pushes one
EncounterRecord, sends a file of rows, waits until they are taken, and prints what became of them;
rows that were not taken are in ``rejects.csv``, to be put right and sent again. The third prints a
token, for curl.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
"""

import json
import sys
import time
import uuid
from pathlib import Path

import requests
from joserfc import jwt
from joserfc.jwk import ECKey

KEY = Path("emr-key.json")
SCOPE = "system/EncounterRecord.cu"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECONDS = 30


class Tongkang:
    """A server, and the token that it gave to this system, which is replaced before it ends."""

    def __init__(self, base: str, client: str = "") -> None:
        self.base, self.client = base.rstrip("/"), client
        self.token, self.ends = "", 0.0
        found = requests.get(f"{self.base}/.well-known/smart-configuration", timeout=SECONDS)
        found.raise_for_status()
        self.endpoints = found.json()

    def register(self) -> str:
        """Register this system by its public key; return its id, which waits for approval."""
        key = ECKey.generate_key("P-384", {"kid": uuid.uuid4().hex, "alg": "ES384"})
        said = {
            "client_name": "示例医院电子病历",
            "token_endpoint_auth_method": "private_key_jwt",
            "grant_types": ["client_credentials"],
            "scope": SCOPE,
            "jwks": {"keys": [key.as_dict(private=False)]},
        }
        answer = requests.post(self.endpoints["registration_endpoint"], json=said, timeout=SECONDS)
        answer.raise_for_status()
        KEY.touch(mode=0o600)
        KEY.write_text(json.dumps(key.as_dict(private=True)), encoding="utf-8")
        return str(answer.json()["client_id"])

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
            answer.raise_for_status()
            given = answer.json()
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
        answer = requests.request(method, url, data=body, headers=headers, timeout=SECONDS)
        if answer.status_code >= 400:
            # An OperationOutcome says what is wrong, and where.
            sys.exit(f"{answer.status_code}: {answer.text}")
        return answer

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
        told = {one["name"]: one for one in answer.json()["parameter"]}
        for name in ("rows", "taken", "unchanged", "rejected", "resources"):
            print(f"{rows.name}: {name} {told[name]['valueInteger']}")
        if "rejects" in told:
            rejects = self.send("GET", told["rejects"]["valueUrl"])
            Path("rejects.csv").write_bytes(rejects.content)
            print(f"{rows.name}: see rejects.csv")


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
    main(*sys.argv[1:])
