"""``tongkang datasets``: the national data sets, and the table of elements of one of them."""

from collections.abc import Iterator, Sequence

import click

from server import content
from server.cli.settings import exit_with, settings_or_exit
from server.fhir.messages import Language, text
from server.fhir.outcome import FhirError
from server.mappings.datasets import DataSet
from server.mappings.tables import Element
from server.services import Interpreters

_STATUS = {"found": "datasets-found", "recalled": "datasets-recalled"}


@click.command
@click.argument("name", required=False)
def datasets(name: str | None) -> None:
    """List the data sets, or show the elements of NAME as a table in Markdown.

    列出全部数据集；给出 NAME 时，以 Markdown 表格列出其全部数据元及其来源。
    """
    settings = settings_or_exit()
    with content.loading():
        known = Interpreters.of(settings).datasets
    try:
        lines = _all(known.all) if name is None else _one(known.find(name), settings.language)
    except FhirError as error:
        exit_with(error, settings.language)
    for line in lines:
        click.echo(line)


def _all(datasets: Sequence[DataSet]) -> Iterator[str]:
    for one in datasets:
        found = sum(element.status == "found" for element in one.elements.values())
        yield f"{one.name}  {one.head.zh}  {found}/{len(one.elements)}  {one.head.standard}"


def _one(dataset: DataSet, language: Language) -> Iterator[str]:
    yield f"## {dataset.name} {dataset.head.zh}\n"
    yield f"{dataset.head.standard}\n"
    yield text("datasets-columns", language, {})
    yield "|---|---|---|---|---|---|---|"
    for element in dataset.elements.values():
        yield "| " + " | ".join(_cells(element, language)).replace("\n", " ") + " |"


def _cells(element: Element, language: Language) -> tuple[str, ...]:
    ids = " ".join(one for one in (element.de, element.hdsd) if one)
    domain = " ".join(element.domain) or "；".join(
        f"{code} {name}" for code, name in element.values.items()
    )
    back = element.inverse or text("datasets-back", language, {})
    status = text(_STATUS[element.status], language, {})
    return (
        element.name,
        ids,
        f"{element.type} {element.format} {element.cardinality}",
        domain.replace("|", "\\|"),
        f"`{element.target}` {element.convert}" if element.target else "",
        back,
        f"{status}：{element.source}" if language == "zh" else f"{status}: {element.source}",
    )
