"""What HAPI's validator says of our instances: ``python -m tests.peers.judge CLASSES JARS``.

CLASSES is the folder of the compiled SecondOpinion, JARS that of HAPI's libraries; README.md says
how both are made. Writes ``verdicts.json`` beside this file, which a test holds our validator to.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from server import content
from tests.peers.instances import Instance, instances

VERDICTS = Path(__file__).with_name("verdicts.json")
_FOLDERS = (
    content.PROFILES / "StructureDefinition",
    content.TERMINOLOGY / "CodeSystem",
    content.TERMINOLOGY / "ValueSet",
)
_ERRORS = ("error", "fatal")


def state() -> str:
    """Return what changes when a definition or an instance does."""
    told = hashlib.sha256()
    for folder in _FOLDERS:
        for file in sorted(folder.glob("*.json")):
            told.update(file.read_bytes())
    for one in instances():
        told.update(json.dumps([one.name, one.resource], ensure_ascii=False).encode())
    return told.hexdigest()


def element(location: str) -> str:
    """Return the element at the top of the resource that `location` leads to, or the type."""
    plain = re.sub(r"\[[^\]]*\]|\.ofType\(\w+\)|/\*.*?\*/", "", location)
    return re.sub(r"^(\w+\.value)[A-Z]\w*", r"\1", ".".join(plain.split(".")[:2]))


def judged(classes: Path, jars: Path, several: list[Instance]) -> list[list[str]]:
    """Return the elements in which HAPI finds errors, for each of `several`."""
    with tempfile.TemporaryDirectory() as made:
        for folder in _FOLDERS:
            shutil.copytree(folder, Path(made) / folder.name)
        lines = [f"{one.profile}\t{json.dumps(one.resource)}" for one in several]
        done = subprocess.run(
            ["java", "-Xmx3g", "-cp", f"{jars}/*:{classes}", "SecondOpinion", made],
            input="\n".join(lines).encode(),
            stdout=subprocess.PIPE,
            check=True,
        )
    said = [json.loads(line) for line in done.stdout.decode().splitlines()]
    return [
        sorted({element(where) for severity, where, *_ in one if severity in _ERRORS})
        for one in said
    ]


def main(classes: Path, jars: Path) -> None:
    """Judge all instances and write down what was found."""
    several = instances()
    found = judged(classes, jars, several)
    told = {one.name: where for one, where in zip(several, found, strict=True)}
    rows = ",\n".join(f"{json.dumps(n)}: {json.dumps(w)}" for n, w in sorted(told.items()))
    VERDICTS.write_text(f'{{"state": "{state()}",\n"errors": {{\n{rows}\n}}}}\n', "utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
