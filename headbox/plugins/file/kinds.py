"""What the file plugin knows about files."""

from __future__ import annotations

from pydantic import Field

from headbox.plugin_api import (
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


class FileRepository(
    RepositoryDocument,
    kind="file.repository",
    remote=FileRemote,
    publish_settings=FilePublishSettings,
    content=(FileContent,),
):
    """A repository of files: no two files of one version have the same path."""
