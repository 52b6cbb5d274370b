"""What the server says to callers, in Chinese and English.

Each ``*.toml`` beside this file holds tables ``[message-key]`` with the
templates ``zh`` and ``en``; ``{name}`` stands for an argument.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

Language = Literal["zh", "en"]
# What each language is called in headers, resources and pages (BCP 47).
TAGS: Mapping[Language, str] = {"zh": "zh-CN", "en": "en"}


@cache
def templates() -> Mapping[str, Mapping[Language, str]]:
    """Return every template, by message key and language.

    Raises ValueError if two files define one key.
    """
    found: dict[str, Mapping[Language, str]] = {}
    for file in sorted(resources.files(__package__).iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".toml"):
            continue
        for key, texts in tomllib.loads(file.read_text("utf-8")).items():
            if key in found:
                message = f"{file.name} defines {key} a second time."
                raise ValueError(message)
            found[key] = texts
    return found


def text(key: str, language: Language, arguments: Mapping[str, object]) -> str:
    """Return message `key` in `language` with `arguments` filled in.

    An argument that is called differently in each language is a mapping by language.
    """
    said = {
        name: value[language] if isinstance(value, Mapping) and language in value else value
        for name, value in arguments.items()
    }
    return templates()[key][language].format_map(said)
