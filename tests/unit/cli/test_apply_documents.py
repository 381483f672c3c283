"""What a file for `headbox apply` may say, and how its mistakes are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headbox.cli.applying import document
from headbox.cli.applying.document import DocumentInvalid, Secret, Wanted, read_documents
from headbox.cli.applying.resources import resources
from headbox.cli.derived.installed import installed_api
from headbox.cli.derived.references import Reference, lookups

REPOSITORY = "kind: file.repository\nname: a\n"


def read(text: str, folder: Path = Path(), **environ: str) -> list[Wanted]:
    schema, kinds = installed_api()
    return read_documents(text, folder, resources(schema, kinds), lookups(schema), environ)


def problems(text: str, folder: Path = Path(), **environ: str) -> list[tuple[int, str]]:
    with pytest.raises(DocumentInvalid) as invalid:
        read(text, folder, **environ)
    return invalid.value.problems


def values(text: str, folder: Path = Path(), **environ: str) -> Any:
    [wanted] = read(text, folder, **environ)
    return wanted.values


def test_what_others_name_comes_before_them() -> None:
    order = list(resources(*installed_api()))

    assert set(order) == {"file.remote", "file.repository", "distribution", "schedule", "webhook"}
    assert order[:2] == ["file.remote", "file.repository"]


def test_documents_are_things_with_the_fields_of_their_kinds() -> None:
    remote, repository, distribution = read("""
kind: file.remote
name: up
url: http://h/PULP_MANIFEST
policy: on-demand
rateLimit: 5
connectTimeoutSeconds: 3
headers: {X-Deep: b}
---
kind: file.repository
name: mirror
remote: up
automation: DISTRIBUTE
requireComplete: true
retainVersions: null
publishSettings: {manifest: LIST}
---
---
kind: distribution
basePath: mirror
source: {repositoryVersion: mirror@3}
""")

    assert (remote.resource.kind, remote.key, remote.line) == ("file.remote", "up", 2)
    assert remote.values["policy"] == "ON_DEMAND"
    assert remote.values["headers"] == {"X-Deep": "b"}
    assert repository.values["remote"]["id"].name == "up"
    assert repository.values["publishSettings"] == {"create": {"manifest": "LIST"}}
    assert repository.values["retainVersions"] is None
    version = distribution.values["source"]["repositoryVersion"]
    assert isinstance(version, Reference)
    assert (version.text, version.name) == ("mirror@3", "mirror")


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("geheim\n")
    text = "kind: file.remote\nname: r\nurl: http://${HOST}/$${x}\nusername: a$b\npassword: !file password\n"

    found = values(text, tmp_path, HOST="h")

    assert found["url"] == "http://h/${x}"
    assert found["password"] == "geheim"
    assert [type(found[name]) for name in ("url", "password", "username")] == [Secret, Secret, str]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("kind: file.repositori\nname: a", 1, "did you mean 'file.repository'?"),
        ("name: a", 1, "a document has the field `kind`"),
        ("- a", 1, "a document has the field `kind`"),
        ("kind: [file.remote]", 1, "there is no kind ''"),
        (REPOSITORY + "automatoin: NONE", 3, "file.repository has no field 'automatoin': did you mean 'automation'?"),
        (REPOSITORY + "Description: x", 3, "did you mean 'description'?"),
        (REPOSITORY + "sync: true", 3, "file.repository has no field 'sync'"),
        (REPOSITORY + "automation: DISTRIBUT", 3, "'automation' is none of DISTRIBUTE, NONE, PUBLISH"),
        (REPOSITORY + "retainVersions: '3'", 3, "'retainVersions' is a whole number"),
        (REPOSITORY + "retainVersions: 99999999999999999999", 3, "more than 64 bits"),
        (REPOSITORY + "requireComplete: 1", 3, "'requireComplete' is true or false"),
        (REPOSITORY + "description: [a]", 3, "'description' is one value"),
        (REPOSITORY + "description: 1.10", 3, "'description' is a text: put it in quotes"),
        (REPOSITORY + 'description: "\\ud800"', 3, "half a character"),
        (REPOSITORY + "labels: {day: 2020-01-01}", 3, "put it in quotes"),
        (REPOSITORY + "labels: {? [a] : b}", 3, "a key is a text"),
        (REPOSITORY + "description: a\ndescription: b", 4, "'description' stands in line 3, too"),
        (REPOSITORY + "remote: {create: {name: x}}", 3, "it has a document of its own"),
        (REPOSITORY + "publishSettings: {manifests: x}", 3, "did you mean 'manifest'?"),
        (REPOSITORY + "description: ${NOPE}", 3, "the variable NOPE is not set"),
        (REPOSITORY + "description: ${A B}", 3, "names no variable"),
        (REPOSITORY + "description: ${A", 3, "names no variable"),
        (REPOSITORY + "description: !file missing", 3, "cannot be read: No such file or directory"),
        (REPOSITORY + "description: !!python/object:os.system x", 3, "put it in quotes"),
        (REPOSITORY + "<<: {description: x}", 3, "a key is a text"),
        ("kind: distribution\nname: a", 1, "distribution needs the field 'basePath'"),
        ("kind: distribution\nbasePath: null", 2, "'basePath' is needed"),
        ("kind: distribution\nbasePath: a\nsource: {}", 3, "'source' is exactly one of"),
        ("kind: distribution\nbasePath: a\nsource: {repository: a, publication: b}", 3, "'source' is exactly one of"),
        ("kind: distribution\nbasePath: a\nsource: a", 3, "'source' is a mapping"),
        ("kind: webhook\nname: a\nurl: http://h\nevents: TASK", 4, "'events' is a list"),
        ("kind: file.remote\nname: a\nurl: http://h\nconnectTimeoutSeconds: .inf", 4, "no number that can be sent"),
        (REPOSITORY + "---\n" + REPOSITORY, 4, "the repository 'a' stands in line 1, too"),
        ("kind: [", 1, "this is not YAML"),
        ("kind: *nothing", 1, "this is not YAML"),
        ("kind: \x00", 1, "this is not YAML"),
        ("[" * 5000, 1, "this is not YAML"),
    ],
)
def test_mistakes_are_told_by_line_with_the_nearest_right_name(text: str, line: int, message: str) -> None:
    found = problems(text)

    assert [(at, said) for at, said in found if at == line and message in said], found


def test_all_mistakes_are_told_at_once() -> None:
    assert [line for line, _ in problems(REPOSITORY + "a: 1\nb: 2\n---\nkind: x\n")] == [3, 4, 6]


def test_aliases_of_aliases_are_not_followed_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MOST_VALUES", 1000)
    levels = "".join(f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9) if n else 'x'}]\n" for n in range(9))

    assert any("more than" in said for _, said in problems(REPOSITORY + "labels:\n" + levels))
    assert any("deep" in said for _, said in problems(REPOSITORY + "labels: &all {all: *all}"))


def test_a_file_that_is_no_text_or_too_long_is_told(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "long").write_bytes(b"x" * (document.MAX_FILE_BYTES + 1))

    assert "is not UTF-8" in problems(REPOSITORY + "description: !file binary", tmp_path)[0][1]
    assert "is longer than" in problems(REPOSITORY + "description: !file long", tmp_path)[0][1]
