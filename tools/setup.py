"""Make the virtual environment of this checkout, with nothing but Python's own library.

Called by the Makefile as ``python3 tools/setup.py run`` or ``... test``; the
second also installs the tools of development, and a Chromium for the tests.
Debian's python3 has neither pip nor ensurepip, so pip comes from the wheel
beside this file. Nothing is done when the lock file and pyproject.toml are
those of the last time.
"""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

import chromium

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
PYTHON = FOLDER / "bin" / "python"
LOCKS = {"run": ROOT / "requirements-run.lock", "test": ROOT / "requirements.lock"}


def main(purpose: str) -> None:
    """Bring the virtual environment up to date for `purpose`."""
    environment(purpose)
    if purpose == "test":
        chromium.install(PYTHON)


def environment(purpose: str) -> None:
    """Install what the lock file of `purpose` says, if that has changed."""
    stamp, wanted = FOLDER / f".stamp-{purpose}", fingerprint(purpose)
    if stamp.exists() and stamp.read_text("ascii") == wanted and PYTHON.exists():
        return
    print(f"Setting up {FOLDER.name} for '{purpose}'; this is needed once.", flush=True)
    if not PYTHON.exists():
        venv.create(FOLDER, symlinks=True, with_pip=False)
    pip("--require-hashes", "--only-binary=:all:", "--requirement", str(LOCKS[purpose]))
    pip("--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT))
    stamp.write_text(wanted, "ascii")


def pip(*arguments: str) -> None:
    """Install with the carried pip. Raises CalledProcessError if that fails."""
    wheel = next((ROOT / "tools").glob("pip-*.whl"))
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input", "--no-warn-script-location")
    command = [str(PYTHON), str(wheel / "pip"), "install", *quiet, *arguments]
    subprocess.run(command, check=True, cwd=ROOT)


def fingerprint(purpose: str) -> str:
    """Return what the environment for `purpose` is made of, as one hash."""
    digest = hashlib.sha256(f"{sys.version} {ROOT}".encode())
    for file in (LOCKS[purpose], ROOT / "pyproject.toml", Path(__file__)):
        digest.update(file.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except subprocess.CalledProcessError as failure:
        sys.exit(f"Setting up failed: {failure.cmd[0]} ended with code {failure.returncode}.")
    except KeyboardInterrupt:
        sys.exit("Setting up was interrupted; the same command goes on with it.")
