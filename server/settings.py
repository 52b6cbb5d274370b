"""How this server runs, as the variables ``TONGKANG_*`` of the environment say.

A new setting is one field here: `tongkang settings` and the checks follow from it.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from server.fhir.messages import Language
from server.records.environment import (
    choice,
    database_name,
    folder,
    host_list,
    host_name,
    masked,
    read,
    seconds,
    setting,
    size,
    switch,
    time_zone,
    url,
    whole,
)

PREFIX = "TONGKANG_"
_MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default; times are seconds, sizes are bytes."""

    mongodb_url: str | None = setting(
        None,
        url("mongodb", "mongodb+srv"),
        "MongoDB to use; without it a private mongod is started.",
    )
    database: str = setting("tongkang", database_name(), "Name of the database in MongoDB.")
    data_folder: Path = setting(
        Path("var/tongkang"), folder(), "Where the private mongod and its log lie."
    )
    host: str = setting("127.0.0.1", host_name(), "Address to listen on.")
    port: int = setting(8000, whole(1, 65535), "Port to listen on.")
    base_url: str = setting(
        "", url("http", "https"), "FHIR base that callers see; default http://HOST:PORT/fhir."
    )
    trusted_proxies: str = setting(
        "127.0.0.1", host_list(), "Addresses whose X-Forwarded headers are believed, or *."
    )
    workers: int = setting(2, whole(1, 64), "Processes that answer requests.")
    threads: int = setting(12, whole(1, 256), "Threads in each of these processes.")
    zone: str = setting("Asia/Shanghai", time_zone(), "Time zone of dates that carry none.")
    language: Language = setting("zh", choice("zh", "en"), "Language of messages by default.")
    max_body: int = setting(32 * _MB, size(1024, 1024 * _MB), "Largest request body, unpacked.")
    max_depth: int = setting(64, whole(8, 512), "Deepest nesting of a JSON body.")
    request_timeout: float = setting(30.0, seconds(1, 600), "Longest pause while a request comes.")
    database_timeout: float = setting(4.0, seconds(0.1, 60), "Time for one database command.")
    page_size: int = setting(20, whole(1, 1000), "Entries on a page when _count is not given.")
    max_page_size: int = setting(1000, whole(1, 10_000), "Most entries on a page.")
    log_level: str = setting(
        "info", choice("debug", "info", "warning", "error"), "Least severity that is logged."
    )
    metrics: bool = setting(True, switch(), "Whether /metrics is served.")
    demo_residents: int = setting(
        200, whole(0, 100_000), "Residents loaded into an empty private database."
    )

    def __post_init__(self) -> None:
        """Fill in the default base URL, which depends on host and port."""
        address = f"[{self.host}]" if ":" in self.host else self.host
        base = self.base_url or f"http://{address}:{self.port}/fhir"
        object.__setattr__(self, "base_url", base.rstrip("/"))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Return the settings that `environ` gives.

        Raises Misconfigured with every fault at once.
        """
        return cls(**read(cls, PREFIX, environ))


def explained(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield (variable, value as it may be shown, meaning) of each setting."""
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        yield PREFIX + item.name.upper(), _shown(value), item.metadata["meaning"]


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "on" if value else "off"
        case _:
            return masked(value)
