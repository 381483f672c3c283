from __future__ import annotations

import base64
import re
from typing import Any

import click
import pytest
from graphql import build_schema, parse, validate

from headbox.cli.derived.commands import DerivedCommand
from headbox.cli.derived.following import stream_of
from headbox.cli.derived.operations import Operation, operations
from headbox.cli.derived.parameters import variables
from headbox.cli.derived.plan import applied_by
from headbox.cli.derived.references import Lookup, Reference, is_global_id, lookups
from headbox.cli.derived.request import document

SCHEMA = build_schema("""
scalar JSON
interface Node { id: ID! }
interface Task implements Node { id: ID! kind: String! }
interface Repository implements Node { id: ID! name: String! }
type Thing implements Node {
  id: ID! name: String! size: Int labels: JSON owner: ThingRepository parts(first: Int!): [Int!]!
}
type ThingImpact { size: Int things(first: Int): ThingConnection! }
type WorkerTeam { name: String! }
type ThingRepository implements Repository & Node { id: ID! name: String! things: ThingConnection! }
type ThingSync implements Task & Node { id: ID! kind: String! repository: ThingRepository! source: Source }
union Source = Latest | Pinned
type Latest { repository: Repository! }
type Pinned { thing: Thing! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type ThingConnection { edges: [ThingEdge!]! pageInfo: PageInfo! totalCount: Int }
type ThingEdge { cursor: String! change: Mode node: Thing! }
type RepositoryConnection { edges: [RepositoryEdge!]! pageInfo: PageInfo! }
type RepositoryEdge { node: Repository! }
interface UserError { code: String! message: String! path: [String!]! hint: String retryable: Boolean! }
type Payload { task: ThingSync repository: Repository errors: [UserError!]! }
type Amount { count: Int! bytes: Int! }
type ThingPlan {
  id: ID adds: Amount! kinds: [ThingKind!]! added(first: Int): ThingConnection! errors: [UserError!]!
}
type ThingKind { kind: String! added: Amount! }
type PlainPayload { repository: Repository errors: [UserError!]! }

enum Mode { ADDITIVE ON_DEMAND }
input Label { key: String! value: String }
input Ref @oneOf { id: ID create: RemoteInput }
input RemoteInput { name: String! url: String! retries: Int = 3 verify: Boolean = true mode: Mode }
input Distribution { name: String basePath: String! }
input Filter { kind: [String!] mode: [Mode!] label: [Label!] repository: ID and: [Filter!] not: Filter }
input CreateThingSyncInput { repository: ID! "How." mode: Mode = ON_DEMAND force: Boolean = false plan: ID }
input CreateThingRepositoryInput {
  name: String! remote: Ref distributions: [Distribution!] labels: JSON retain: Int watch: String
}
input UpdateThingRepositoryInput { id: ID! name: String remote: Ref }

type Query {
  node(id: ID!): Node
  repository(name: String!): Repository
  repositories(first: Int, after: String): RepositoryConnection!
  things(filter: Filter, first: Int): ThingConnection!
  planThingSync(input: CreateThingSyncInput!): ThingPlan!
  task(id: ID!): Task
  teams: [WorkerTeam!]!
  repositoryDiff(from: ID!, to: ID!): ThingConnection!
  "What a thing is needed for; null for none."
  thingImpact(name: String!): ThingImpact
  haveThings(name: [String!]!): [String!]!
  status: PageInfo!
}
type Subscription {
  repository(id: ID!): Repository!
  things(filter: Filter): Thing!
  taskLog(id: ID!): Thing!
}
type Mutation {
  "Create a sync."
  createThingSync(input: CreateThingSyncInput!): Payload!
  createThingSyncs(input: CreateThingSyncInput!): Payload!
  createThingRepository(input: CreateThingRepositoryInput!): Payload!
  updateThingRepository(input: UpdateThingRepositoryInput!): PlainPayload!
  deleteRepository(id: ID!): PlainPayload!
  cancelTask(id: ID!, why: String): PlainPayload!
}
""")
KINDS = {"Thing": "thing.unit_of_things", "ThingRepository": "thing.repository", "ThingSync": "thing.sync"}
REPOSITORY = Lookup("repository", "name")


def found(*path: str) -> Operation:
    return next(operation for operation in operations(SCHEMA, KINDS) if operation.path == path)


def parsed(*path: str, arguments: list[str]) -> dict[str, Any]:
    """Return the variables for a command line."""
    command = DerivedCommand(found(*path), lookups(SCHEMA))
    values = command.make_context("x", arguments).params
    return variables(command.operation, command.inputs, values)


