"""A client of the tus project itself, in a process of its own that can be killed: it goes on where the last one was.

`python -m tests.support.tus_client URL FILE STORE CHUNK_BYTES` prints the address of the upload once all is there.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage

from tests.support.program import Program


def main(url: str, path: str, store: str, chunk_bytes: str) -> None:
    """Upload a file, with a checksum for each chunk; a server that is away is asked again and again."""
    file = Path(path)
    uploader = TusClient(url).uploader(
        path,
        chunk_size=int(chunk_bytes),
        store_url=True,
        url_storage=FileStorage(store),  # type: ignore[no-untyped-call]
        upload_checksum=True,
        retries=300,
        retry_delay=0.1,
        metadata={"filename": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()},
    )
    uploader.upload()
    sys.stdout.write(f"{uploader.url}\n")


def start(url: str, path: Path, *, chunk_bytes: int) -> Program:
    """Run the client; what it remembers for the next one lies beside the file."""
    arguments = [url, str(path), str(path.with_suffix(".store")), str(chunk_bytes)]
    return Program(
        [sys.executable, "-m", "tests.support.tus_client", *arguments],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
