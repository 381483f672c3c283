"""Files of publications, rendered once more: what nobody else can give when their bytes are lost."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

from headbox.kinds import PublishTask, RepositoryDocument, SettingsDocument
from headbox.models import Publication, PublishSettings, Repository, RepositoryVersion
from headbox.models.database import fetch, model_from
from headbox.pipeline.run import Run
from headbox.services.publication import RenderContext, Rendered, VersionKey, fingerprint


async def publication_with(run: Run, sha256: str) -> Publication | None:
    """Return a publication that has a file with these bytes, or None."""
    rows = await fetch(
        run.engine.database.connection,
        "SELECT publication.* FROM published_file JOIN publication ON publication.id = published_file.publication_id"
        " WHERE published_file.sha256 = ? LIMIT 1",
        [sha256],
    )
    return model_from(Publication, rows[0]) if rows else None


async def can_render(run: Run, publication: Publication) -> bool:
    """Tell whether a publication would be rendered now as it was."""
    return await _renderer(run, publication) is not None


async def rerender(run: Run, publication: Publication, folder: Path) -> dict[str, Path]:
    """Return the files of a publication, made anew in a folder, by their digests.

    They are none where the plugin is gone, or renders otherwise by now.
    """
    found = await _renderer(run, publication)
    if found is None:
        return {}
    task_type, rendered = found
    document_type = run.engine.registry.find(rendered.settings.kind, SettingsDocument)
    assert document_type is not None, "a task type that publishes comes with its settings"
    context = RenderContext(run, rendered, document_type.read(rendered.settings.document))
    context.working_folder = folder
    await task_type(repository_version=rendered.version.id, settings=rendered.settings.id).render(context)
    return {await asyncio.to_thread(_digest, path): path for _, path in context.written}


async def _renderer(run: Run, publication: Publication) -> tuple[type[PublishTask[Any, Any]], Rendered] | None:
    """Return what renders a publication, and what of; None where that would not come to the same."""
    version = await RepositoryVersion.get(id=publication.repository_version_id)
    repository = await Repository.get(id=version.repository_id)
    repository_type = run.engine.registry.find(repository.kind, RepositoryDocument)
    task_type = run.engine.registry.publish_task(repository_type) if repository_type else None
    if task_type is None or fingerprint(version.id, publication.settings_id, task_type) != publication.fingerprint:
        return None
    settings = await PublishSettings.get(id=publication.settings_id)
    key = VersionKey(version.id, repository.id, version.number)
    return task_type, Rendered(key, settings, publication.fingerprint, run.storage)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