def test_operations_are_named_by_plugin_noun_and_verb() -> None:
    assert {operation.path: operation.name for operation in operations(SCHEMA, KINDS)} == {
        ("thing", "sync", "create"): "createThingSync",
        ("thing", "sync", "create-many"): "createThingSyncs",
        ("thing", "sync", "plan"): "planThingSync",
        ("thing", "repository", "create"): "createThingRepository",
        ("thing", "repository", "update"): "updateThingRepository",
        ("thing", "unit-of-things", "list"): "things",
        ("thing", "unit-of-things", "impact"): "thingImpact",
        ("thing", "unit-of-things", "have"): "haveThings",
        ("worker-team", "list"): "teams",
        ("repository", "diff"): "repositoryDiff",
        ("repository", "delete"): "deleteRepository",
        ("repository", "show"): "repository",
        ("repository", "list"): "repositories",
        ("task", "cancel"): "cancelTask",
        ("task", "show"): "task",
    }


def test_each_operation_sends_a_valid_document() -> None:
    for operation in operations(SCHEMA, KINDS):
        given = dict.fromkeys(operation.field.args, "x")
        text, _ = document(operation, given)
        assert validate(SCHEMA, parse(text)) == [], text


def test_an_object_is_asked_for_by_its_id_where_one_is_given() -> None:
    key = base64.b64encode(b"ThingRepository:1").decode()

    assert document(found("repository", "show"), {"name": "mirror"}) == (
        "query ($name: String!) { result: repository(name: $name) { id name } }",
        {"name": "mirror"},
    )
    assert document(found("repository", "show"), {"name": key}) == (
        "query ($id: ID!) { result: node(id: $id) { ... on Repository { id name } } }",
        {"id": key},
    )


def test_selection_has_plain_fields_and_the_objects_beside_them() -> None:
    text, _ = document(found("thing", "sync", "create"), {"input": {}})

    assert text == (
        "mutation ($input: CreateThingSyncInput!) { result: createThingSync(input: $input) { "
        "task { id kind repository { id name } source { __typename "
        "... on Latest { repository { id name } } ... on Pinned { thing { id name size labels } } } } "
        "repository { id name } errors { code message path hint retryable } } }"
    )


def test_a_plan_has_its_amounts_its_lists_and_the_first_of_its_connections() -> None:
    text, _ = document(found("thing", "sync", "plan"), {"input": {}})

    assert text == (
        "query ($input: CreateThingSyncInput!) { result: planThingSync(input: $input) { "
        "id adds { count bytes } kinds { kind added { count bytes } } "
        "added(first: 20) { totalCount edges { node { id name size labels } } } "
        "errors { code message path hint retryable } } }"
    )


def test_a_report_has_no_errors_and_values_no_selection() -> None:
    report, _ = document(found("thing", "unit-of-things", "impact"), {"name": "x"})
    values, _ = document(found("thing", "unit-of-things", "have"), {"name": ["x"]})

    things = "things(first: 20) { totalCount edges { node { id name size labels } } }"
    assert report == f"query ($name: String!) {{ result: thingImpact(name: $name) {{ size {things} }} }}"
    assert values == "query ($name: [String!]!) { result: haveThings(name: $name) }"


def test_a_list_has_what_its_edges_say() -> None:
    text, _ = document(found("repository", "diff"), {"from": "x", "to": "y"})

    assert "{ edges { change node { id name size labels owner { id name } } } pageInfo" in text


def test_a_plan_is_applied_by_what_takes_its_id() -> None:
    known = list(operations(SCHEMA, KINDS))

    assert applied_by(found("thing", "sync", "plan"), known) == found("thing", "sync", "create")


def test_what_has_a_subscription_can_be_followed() -> None:
    things = ("thing", "unit-of-things", "list")
    streams = {operation.path: stream_of(SCHEMA, operation) for operation in operations(SCHEMA, KINDS)}

    assert {path for path, stream in streams.items() if stream} == {("repository", "show"), things}
    for path, given in ((("repository", "show"), {"id": "x"}), (things, {"filter": {"kind": ["a"]}})):
        stream = streams[path]
        assert stream is not None
        text, _ = document(stream, given)
        assert text.startswith("subscription (")
        assert validate(SCHEMA, parse(text)) == []


def test_options_are_read_by_their_types() -> None:
    assert parsed("thing", "sync", "create", arguments=["--repository", "a", "--mode", "on-demand", "--force"]) == {
        "input": {"repository": Reference("a", REPOSITORY), "mode": "ON_DEMAND", "force": True}
    }


def test_what_is_not_given_is_not_sent() -> None:
    assert parsed("thing", "sync", "create", arguments=["--repository", "a"]) == {
        "input": {"repository": Reference("a", REPOSITORY)}
    }


def test_objects_are_read_from_json_dots_and_short_forms() -> None:
    arguments = [
        *("--name", "m", "--remote.create.name", "up", "--remote.create.url", "http://u", "--remote.create.no-verify"),
        *(
            "--remote.create.mode",
            "additive",
            "--distribution",
            "a/b",
            "--distribution",
            '{"name": "n", "basePath": "c"}',
        ),
        *("--labels", "team=web", "--labels", "os=linux", "--input.watch", "x"),
    ]

    assert parsed("thing", "repository", "create", arguments=arguments) == {
        "input": {
            "name": "m",
            "remote": {"create": {"name": "up", "url": "http://u", "verify": False, "mode": "ADDITIVE"}},
            "distributions": [{"basePath": "a/b"}, {"name": "n", "basePath": "c"}],
            "labels": {"team": "web", "os": "linux"},
            "watch": "x",
        }
    }


