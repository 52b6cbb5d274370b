"""`tongkang demo-bundles`: the demo region as Bundles that any FHIR server takes."""

import click

from server.cli.demo import region
from server.demo.bundles import bundles
from server.demo.shapes import encoded


@click.command("demo-bundles")
@region
def demo_bundles(count: int, seed: int) -> None:
    """Print the demo region as transaction Bundles, one a line, the institutions first.

    以 transaction Bundle 形式输出演示地区，每行一个，机构在前。
    """
    for bundle in bundles(count, seed):
        click.echo(encoded(bundle))
