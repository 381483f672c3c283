"""Builds the schema of core and plugins."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.exceptions import DuplicatedTypeName
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from headbox.kinds import PluginInvalid, Registry
from headbox.schema.artifact import ArtifactQueries
from headbox.schema.content import ContentMutations, ContentQueries
from headbox.schema.derive.classes import root_type
from headbox.schema.derive.derive import derived
from headbox.schema.distribution import DistributionMutations, DistributionQueries
from headbox.schema.distribution_history import DistributionHistoryQueries
from headbox.schema.errors import ERROR_TYPES
from headbox.schema.execution import Operation
from headbox.schema.garbage import GarbageQueries
from headbox.schema.info import read_field
from headbox.schema.masking import is_bug
from headbox.schema.nodes import NodeQueries
from headbox.schema.publication import PublicationMutations
from headbox.schema.queue_stats import QueueStatsQueries
from headbox.schema.remote import RemoteMutations, RemoteQueries
from headbox.schema.remote_impact import RemoteImpactQueries
from headbox.schema.repository import RepositoryMutations, RepositoryQueries, RepositorySubscriptions
from headbox.schema.requests import Documents
from headbox.schema.scalars import SCALARS
from headbox.schema.schedule import ScheduleMutations, ScheduleQueries
from headbox.schema.search import SearchQueries
from headbox.schema.status import StatusQueries
from headbox.schema.storage_stats import StorageStatsQueries
from headbox.schema.sync_plan import SyncPlanQueries
from headbox.schema.task import TaskGroup, TaskMutations, TaskQueries, TaskSubscriptions
from headbox.schema.task_group import TaskGroupMutations, TaskGroupQueries
from headbox.schema.task_log import TaskLogSubscriptions
from headbox.schema.throughput import ThroughputQueries
from headbox.schema.upload import UploadMutations
from headbox.schema.version import VersionMutations, VersionQueries
from headbox.schema.webhook import WebhookMutations, WebhookQueries
from headbox.schema.worker import WorkerQueries
from headbox.settings import GraphQLSettings

log = logging.getLogger(__name__)

QUERIES: list[type] = [
    NodeQueries,
    StatusQueries,
    RepositoryQueries,
    RemoteQueries,
    RemoteImpactQueries,
    DistributionQueries,
    DistributionHistoryQueries,
    TaskQueries,
    TaskGroupQueries,
    ScheduleQueries,
    WebhookQueries,
    QueueStatsQueries,
    ThroughputQueries,
    StorageStatsQueries,
    WorkerQueries,
    VersionQueries,
    ContentQueries,
    SearchQueries,
    ArtifactQueries,
    SyncPlanQueries,
    GarbageQueries,
]
MUTATIONS: list[type] = [
    RepositoryMutations,
    RemoteMutations,
    DistributionMutations,
    PublicationMutations,
    TaskMutations,
    TaskGroupMutations,
    ScheduleMutations,
    WebhookMutations,
    UploadMutations,
    VersionMutations,
    ContentMutations,
]
SUBSCRIPTIONS: list[type] = [TaskSubscriptions, TaskLogSubscriptions, RepositorySubscriptions]


class ApiSchema(strawberry.Schema):
    """The schema, with bugs in the log and everything else not.

    Attributes:
        documents: The documents that clients sent lately.
    """

    documents: Documents

    @property
    def graphql(self) -> GraphQLSchema:
        """The schema as graphql-core has it."""
        return self._schema

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log what headbox did not expect."""
        for error in errors:
            if is_bug(error):
                log.error("an operation failed for a reason that headbox does not know", exc_info=error.original_error)


def build_schema(registry: Registry, limits: GraphQLSettings | None = None, *, is_sorted: bool = False) -> ApiSchema:
    """Return the schema of core and the plugins of a registry.

    Args:
        registry: The plugins.
        limits: How much an operation may ask for; what the settings say by default.
        is_sorted: Whether everything in it is sorted by name, to be printed. Sorting makes the enumerations anew, and
            loses that their values become members: a resolver would be given "fail" for `OnError.FAIL`.

    Raises:
        PluginInvalid: A plugin declares what the API cannot show, or a name that is taken.
    """
    parts = derived(registry)
    limits = limits or GraphQLSettings()
    try:
        schema = ApiSchema(
            query=_root("Query", "What can be asked.", QUERIES, parts.queries),
            mutation=_root("Mutation", "What can be changed.", MUTATIONS, parts.mutations),
            subscription=_root("Subscription", "What can be watched.", SUBSCRIPTIONS, {}),
            types=[*ERROR_TYPES, TaskGroup, *parts.types.values()],
            extensions=[lambda: Operation(documents, limits)],
            config=StrawberryConfig(default_resolver=read_field, scalar_map=SCALARS, sort_schema=is_sorted),
        )
    except DuplicatedTypeName as error:
        raise PluginInvalid(f"A plugin brings a type with a name that is taken. {error}") from error
    documents = Documents(schema.graphql, limits.max_tokens)
    schema.documents = documents
    return schema


def _root(name: str, description: str, parts: list[type], fields: Mapping[str, Any]) -> type:
    taken = {field.python_name for part in parts for field in part.__strawberry_definition__.fields}  # type: ignore[attr-defined]
    if overridden := sorted(taken & fields.keys()):
        raise PluginInvalid(f"A plugin brings the field {name}.{overridden[0]}, which core has.")
    return root_type(name, description, parts, fields)


def print_schema(registry: Registry) -> str:
    """Return the schema in the schema definition language, sorted."""
    return f"{build_schema(registry, is_sorted=True).as_str()}\n"