def test_json_and_its_fields_are_merged() -> None:
    arguments = ["--name", "m", "--remote", '{"create": {"url": "http://u"}}', "--remote.create.name", "up"]

    assert parsed("thing", "repository", "create", arguments=arguments)["input"]["remote"] == {
        "create": {"url": "http://u", "name": "up"}
    }


def test_an_id_alone_stands_for_a_choice() -> None:
    assert parsed("thing", "repository", "create", arguments=["--name", "m", "--remote", "x"])["input"]["remote"] == {
        "id": "x"
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--remote", "{nonsense"], "'{nonsense' is not JSON"),
        (["--labels", "nonsense"], "'nonsense' is not JSON"),
        (["--labels", "a=b", "--labels", "c"], "'a=b c' is neither JSON nor NAME=VALUE."),
        (["--remote", '{"create": null}', "--remote.create.url", "u"], "contradicts what is given for 'create'"),
        (["--remote.create.name", "r"], "Missing option '--remote.create.url'."),
        (["--remote", '{"create": {"name": "r"}}'], "Missing option '--remote.create.url'."),
        (["--remote", '{"create": 3}'], "--remote: create: an object is needed."),
        (["--remote", '{"id": "x", "create": {}}'], "--remote: exactly one is needed of id, create."),
        (["--remote", '{"creat": {}}'], "--remote: creat: there is no such field: did you mean 'create'?"),
        (["--remote", '{"create": {"name": "r", "url": 3}}'], "--remote.create.url: String cannot represent"),
        (
            ["--distribution", "x", "--distribution", '{"name": "x"}'],
            "--distribution: the field 'basePath' is missing.",
        ),
        (
            ["--distribution", '{"basepath": "x"}'],
            "--distribution: basepath: there is no such field: did you mean 'basePath'?",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(click.UsageError, match=re.escape(message)):
        parsed("thing", "repository", "create", arguments=["--name", "m", *arguments])


def test_fields_of_a_filter_are_options() -> None:
    arguments = [
        "--kind",
        "a",
        "--kind",
        "b",
        "--label",
        "k=v=w",
        "--label",
        "bare",
        "--not",
        '{"kind": ["c"]}',
        "--first",
        "5",
    ]

    assert parsed("thing", "unit-of-things", "list", arguments=arguments) == {
        "filter": {
            "kind": ["a", "b"],
            "label": [{"key": "k", "value": "v=w"}, {"key": "bare"}],
            "not": {"kind": ["c"]},
        },
        "first": 5,
    }


def test_an_id_is_the_argument_of_the_command() -> None:
    assert parsed("repository", "delete", arguments=["mirror"]) == {"id": Reference("mirror", REPOSITORY)}
    assert parsed("thing", "repository", "update", arguments=["mirror", "--name", "n"]) == {
        "input": {"id": Reference("mirror", REPOSITORY), "name": "n"}
    }
    assert parsed("task", "cancel", arguments=["x"]) == {"id": "x"}


def test_only_what_returns_a_task_can_be_watched_and_only_an_update_unset() -> None:
    def options(*path: str) -> set[str]:
        return {str(option.name) for option in DerivedCommand(found(*path), lookups(SCHEMA)).params}

    assert "watch" in options("thing", "sync", "create")
    assert "watch" not in options("thing", "repository", "update")
    assert "unset" in options("thing", "repository", "update")
    assert "unset" not in options("thing", "repository", "create")


def test_help_shows_description_default_and_fields_of_objects() -> None:
    command = DerivedCommand(found("thing", "sync", "create"), lookups(SCHEMA))
    text = command.get_help(command.make_context("create", [], resilient_parsing=True, max_content_width=120))

    assert "Create a sync." in text
    assert "--repository NAME_OR_ID" in text
    assert "How.  [default: on-demand]" in text

    command = DerivedCommand(found("thing", "repository", "create"), lookups(SCHEMA))
    text = command.get_help(command.make_context("create", [], resilient_parsing=True, max_content_width=120))
    assert "Fields of --remote, instead of JSON:\n  --remote.create.name TEXT" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (base64.b64encode(b"FileRepository:0198").decode(), True),
        (base64.b64encode(b"FileRepository:").decode(), False),
        (base64.b64encode(b"two words:1").decode(), False),
        ("mirror", False),
        ("abcd", False),
        ("ünïcode", False),
        ("", False),
    ],
)
def test_global_ids_are_told_from_names(text: str, expected: bool) -> None:
    assert is_global_id(text) is expected
