"""``tongkang settings``: the settings in force."""

import os
import sys
from typing import Never, cast

import click

from server.fhir.messages import Language
from server.fhir.outcome import FhirError
from server.settings import PREFIX, Settings, explained


@click.command
def settings() -> None:
    """Show the settings in force as a file of variables; passwords are masked.

    以变量文件的形式显示当前各项设置；密码以 *** 代替。
    """
    for variable, value, meaning in explained(settings_or_exit()):
        click.echo(f"# {meaning}\n{variable}={value}\n")


def settings_or_exit() -> Settings:
    """Return the settings of the environment; where they are wrong, say why and exit."""
    try:
        return Settings.from_environment(os.environ)
    except FhirError as error:
        exit_with(error, _language())


def exit_with(error: FhirError, language: Language) -> Never:
    """Say on stderr why nothing can be done, and exit with code 1."""
    for issue in error.issues:
        click.echo(issue.text(language), err=True)
    sys.exit(1)


def _language() -> Language:
    """Return the language asked for, when the settings that say so may be wrong."""
    asked = os.environ.get(f"{PREFIX}LANGUAGE", "zh")
    return cast("Language", asked) if asked in ("zh", "en") else "zh"
