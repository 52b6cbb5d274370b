"""How this server runs, as the variables ``TONGKANG_*`` of the environment say.

A new setting is one field here, which the checks follow from, and its meaning in
``messages/meanings.toml``, which `tongkang settings` tells.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from server.fhir.messages import Language, text
from server.fhir.outcome import Issue
from server.records.environment import (
    Misconfigured,
    choice,
    database_name,
    file,
    folder,
    host_list,
    host_name,
    masked,
    plugged_in,
    read,
    seconds,
    setting,
    size,
    switch,
    time_zone,
    url,
    validation_levels,
    whole,
)

PREFIX = "TONGKANG_"
_MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default; times are seconds, sizes are bytes."""

    mongodb_url: str | None = setting(None, url("mongodb", "mongodb+srv"))
    database: str = setting("tongkang", database_name())
    mode: Literal["development", "production"] = setting(
        "development", choice("development", "production")
    )
    access: Literal["oauth", "open"] = setting("oauth", choice("oauth", "open"))
    data_folder: Path = setting(Path("var/tongkang"), folder())
    secret_key_file: Path = setting(Path(), file())
    spool_folder: Path = setting(Path(), folder())
    host: str = setting("127.0.0.1", host_name())
    port: int = setting(8000, whole(1, 65535))
    base_url: str = setting("", url("http", "https"))
    jwks_loopback: bool = setting(False, switch())
    code_sender: str = setting("log", plugged_in())
    trusted_proxies: str = setting("127.0.0.1", host_list())
    workers: int = setting(2, whole(1, 64))
    threads: int = setting(12, whole(1, 256))
    zone: str = setting("Asia/Shanghai", time_zone())
    language: Language = setting("zh", choice("zh", "en"))
    max_body: int = setting(32 * _MB, size(1024, 1024 * _MB))
    max_depth: int = setting(64, whole(8, 512))
    max_entries: int = setting(1000, whole(1, 10_000))
    max_job_entries: int = setting(10_000, whole(1, 100_000))
    job_workers: int = setting(1, whole(0, 16))
    job_expiry: float = setting(86_400.0, seconds(1, 604_800))
    request_timeout: float = setting(30.0, seconds(1, 600))
    database_timeout: float = setting(3.5, seconds(0.1, 60))
    page_size: int = setting(20, whole(1, 1000))
    max_page_size: int = setting(1000, whole(1, 10_000))
    validation: str = setting("declared", validation_levels())
    log_level: str = setting("info", choice("debug", "info", "warning", "error"))
    metrics: bool = setting(True, switch())
    large_tables: bool = setting(True, switch())
    demo_residents: int = setting(200, whole(0, 100_000))

    def __post_init__(self) -> None:
        """Fill in the defaults that depend on others; what is wanting in production is not."""
        address = f"[{self.host}]" if ":" in self.host else self.host
        base = self.base_url or f"http://{address}:{self.port}/fhir"
        object.__setattr__(self, "base_url", base.rstrip("/"))
        if self.mode == "production" and (faults := list(self._unfit())):
            raise Misconfigured(*faults)
        if self.secret_key_file == Path():
            object.__setattr__(self, "secret_key_file", self.data_folder / "secret.key")

    def _unfit(self) -> Iterator[Issue]:
        """Yield what must not be in production."""
        if self.access == "open":
            yield Issue("value", "setting-open-in-production")
        if self.jwks_loopback:
            yield Issue("value", "setting-loopback-in-production")
        if self.secret_key_file == Path():
            yield Issue("value", "setting-secret-key-in-production")
        if not self.base_url.startswith("https://"):
            yield Issue("value", "setting-https-in-production", {"base_url": self.base_url})

    @property
    def root_url(self) -> str:
        """The URL of the pages and of the authorization server, its issuer: without ``/fhir``."""
        return self.base_url.removesuffix("/fhir")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Return the settings that `environ` gives.

        Raises Misconfigured with every fault at once.
        """
        return cls(**read(cls, PREFIX, environ))


def explained(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield (variable, value as it may be shown, meaning in the language set) of each setting."""
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        meaning = text(f"means-{item.name}", settings.language, {})
        yield PREFIX + item.name.upper(), _shown(value), meaning


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "on" if value else "off"
        case _:
            return masked(value)
