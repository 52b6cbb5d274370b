"""Bodies that are packed, broken in packing, or packed to burst.

Spec: RFC 9110 8.4, RFC 1952
"""

import gzip
import json
import zlib

import pytest

from tests.api.client import refused
from tests.builders import fresh, patient, with_mark

MEGABYTE = 1024 * 1024


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def test_a_gzip_body_is_unpacked(fhir):
    mark = fresh()
    body = packed(json.dumps(patient(identifier=[{"value": mark}])).encode())
    answer = fhir.post("Patient", body, Content_Encoding="gzip")
    assert answer.status_code == 201
    assert fhir.ids(f"Patient?identifier={mark}") == [answer.json()["id"]]


def broken_gzip(mark):
    good = packed(with_mark(mark, '"active":true').encode())
    return {
        "truncated": good[:-12],
        "without its sum": good[:-8],
        "a wrong sum": good[:-8] + b"\0\0\0\0" + good[-4:],
        "more behind it": good + b"more",
        "two members": good + good,
        "nothing": b"",
        "plain": with_mark(mark, '"active":true').encode(),
        "deflate": zlib.compress(with_mark(mark, '"active":true').encode()),
        "only a head": good[:10],
    }


@pytest.mark.parametrize("kind", broken_gzip("x"))
def test_a_gzip_body_that_is_broken_is_400(fhir, mark, kind):
    refused(fhir.post("Patient", broken_gzip(mark)[kind], Content_Encoding="gzip"), 400)


@pytest.mark.parametrize("megabytes", [40, 300])
def test_a_gzip_bomb_is_413(fhir, mark, megabytes):
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    blank = b" " * MEGABYTE
    start = with_mark(mark, '"active":true').encode()
    bomb = packer.compress(start) + b"".join(packer.compress(blank) for _ in range(megabytes))
    refused(fhir.post("Patient", bomb + packer.flush(), Content_Encoding="gzip"), 413)


def test_a_bomb_in_a_bomb_is_not_unpacked_twice(fhir, mark):
    inner = packed(with_mark(mark, '"active":true').encode())
    refused(fhir.post("Patient", packed(inner), Content_Encoding="gzip"), 400)
    refused(fhir.post("Patient", packed(inner), Content_Encoding="gzip, gzip"), 400, 415)


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "compress", "nonsense", "gzip;q=1"])
def test_another_content_encoding_is_415(fhir, mark, encoding):
    body = with_mark(mark, '"active":true').encode()
    refused(fhir.post("Patient", body, Content_Encoding=encoding), 400, 415)
