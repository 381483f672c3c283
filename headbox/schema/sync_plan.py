"""Plans of syncs."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import UNSET

from headbox import models
from headbox.resolvers import sync_plan as resolver
from headbox.resolvers.current_remote import CurrentRemote
from headbox.resolvers.ids import SYNC_PLAN, GlobalId
from headbox.resolvers.paging import Page
from headbox.schema.connection import After, Connection, First, page_arguments
from headbox.schema.content import Content
from headbox.schema.enums import DownloadPolicy, SyncMode
from headbox.schema.errors import UserError
from headbox.schema.fields import field
from headbox.schema.info import Info, lazy
from headbox.schema.scalars import BigInt
from headbox.schema.sync_issue import SyncIssue
from headbox.services.sync_plan import SHOWN_ISSUES, SHOWN_UNITS

#: Stands over a plan and the errors that there are in its place.
Root = strawberry.Parent[dict[str, Any]]
Unit = strawberry.Parent[resolver.PlannedUnit]

_NO_AMOUNT = {"count": 0, "bytes": 0, "unknown_sizes": 0}
#: See `services.sync_plan`: the summary of no plan.
_NO_SUMMARY: dict[str, Any] = {
    **dict.fromkeys(("added", "removed", "downloaded", "on_demand"), _NO_AMOUNT),
    "by_kind": [],
    "issue_count": 0,
    "issues": [],
}


def _plan(root: dict[str, Any]) -> models.SyncPlan | None:
    plan: models.SyncPlan | None = root["plan"]
    return plan


def _summary(root: dict[str, Any]) -> dict[str, Any]:
    plan = _plan(root)
    return plan.summary if plan else _NO_SUMMARY


@strawberry.type(description="How much there is of something, and how many bytes that is.")
class PlannedAmount:
    """Stands over the document of a `pipeline.planned.Amount`."""

    count: BigInt = strawberry.field(description="How many content units or artifacts.")
    bytes: BigInt = strawberry.field(description="Bytes of the artifacts whose size is known.")
    unknown_sizes: BigInt = strawberry.field(
        description="How many artifacts do not tell their size: they are not among the bytes."
    )


@strawberry.type(description="What would change of one kind of content.")
class PlannedKind:
    """Stands over a document of `services.sync_plan`."""

    kind: str = strawberry.field(description="The kind, such as `file.content`.")
    added: PlannedAmount = strawberry.field(description="Content units that would be added.")
    removed: PlannedAmount = strawberry.field(description="Content units that would be removed.")


@strawberry.type(description="One file of a content unit, as far as it is known.")
class PlannedArtifact:
    """Stands over `pipeline.planned.PlannedArtifact`."""

    relative_path: str = strawberry.field(description="Where it lies below a distribution's base path.")
    sha256: str | None = strawberry.field(
        description="SHA-256 of its bytes, 64 hexadecimal digits; null where the remote does not tell."
    )
    size: BigInt | None = strawberry.field(description="How many bytes it has; null where the remote does not tell.")


@strawberry.type(description="A content unit that would be added or removed.")
class PlannedUnit:
    """Stands over `resolvers.sync_plan.PlannedUnit`."""

    kind: str = strawberry.field(description="Its kind: plugin and type, such as `file.content`.")
    artifacts: list[PlannedArtifact] = strawberry.field(description="Its files, by path.")

    @field(
        description="The content unit itself; null while headbox has never seen it, as before its first sync.",
        graphql_type=Content | None,
    )
    @staticmethod
    def content(root: Unit, info: Info) -> Awaitable[models.Content | None]:
        return info.context.loaders.content.load(UUID(root.id))


@strawberry.type(
    description="What a sync would change: computed from what the remote holds now, with nothing changed. `createSync`"
    " mutations apply it by its id, and change nothing where anything has moved since."
)
class SyncPlan:
    """Stands over {"plan": models.SyncPlan | None, "errors": documents of errors}."""

    @field(description="What it is applied by; null when there are errors.", graphql_type=strawberry.ID | None)
    @staticmethod
    def id(root: Root) -> str | None:
        plan = _plan(root)
        return str(GlobalId(SYNC_PLAN, plan.id)) if plan else None

    @field(description="When it was made.", graphql_type=datetime | None)
    @staticmethod
    def created_at(root: Root) -> datetime | None:
        plan = _plan(root)
        return plan.created_at if plan else None

    @field(description="Until when it can be applied.", graphql_type=datetime | None)
    @staticmethod
    def expires_at(root: Root) -> datetime | None:
        plan = _plan(root)
        return plan.expires_at if plan else None

    @field(description="The repository that would be synced.", graphql_type=lazy("Repository", "repository") | None)
    @staticmethod
    def repository(root: Root, info: Info) -> Awaitable[models.Repository | None] | None:
        plan = _plan(root)
        return info.context.loaders.repository.load(plan.repository_id) if plan else None

    @field(
        description="Number of the repository's latest version, which it was compared with.",
        graphql_type=BigInt | None,
    )
    @staticmethod
    def version_number(root: Root) -> int | None:
        plan = _plan(root)
        return plan.version_number if plan else None

    @field(description="The remote that was read.", graphql_type=lazy("Remote", "remote") | None)
    @staticmethod
    def remote(root: Root, info: Info) -> Awaitable[CurrentRemote | None] | None:
        plan = _plan(root)
        return info.context.loaders.remote.load(UUID(plan.input["remote"])) if plan else None

    @field(description="Number of the remote's revision that was read.", graphql_type=int | None)
    @staticmethod
    async def remote_revision(root: Root, info: Info) -> int | None:
        plan = _plan(root)
        return await resolver.remote_revision(info.context, plan) if plan else None

    @field(description="What would happen to units that the remote no longer holds.", graphql_type=SyncMode | None)
    @staticmethod
    def mode(root: Root) -> SyncMode | None:
        plan = _plan(root)
        return SyncMode(plan.input["mode"]) if plan else None

    @field(description="When the bytes of content would be fetched.", graphql_type=DownloadPolicy | None)
    @staticmethod
    def policy(root: Root) -> DownloadPolicy | None:
        plan = _plan(root)
        return DownloadPolicy(plan.summary["policy"]) if plan else None

    @field(
        description="Whether there would be no new version. Bytes may have to be downloaded all the same.",
        graphql_type=bool,
    )
    @staticmethod
    def unchanged(root: Root) -> bool:
        summary = _summary(root)
        return _plan(root) is not None and not summary["added"]["count"] and not summary["removed"]["count"]

    @field(description="Content units that would be added, with the bytes that they have.", graphql_type=PlannedAmount)
    @staticmethod
    def adds(root: Root) -> Any:
        return _summary(root)["added"]

    @field(
        description="Content units that would be removed, with the bytes that they have.", graphql_type=PlannedAmount
    )
    @staticmethod
    def removes(root: Root) -> Any:
        return _summary(root)["removed"]

    @field(
        description="Artifacts that the sync would download, each digest once; none where the policy is not IMMEDIATE.",
        graphql_type=PlannedAmount,
    )
    @staticmethod
    def downloads(root: Root) -> Any:
        return _summary(root)["downloaded"]

    @field(
        description="Artifacts of units that would be added whose bytes would be fetched when clients ask for them.",
        graphql_type=PlannedAmount,
    )
    @staticmethod
    def on_demand(root: Root) -> Any:
        return _summary(root)["on_demand"]

    @field(description="What would be added and removed, by kind of content.", graphql_type=list[PlannedKind])
    @staticmethod
    def by_kind(root: Root) -> Any:
        return _summary(root)["by_kind"]

    @field(
        description=f"The first {SHOWN_UNITS} of the content units that would be added, in the order in which the"
        " remote declares them; `totalCount` counts all.",
        graphql_type=Connection[PlannedUnit],
    )
    @staticmethod
    def added(root: Root, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return resolver.units(_plan(root), "added", page_arguments(first, after))

    @field(
        description=f"The first {SHOWN_UNITS} of the content units that would be removed, in the order of their ids;"
        " `totalCount` counts all.",
        graphql_type=Connection[PlannedUnit],
    )
    @staticmethod
    def removed(root: Root, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return resolver.units(_plan(root), "removed", page_arguments(first, after))

    @field(
        description="How many units `onError: SKIP` would leave out, as far as the metadata tells; with FAIL the sync"
        " fails because of the first one.",
        graphql_type=int,
    )
    @staticmethod
    def issue_count(root: Root) -> Any:
        return _summary(root)["issue_count"]

    @field(description=f"The first {SHOWN_ISSUES} of them.", graphql_type=list[SyncIssue])
    @staticmethod
    def issues(root: Root) -> Any:
        return _summary(root)["issues"]

    errors: list[UserError] = strawberry.field(
        description="Why there is no plan; then everything else is null, zero or empty."
    )


@strawberry.type
class SyncPlanQueries:
    """Where plans are found again."""

    @field(
        description="The plan of a sync with an id; null where there is none any more: plans are kept for some time,"
        " and the latest ones of each repository.",
        graphql_type=SyncPlan | None,
    )
    async def sync_plan(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the plan.")]
    ) -> dict[str, Any] | None:
        found = await resolver.find(info.context, id)
        return {"plan": found, "errors": []} if found else None
