"""The house rules that no other tool checks: sizes, docstrings, and messages in two languages."""

import ast
import dataclasses
import re
import string
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "server"
MODULES = sorted(
    [*SERVER.rglob("*.py"), *(ROOT / "tools").glob("*.py"), *(ROOT / "docker").glob("*.py")]
)
MESSAGES = {
    key: texts
    for file in sorted((SERVER / "fhir" / "messages").glob("*.toml"))
    for key, texts in tomllib.loads(file.read_text("utf-8")).items()
}
LONGEST_MODULE = 299
LONGEST_FUNCTION = 40
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def name(path):
    return str(path.relative_to(ROOT))


@cache
def tree(path):
    return ast.parse(path.read_text("utf-8"))


def nodes(kind):
    """Return (module, node) for every node of `kind` in the server's modules."""
    return [
        (path, node)
        for path in MODULES
        if path.is_relative_to(SERVER)
        for node in ast.walk(tree(path))
        if isinstance(node, kind)
    ]


def placeholders(template):
    return {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}


def constant(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def message_of(call):
    """Return (key, names of the arguments or None if they are not written out) that `call` says."""
    called = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if called == "because" and call.args:
        given = [keyword.arg for keyword in call.keywords]
        return constant(call.args[0]), None if None in given else set(given) - {"expression"}
    if called == "Issue" and len(call.args) >= 2:
        return constant(call.args[1]), keys_of(call.args[2]) if len(call.args) > 2 else None
    return None, None


def keys_of(node):
    """Return the keys of a dict that is written out, or None."""
    if not isinstance(node, ast.Dict) or None in [constant(key) for key in node.keys if key]:
        return None
    return None if None in node.keys else {constant(key) for key in node.keys}


CONSTANTS = {node.value for _, node in nodes(ast.Constant)}
MEANINGS = {f"means-{field.name}" for field in dataclasses.fields(Settings)}
PAGES = [page.read_text("utf-8") for page in SERVER.rglob("templates/*.html")]
SAID = [
    (f"{name(path)}:{call.lineno}", *message_of(call))
    for path, call in nodes(ast.Call)
    if message_of(call)[0] is not None
]


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_has_fewer_than_300_lines(path):
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_MODULE


def test_a_test_module_has_a_name_of_its_own():
    # pytest imports them by it, and refuses the second in a process, whichever that is.
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_function_has_at_most_40_lines(path):
    long = [
        f"{node.name} has {node.end_lineno - node.lineno + 1}"
        for node in ast.walk(tree(path))
        if isinstance(node, FUNCTIONS) and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_tells_its_one_idea_in_a_sentence(path):
    docstring = ast.get_docstring(tree(path))
    assert docstring
    # A sentence may go on to the next line, and may lead over to a list.
    assert docstring.split("\n\n")[0].rstrip()[-1] in ".:"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_spec_is_named_at_the_end_with_its_url(path):
    docstring = ast.get_docstring(tree(path)) or ""
    _, found, after = docstring.partition("Spec:")
    assert not found or "://" in after


def test_messages_are_worded_in_both_languages_with_the_same_arguments():
    assert [key for key, texts in MESSAGES.items() if set(texts) != {"zh", "en"}] == []
    each = ((key, *map(placeholders, texts.values())) for key, texts in MESSAGES.items())
    assert [key for key, one, other in each if one != other] == []


def test_messages_in_chinese_are_chinese():
    han = re.compile("[\u4e00-\u9fff]")
    assert [key for key, texts in MESSAGES.items() if not han.search(texts["zh"])] == []
    # An English one may name a Chinese word, but is no Chinese sentence.
    assert [key for key, texts in MESSAGES.items() if set("，。：；、") & set(texts["en"])] == []


def test_every_message_is_said_somewhere():
    on_pages = set(re.findall("'([a-z0-9-]+)'", "".join(PAGES)))
    assert MESSAGES.keys() - CONSTANTS - MEANINGS - on_pages == set()


@pytest.mark.parametrize("key", sorted(MEANINGS))
def test_the_meaning_of_a_setting_is_worded(key):
    assert key in MESSAGES


def test_every_fault_that_a_verification_finds_is_worded():
    source = (SERVER / "store" / "verification.py").read_text("utf-8")
    rules = set(re.findall(r'yield (?:Finding\(.*, )?"([a-z-]+)"', source))
    assert "index-disagrees" in rules
    assert "history-without-current" in rules
    assert rules <= MESSAGES.keys()


@pytest.mark.parametrize(("place", "key", "arguments"), SAID, ids=[place for place, *_ in SAID])
def test_what_is_said_is_worded_with_the_arguments_that_are_given(place, key, arguments):
    assert key in MESSAGES
    if arguments is not None:
        assert placeholders(MESSAGES[key]["en"]) == arguments
