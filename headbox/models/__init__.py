"""The database: one noun a file, and the migrations. Core alone owns tables; plugins own none."""

from headbox.models.content import (
    Artifact,
    ArtifactRemoval,
    ArtifactSource,
    Content,
    ContentArtifact,
    ContentNeed,
    Membership,
)
from headbox.models.distribution import Distribution, DistributionHistory
from headbox.models.installation import Installation
from headbox.models.lease import Lease
from headbox.models.publication import Publication, PublishedFile, PublishSettings
from headbox.models.remote import Remote, RemoteRevision
from headbox.models.repository import OpenIssue, Repository, RepositoryVersion, SyncPlan, SyncState
from headbox.models.schedule import Schedule
from headbox.models.task import IdempotencyKey, ResourceQueue, StagedContent, SyncIssue, Task, TaskClaim, TaskGroup
from headbox.models.task_log import TaskLogLine
from headbox.models.upload import Upload
from headbox.models.webhook import Webhook, WebhookDelivery
from headbox.models.worker import Worker

__all__ = [
    "Artifact",
    "ArtifactRemoval",
    "ArtifactSource",
    "Content",
    "ContentArtifact",
    "ContentNeed",
    "Distribution",
    "DistributionHistory",
    "IdempotencyKey",
    "Installation",
    "Lease",
    "Membership",
    "OpenIssue",
    "Publication",
    "PublishSettings",
    "PublishedFile",
    "Remote",
    "RemoteRevision",
    "Repository",
    "RepositoryVersion",
    "ResourceQueue",
    "Schedule",
    "StagedContent",
    "SyncIssue",
    "SyncPlan",
    "SyncState",
    "Task",
    "TaskClaim",
    "TaskGroup",
    "TaskLogLine",
    "Upload",
    "Webhook",
    "WebhookDelivery",
    "Worker",
]
