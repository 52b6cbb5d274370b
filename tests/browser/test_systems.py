"""A system that others wrote gets a token with its key, and takes what it may: smart-fetch.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, RSAKey

from server.demo.residents import residents

pytestmark = pytest.mark.browser
SMART_FETCH = Path(sys.executable).with_name("smart-fetch")
TYPES = ("Patient", "Condition", "Encounter", "Observation")
KEYS = {
    "ES384": lambda: ECKey.generate_key("P-384", {"kid": "ec"}),
    "RS384": lambda: RSAKey.generate_key(3072, {"kid": "rsa"}),
}


def expected(number):
    """Return how many resources of each type a resident of the region has, who has no account."""
    record = list(residents(number + 1, 1))[number]
    there = (resource["resourceType"] for resource in record)
    return Counter(type for type in there if type in TYPES)


def fetch(region, folder, client, key, *options):
    """Let smart-fetch take the records of some residents; return its process."""
    file = folder / "key.jwks"
    file.write_text(json.dumps({"keys": [key]}))
    command = [SMART_FETCH, "crawl", "--fhir-url", region.base, "--type", ",".join(TYPES)]
    command += ["--no-default-filters", "--no-compression", "--smart-client-id", client]
    command += ["--smart-key", file, *options, folder / "taken"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def taken(folder):
    """Return how many resources of each type there are in what smart-fetch wrote."""
    lines = (
        line for file in folder.rglob("[A-Z]*.ndjson") for line in file.read_text().splitlines()
    )
    return Counter(json.loads(line)["resourceType"] for line in lines)


@pytest.fixture(params=KEYS)
def key(request):
    """A key pair of each kind that systems have."""
    made = KEYS[request.param]()
    used = {"alg": request.param, "key_ops": ["sign"]}
    return {**made.as_dict(private=True), **used}, made.as_dict(private=False)


@pytest.fixture
def system(register, key):
    """The id of a system with this key."""
    return register(
        name="区域数据平台",
        kind="backend",
        auth_method="private_key_jwt",
        grant_types=["client_credentials"],
        jwks={"keys": [key[1]]},
        scope="system/*.rs",
    )


def test_smart_fetch_takes_the_records_of_residents(region, tmp_path, system, key):
    done = fetch(region, tmp_path, system, key[0], "--id-list", "demo-1-000004,demo-1-000005")
    assert done.returncode == 0, done.stdout + done.stderr
    assert taken(tmp_path / "taken") == expected(4) + expected(5)


def test_smart_fetch_with_a_key_that_is_not_registered_takes_nothing(region, tmp_path, system):
    other = ECKey.generate_key("P-384", {"kid": "ec"}).as_dict(private=True)
    stolen = {**other, "alg": "ES384", "key_ops": ["sign"]}
    done = fetch(region, tmp_path, system, stolen, "--id-list", "demo-1-000000")
    assert done.returncode != 0
    assert not taken(tmp_path / "taken")
