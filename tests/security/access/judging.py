"""Judges: each sends requests of one kind and compares what comes back with the oracle."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import quote

from tests.security.access.asking import Expected, Search, expected
from tests.security.access.oracle import Key, Oracle, Stored
from tests.security.access.tokens import TOKENS, Token
from tests.security.access.wire import Answer, Wire

_MARK = re.compile(rb"mark-([A-Za-z]+)-([A-Za-z0-9-]+?)-v([0-9]+)\b")
_SECRETS = re.compile(
    "19800101[0-9]{4}|13[89]0592[0-9]{4}|中山路|附言|甲法|外地|陈[a-f] [0-9]".encode()
)
"""What no token with masks may see: numbers, streets, narratives, notes and methods."""
_ALL = "_count=1000"
_SMALL = 2
_LONG_AGO, _LATER = "Sat, 01 Jan 2000 00:00:00 GMT", "Thu, 01 Jan 2099 00:00:00 GMT"


@dataclass(slots=True)
class Report:
    """How many cases were judged, and what was wrong."""

    cases: int = 0
    faults: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def judge(self, case: str, *faults: str | None) -> None:
        """Count one case, and keep its faults."""
        with self._lock:
            self.cases += 1
            self.faults += [f"{case}: {fault}" for fault in faults if fault]


@dataclass(frozen=True, slots=True)
class Judge:
    """Sends what a token may or may not ask, and knows what should come back."""

    wire: Wire
    oracle: Oracle
    report: Report
    tokens: Sequence[Token] = TOKENS

    def search(self, token: Token, search: Search, turn: int) -> None:
        """Judge a search by GET and, each second one, in another spelling, by `turn`."""
        want = expected(self.oracle, token, search)
        if self._grows(token, search.type) and want.status == 200:
            # Each request of this test is an event more, which the oracle cannot know.
            got = self.wire.get(spelled(search, "_count=1"), token)
            types = {key[0] for key in got.keys("match")} | {"AuditEvent"}
            fault = told(((type, "", 0) for type in types - {"AuditEvent"}), "more than events")
            self.report.judge(f"{token.name} GET {search.name}", fault)
            return
        url = spelled(search, _ALL)
        got = self.wire.get(url, token)
        self.report.judge(f"{token.name} GET {search.name}", *_compared(got, search, want, token))
        if turn % 2 == 0:
            others = (self._posted, self._head, self._counted, self._paged, self._bundled)
            other = others[turn // 2 % len(others)]
            other(token, search, want)

    def _posted(self, token: Token, search: Search, want: Expected) -> None:
        query = quote(f"{search.query}&{_ALL}", safe="=&:|,*%")
        path = f"{search.path}/_search".removeprefix("/")
        if search.path.endswith("*") or not search.path:
            path = f"{search.path}/_search" if search.path else "_search"
        got = self.wire.send("POST", path, token, query.removeprefix("&"))
        self.report.judge(f"{token.name} POST {search.name}", *_compared(got, search, want, token))

    def _bundled(self, token: Token, search: Search, want: Expected) -> None:
        for kind in ("batch", "transaction"):
            got = self.wire.bundled(kind, "GET", spelled(search, _ALL), token)
            faults = _compared(got, search, want, token)
            self.report.judge(f"{token.name} {kind} {search.name}", *faults)

    def _head(self, token: Token, search: Search, want: Expected) -> None:
        got = self.wire.send("HEAD", spelled(search, _ALL), token)
        fault = None if got.status == want.status else f"{got.status}, not {want.status}"
        self.report.judge(f"{token.name} HEAD {search.name}", fault)

    def _counted(self, token: Token, search: Search, want: Expected) -> None:
        for more in ("_summary=count", "_count=1&_total=accurate", "_count=0"):
            if search.query.startswith("_content") and more.startswith("_count=1"):
                continue
            got = self.wire.get(spelled(search, more), token)
            faults = [None if got.status == want.status else f"{got.status}, not {want.status}"]
            if got.status == 200 and search.exact and got.json.get("total") != len(want.matches):
                faults.append(f"total {got.json.get('total')}, not {len(want.matches)}")
            self.report.judge(f"{token.name} {more} {search.name}", *faults)

    def _paged(self, token: Token, search: Search, want: Expected) -> None:
        case, other = f"{token.name} pages of {search.name}", self._another(token)
        theirs = expected(self.oracle, other, search)
        watches = self._grows(other, search.type)
        seen: list[Key] = []
        url: str | None = spelled(search, f"_count={_SMALL}")
        for page in range(200):
            got = self.wire.get(url or "", token)
            if got.status != want.status:
                self.report.judge(case, f"{got.status}, not {want.status}")
                return
            if got.status != 200:
                break
            seen += got.keys("match")
            url = got.link("next")
            if url is None:
                break
            if page < 2 and not watches:
                self._carried(url, other, search, theirs)
        extra = set(seen) - want.matches
        lost = want.matches - set(seen) if search.exact else ()
        twice = len(seen) != len(set(seen))
        self.report.judge(
            case, told(extra, "extra"), told(lost, "lost"), "twice" if twice else None
        )

    def _carried(self, url: str, other: Token, search: Search, theirs: Expected) -> None:
        """Judge what another token gets for a link that was not made for it."""
        got = self.wire.get(url, other)
        faults = [None]
        if got.status == 200:
            extra = set(got.keys()) - theirs.matches - theirs.included
            faults = [told(extra, "extra") if search.exact or theirs.status != 200 else None]
        elif got.status not in (400, 403):
            faults = [f"{got.status}"]
        self.report.judge(f"{other.name} with a link of another: {search.name}", *faults)

    def read(self, token: Token, type: str, id: str, *, closely: bool) -> None:
        """Judge a read; `closely` also HEAD, conditional headers, versions and history."""
        versions = self.oracle.versions.get((type, id), [])
        newest = versions[-1] if versions else None
        status = self._status(token, type, newest)
        keys = {newest.key} if newest and status == 200 else set()
        got = self.wire.get(f"{type}/{id}", token)
        self.report.judge(f"{token.name} read {type}/{id}", *_one(got, status, keys, token))
        if not closely:
            return
        number = newest.version if newest else 1
        ways = (
            ("HEAD", {}, 200),
            ("GET", {"If_None_Match": f'W/"{number}"'}, 304),
            ("GET", {"If_None_Match": "*"}, 304),
            ("GET", {"If_None_Match": 'W/"77"'}, 200),
            ("HEAD", {"If_Modified_Since": _LATER}, 304),
            ("GET", {"If_Modified_Since": _LATER}, 304),
            ("GET", {"If_Modified_Since": _LONG_AGO}, 200),
        )
        method, headers, fresh = ways[len(f"{token.name}{id}") % len(ways)]
        got = self.wire.send(method, f"{type}/{id}", token, **headers)
        want = fresh if status == 200 else status
        case = f"{token.name} {method} {type}/{id} {headers}"
        seen = keys if method == "GET" else set()
        self.report.judge(case, *_one(got, want, seen, token))
        kind = ("batch", "transaction")[len(f"{token.name}{id}") % 2]
        got = self.wire.bundled(kind, "GET", f"{type}/{id}", token)
        self.report.judge(f"{token.name} {kind} {type}/{id}", *_one(got, status, keys, token))
        for version in (*range(1, len(versions) + 1), 99):
            stored = versions[version - 1] if version <= len(versions) else None
            want, found = self._status(token, type, stored), set()
            if stored and want == 200:
                found = {stored.key}
            got = self.wire.get(f"{type}/{id}/_history/{version}", token)
            self.report.judge(
                f"{token.name} vread {type}/{id}/{version}", *_one(got, want, found, token)
            )
        self._history(token, type, "r", id, f"{type}/{id}/_history")

    def _status(self, token: Token, type: str, stored: Stored | None) -> int:
        if "r" not in self.oracle.letters(token, type):
            return 403
        if stored is None or not self.oracle.knows(token, stored, "r"):
            return 404
        return 410 if stored.body is None else 200

    def _another(self, token: Token) -> Token:
        return self.tokens[(self.tokens.index(token) + 7) % len(self.tokens)]

    def _grows(self, token: Token, type: str | None) -> bool:
        return type in (None, "AuditEvent") and "s" in self.oracle.letters(token, "AuditEvent")

    def history(self, token: Token, type: str | None) -> None:
        """Judge the history of a type, or of the system."""
        if self._grows(token, type):
            return
        self._history(token, type, "s", None, f"{type}/_history" if type else "_history")

    def _history(
        self, token: Token, type: str | None, letter: str, id: str | None, path: str
    ) -> None:
        types = [type] if type else self.oracle.types
        may = [one for one in types if letter in self.oracle.letters(token, one)]
        want: set[Key] = set()
        for one in may:
            want |= self.oracle.history(token, one, letter, id)
        status = 200 if may or (type is None and token.role == "quality") else 403
        if id is not None and status == 200:
            newest = self.oracle.versions.get((type or "", id), [None])[-1]
            known = newest is not None and self.oracle.knows(token, newest, letter)
            status = 200 if known else 404
        for count in (1000, 7):
            got, seen = self.wire.get(f"{path}?_count={count}", token), list[Key]()
            faults = [None if got.status == status else f"{got.status}, not {status}"]
            while got.status == 200:
                seen += got.keys()
                faults += [told(marks(got) - set(seen), "marks of"), unmasked(got, token)]
                if (following := got.link("next")) is None:
                    break
                got = self.wire.get(following, token)
            if status == 200:
                faults += [told(set(seen) - want, "extra"), told(want - set(seen), "lost")]
            self.report.judge(f"{token.name} {path} by {count}", *faults)


def spelled(search: Search, more: str) -> str:
    """Return the URL of `search` with `more` parameters."""
    query = f"{search.query}&{more}" if search.query else more
    return f"{search.path}?{quote(query, safe='=&:|,*%')}"


def _compared(got: Answer, search: Search, want: Expected, token: Token) -> Iterator[str | None]:
    yield unmasked(got, token)
    if got.status != want.status:
        yield f"{got.status}, not {want.status}"
    elif got.status == 200:
        matches, included = set(got.keys("match")), set(got.keys("include"))
        if search.exact:
            yield told(matches - want.matches, "extra")
            yield told(want.matches - matches, "lost")
            yield told(included - want.included, "included extra")
            yield told(want.included - included, "not included")
        yield told(marks(got) - matches - included, "marks of")
        if search.sort and search.exact:
            values = [search.sort(entry["resource"]) for entry in got.entries("match")]
            yield None if values == sorted(values, reverse=search.falling) else "out of order"
    else:
        yield told(marks(got), "marks of")


def _one(got: Answer, status: int, keys: set[Key], token: Token) -> Iterator[str | None]:
    yield unmasked(got, token)
    yield None if got.status == status else f"{got.status}, not {status}"
    yield told(marks(got) - keys, "marks of")
    if got.status in (200, 304) and keys:
        yield None if got.headers.get("etag") == f'W/"{min(keys)[2]}"' else "another version"
    if got.status >= 400:
        yield "an entity tag" if "etag" in got.headers or "last-modified" in got.headers else None


def marks(got: Answer) -> set[Key]:
    """Return the versions whose marks are anywhere in an answer."""
    found = _MARK.findall(got.body)
    return {(type.decode(), id.decode(), int(version)) for type, id, version in found}


def unmasked(got: Answer, token: Token) -> str | None:
    body = re.sub(rb'"url":"[^"]*"', b"", got.body)  # which repeats what was asked
    found = _SECRETS.search(body) if token.masks else None
    return f"unmasked {found[0].decode()}" if found else None


def told(keys: Iterable[Key], how: str) -> str | None:
    some = sorted(keys)
    return f"{how} {some[:4]}" if some else None
