"""What the file plugin knows about files."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote as shell_quoted
from urllib.parse import quote

from pydantic import Field

from headbox.plugin_api import (
    ClientSetup,
    ContentUnit,
    Digest,
    FromUpload,
    RelativePath,
    RemoteDocument,
    RepositoryDocument,
    SettingsDocument,
)

#: Name of the manifest, as Pulp's clients and mirrors expect it.
MANIFEST = "PULP_MANIFEST"


# The size is part of what a file is, though the digest would do: a remote that lies about it speaks of a file of its
# own, and never for the same file of an honest one.
class FileContent(
    ContentUnit,
    kind="file.content",
    natural_key=("relative_path", "sha256", "size"),
    unique_by=("relative_path",),
    from_upload=FromUpload(relative_path="relative_path", sha256="sha256", size="size"),
):
    """One file: a path and the bytes that stand there."""

    relative_path: RelativePath = Field(description="Where the file lies below a distribution's base path.")
    sha256: Digest = Field(description="SHA-256 of its bytes, 64 lower-case hexadecimal digits.")
    size: int = Field(ge=0, le=2**53, description="Its size in bytes.")


class FileRemote(RemoteDocument, kind="file.remote"):
    """An upstream of files. Its URL is that of the manifest; below the manifest's folder lie the files."""


class FilePublishSettings(SettingsDocument, kind="file.settings"):
    """How files are published."""

    manifest: RelativePath = Field(
        MANIFEST, max_length=255, description="Name of the manifest that lists the files; PULP_MANIFEST by default."
    )

    def client_setups(self, url: str) -> Iterable[ClientSetup]:
        """Return commands that fetch files, and one that mirrors them all."""
        manifest = shell_quoted(url + quote(self.manifest))
        yield ClientSetup("curl: the manifest, a line for each file", f"curl -fsS {manifest}")
        yield ClientSetup("curl: one file", f"curl -fO {shell_quoted(url)}PATH")
        yield ClientSetup("wget: all files, and later what has changed", f"wget -r -N -np -nH {shell_quoted(url)}")
        yield ClientSetup("headbox: mirror it elsewhere", f"headbox file remote create --name NAME --url {manifest}")


class FileRepository(
    RepositoryDocument,
    kind="file.repository",
    remote=FileRemote,
    publish_settings=FilePublishSettings,
    content=(FileContent,),
):
    """A repository of files: no two files of one version have the same path."""
