"""``tongkang terminology``: code systems with many concepts, loaded from files."""

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from server.access.policy import OPEN
from server.cli.database import opened
from server.cli.settings import exit_with, settings_or_exit
from server.context import Context
from server.fhir.messages import text
from server.fhir.outcome import FhirError, Unprocessable
from server.identity import loading as tables
from server.services import Services
from server.settings import Settings
from server.terminology import files, loading

_VERSION = click.option("--version", help="Its edition. / 版本。")
_SYSTEM = click.option("--system", help="The URL of the code system. / 代码系统的 URL。")


@click.group
def terminology() -> None:
    """Load code systems from files, list and remove them.

    从文件载入、列出或移除代码系统。
    """


def _column(name: str, chinese: str) -> Callable[[Any], Any]:
    return click.option(
        f"--{name}-column", help=f"The column with the {name}. / {chinese}所在的列。"
    )


@terminology.command
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_SYSTEM
@_VERSION
@click.option("--title", help="What it is called. / 名称。")
@click.option("--format", type=click.Choice(["csv", "xlsx", "fhir"]), help="/ 文件格式。")
@_column("code", "代码")
@_column("display", "名称")
@_column("english", "英文名称")
@_column("parent", "上级代码")
@_column("definition", "说明")
@_column("inactive", "停用标志")
@click.option(
    "--property", "properties", multiple=True, help="A column to keep. / 作为属性保留的列。"
)
@click.option(
    "--by-prefix",
    is_flag=True,
    help="A code is beneath the longest one that it begins with. / 按代码前缀确定上下级。",
)
def load(
    file: Path, system: str | None, version: str | None, title: str | None, **options: Any
) -> None:
    """Load FILE in the place of what was loaded of the same system and version.

    载入 FILE，替换同一代码系统同一版本原有的内容。
    """
    settings = settings_or_exit()
    by_prefix = options.pop("by_prefix")
    format = options.pop("format") or files.format_of(file)
    names = {name.removesuffix("_column"): value for name, value in options.items()}
    begun = monotonic()
    try:
        about = _about(file, format, system, version, title)
        read = files.rows(file, format, files.Columns(**names))
        with Progress(*_COLUMNS) as progress:
            reading = progress.add_task(text("load-reading", settings.language, {}), total=None)
            concepts = loading.concepts(read, by_prefix=by_prefix)
            progress.update(reading, total=len(concepts), completed=len(concepts))
            storing = progress.add_task(
                text("load-storing", settings.language, {}), total=len(concepts)
            )
            with opened(settings) as services:
                context = Context.of(services, OPEN, settings.language)
                tables.load(context, about, concepts, lambda n: progress.advance(storing, n))
    except FhirError as error:
        exit_with(error, settings.language)
    told = {"count": len(concepts), "seconds": round(monotonic() - begun)}
    click.echo(text("load-done", settings.language, {"system": _name(about), **told}))


_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeRemainingColumn(),
)


@terminology.command("list")
def list_loaded() -> None:
    """List what is loaded.

    列出已载入的代码系统。
    """
    settings = settings_or_exit()
    lines = _with_services(settings, _listed)
    click.echo("\n".join(lines) or text("load-none", settings.language, {}))


def _listed(services: Services) -> list[str]:
    language = services.interpreters.settings.language
    found = [services.loaded.find(one.url, one.version) for one in services.loaded.all()]
    return [
        text(
            "load-row",
            language,
            {"system": _canonical(one.about.url, one.about.version), "count": one.size},
        )
        for one in found
        if one is not None
    ]


@terminology.command
@_SYSTEM
@_VERSION
def remove(system: str | None, version: str | None) -> None:
    """Remove what is loaded of a system and version.

    移除已载入的代码系统版本。
    """
    settings = settings_or_exit()
    url = system or ""

    def removed(services: Services) -> bool:
        return tables.remove(Context.of(services, OPEN, settings.language), url, version)

    key = "load-removed" if _with_services(settings, removed) else "load-absent"
    click.echo(text(key, settings.language, {"system": _canonical(url, version)}))


def _with_services(settings: Settings, act: Callable[[Services], Any]) -> Any:  # noqa: ANN401  # as `act` has it
    try:
        with opened(settings) as services:
            return act(services)
    except FhirError as error:
        exit_with(error, settings.language)


def _about(
    file: Path, format: str, system: str | None, version: str | None, title: str | None
) -> Mapping[str, Any]:
    """Return the code system without concepts. Raises Unprocessable if it has no name."""
    given = files.resource(file) if format == "fhir" else {"name": "Loaded"}
    named = {"url": system, "version": version, "title": title}
    about = {**given, **{name: value for name, value in named.items() if value}}
    if not about.get("url") or not about.get("version"):
        raise Unprocessable.because("load-needs-name")
    return about


def _name(about: Mapping[str, Any]) -> str:
    return _canonical(about["url"], about["version"])


def _canonical(url: str, version: str | None) -> str:
    return url if version is None else f"{url}|{version}"
