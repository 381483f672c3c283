"""Remotes: where to sync from, as a series of immutable revisions."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from headbox.download.interface import RemoteAccess
from headbox.errors import InUse, Invalid, NameTaken, NotPermitted, RevisionConflict
from headbox.kinds import Registry, RemoteDocument
from headbox.models import OpenIssue, Remote, RemoteRevision, Repository
from headbox.models.cipher import Cipher
from headbox.models.database import Connection, lock_name
from headbox.services.documents import check_labels, check_name, checked
from headbox.services.rows import locked
from headbox.tasking.engine import UnitOfWork


async def create(
    work: UnitOfWork,
    kind: type[RemoteDocument],
    *,
    name: str,
    values: dict[str, Any],
    labels: dict[str, Any] | None = None,
) -> Remote:
    """Create a remote and its first revision.

    Raises:
        RequestError: A value, the name or a label cannot be, or another remote has the name.
    """
    document = _checked(work, kind, values)
    remote = Remote(kind=kind.kind, name=check_name(name), labels=check_labels(labels))
    await _check_name_is_free(work.connection, remote)
    await remote.save(using_db=work.connection, force_create=True)
    await _save_revision(work, remote, document)
    return remote


async def update(work: UnitOfWork, remote: Remote, *, changes: dict[str, Any], expected_revision: int | None) -> Remote:
    """Change what `changes` holds: name, labels, or fields of the document.

    It waits for nobody: tasks that were created before keep the revision that they have.

    Raises:
        RevisionConflict: The remote is not at the revision that the update was made for.
        RequestError: As `create`.
    """
    remote = await locked(work.connection, remote)
    before = remote.revision
    if expected_revision is not None and before != expected_revision:
        raise RevisionConflict(what="remote", current=before, expected=expected_revision, path=("expected_revision",))
    kind = work.registry.find(remote.kind, RemoteDocument)
    if kind is None:
        raise Invalid(field="id", reason=f"no plugin for {remote.kind!r} is installed", path=("id",))
    if "name" in changes:
        remote.name = check_name(changes["name"])
        await _check_name_is_free(work.connection, remote)
    if "labels" in changes:
        remote.labels = check_labels(changes["labels"])
    remote.revision += 1
    await remote.save(using_db=work.connection, update_fields=["name", "labels", "revision"])
    revision = await RemoteRevision.get(remote_id=remote.id, number=before, using_db=work.connection)
    values = {**revision.document, **work.cipher.decrypt(revision.secrets)}
    values |= {name: value for name, value in changes.items() if name in kind.model_fields}
    await _save_revision(work, remote, _checked(work, kind, values))
    return remote


async def delete(work: UnitOfWork, remote: Remote) -> Remote:
    """Delete a remote; its revisions stay for the tasks and the on-demand content that need them.

    What it declared and nobody got is missed no more.

    Raises:
        InUse: A repository syncs from it.
    """
    # Whoever is about to use it has it locked too.
    remote = await locked(work.connection, remote)
    users = await Repository.filter(remote_id=remote.id).using_db(work.connection).order_by("name").limit(5)
    if users:
        names = ", ".join(repr(repository.name) for repository in users)
        raise InUse(what="remote", name=remote.name, users=names, path=("id",))
    remote.deleted_at = datetime.now(UTC)
    await remote.save(using_db=work.connection, update_fields=["deleted_at"])
    await OpenIssue.filter(remote_id=remote.id).using_db(work.connection).delete()
    return remote


async def current(remote: Remote) -> RemoteRevision:
    """Return the revision that a remote is at."""
    return await RemoteRevision.get(remote_id=remote.id, number=remote.revision)


def read(registry: Registry, cipher: Cipher, kind: str, revision: RemoteRevision) -> RemoteDocument:
    """Return what a revision says, with its secrets.

    Raises:
        LookupError: No installed plugin has its kind.
    """
    document_type = registry.find(kind, RemoteDocument)
    if document_type is None:
        raise LookupError(f"no plugin for {kind!r} is installed")
    return document_type.read(revision.document, cipher.decrypt(revision.secrets))


def access(document: RemoteDocument) -> RemoteAccess:
    """Return how the downloader is to reach a remote."""
    return RemoteAccess(
        url=document.url,
        username=document.username.get_secret_value() if document.username else None,
        password=document.password.get_secret_value() if document.password else None,
        headers=document.headers,
        proxy_url=document.proxy_url,
        tls_verify=document.tls_verify,
        concurrency=document.download_concurrency,
        rate_limit=document.rate_limit,
        max_retries=document.max_retries,
        connect_timeout=document.connect_timeout_seconds,
        read_timeout=document.read_timeout_seconds,
        total_timeout=document.total_timeout_seconds,
    )


def _checked(work: UnitOfWork, kind: type[RemoteDocument], values: dict[str, Any]) -> RemoteDocument:
    """Return the document of a remote that could be reached, as far as can be known now."""
    document = checked(kind, values)
    parts = urlsplit(document.url)
    if parts.scheme == "file":
        path = Path(os.path.normpath(unquote(parts.path)))
        if not any(path.is_relative_to(allowed) for allowed in work.settings.download.allowed_paths):
            raise NotPermitted(
                what=f"Reading {document.url}",
                reason="it lies outside of the allowed folders",
                path=("url",),
                hint="The operator names the folders in HEADBOX_DOWNLOAD_ALLOWED_PATHS.",
            )
    return document


async def _check_name_is_free(connection: Connection, remote: Remote) -> None:
    await lock_name(connection, "remote", remote.name)
    others = Remote.filter(name=remote.name, deleted_at__isnull=True).exclude(id=remote.id)
    if await others.using_db(connection).exists():
        raise NameTaken(what="remote", name=remote.name, path=("name",))


async def _save_revision(work: UnitOfWork, remote: Remote, document: RemoteDocument) -> None:
    await RemoteRevision.create(
        remote_id=remote.id,
        number=remote.revision,
        document=document.plain(),
        secrets=work.cipher.encrypt(document.secrets()),
        using_db=work.connection,
    )
