"""What the documentation says is so: its tables, its links and its examples."""

import json
import re
import shlex
import sys
import tomllib
import types
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest
from graphql import GraphQLSchema, build_client_schema, build_schema, parse, validate

from headbox.cli.applying.document import read_documents
from headbox.cli.applying.resources import resources
from headbox.cli.derived.make import make_api
from headbox.cli.derived.references import lookups
from headbox.cli.main import main
from headbox.client.profiles import SERVER_VARIABLE, TOKEN_VARIABLE
from headbox.errors import ErrorCode
from headbox.kinds import Plugin, Registry
from headbox.schema import print_schema
from tests.support import tutorial
from tests.support.upstream import pulp_manifest
from tools import changelog, graphql_reference, reference, site_hooks

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
#: The pages that are about a plugin of their own.
TUTORIALS = {tutorial.PAGE: tutorial.read_tutorial, tutorial.SECOND_PAGE: tutorial.read_second_tutorial}
#: The tutorial promises that a plugin takes less.
MOST_TUTORIAL_LINES = 60

_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@cache
def generated() -> set[str]:
    """Return the names of the pages that are made while the site is built."""
    pages = graphql_reference.reference_pages(site_hooks.SCHEMA.read_text())
    return {f"docs/{site_hooks.GRAPHQL_PAGES}/{page}" for page in pages}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(language: str) -> list[object]:
    return [
        pytest.param(page, code, id=f"{name_of(page)}-{number}")
        for page in PAGES
        for number, code in enumerate(tutorial.blocks_of(page.read_text()).get(language, []), 1)
    ]


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema.graphql").read_text())


@pytest.fixture(scope="module")
def schemas(schema: GraphQLSchema) -> Callable[[Path], GraphQLSchema]:
    """The schema that the operations of a page are for: in the tutorials, it has their plugin too."""
    with_things: dict[Path, GraphQLSchema] = {}

    def of(page: Path) -> GraphQLSchema:
        if page in TUTORIALS and page not in with_things:
            with_things[page] = schema_with(TUTORIALS[page]().module)
        return with_things.get(page, schema)

    return of


def schema_with(source: str) -> GraphQLSchema:
    """Return the schema with a tutorial's plugin beside those of this repository."""
    module = types.ModuleType(tutorial.MODULE)
    with pytest.MonkeyPatch.context() as patch:
        # Where pydantic looks for the names that annotations use.
        patch.setitem(sys.modules, tutorial.MODULE, module)
        exec(source, module.__dict__)
    installed: list[Plugin] = [entry.load() for entry in entry_points(group="headbox.plugins")]
    return build_schema(print_schema(Registry([*installed, module.plugin])))


@pytest.mark.parametrize("page", reference.TABLES)
def test_table_is_that_of_the_code(page: str) -> None:
    text = (reference.PAGES / page).read_text()

    assert text == reference.with_table(text, reference.TABLES[page]()), "run python -m tools.reference"


@pytest.mark.parametrize("variable", [SERVER_VARIABLE, TOKEN_VARIABLE])
def test_variable_of_the_command_line_is_in_the_reference(variable: str) -> None:
    assert f"`{variable}`" in (reference.PAGES / "settings.md").read_text()


def test_every_error_code_is_in_the_reference() -> None:
    text = (reference.PAGES / "errors.md").read_text()

    assert [code for code in ErrorCode if f"| `{code.value}` |" not in text] == []


def test_changelog_has_the_fragments() -> None:
    text = changelog.CHANGELOG.read_text()

    assert text == changelog.with_unreleased(text, changelog.unreleased()), "run python -m tools.changelog"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = [link for link in _LINK.findall(_CODE.sub("", page.read_text())) if not leads_somewhere(page, link)]

    assert broken == []


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if name_of(target) in generated():
        return True  # and to the anchor: tests of the site look there
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = _HEADING.findall(_CODE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=name_of)
def test_page_is_reached_from_the_index_of_its_folder(page: Path) -> None:
    index = page.with_name("index.md")
    linked = {(index.parent / link).resolve() for link in _LINK.findall(index.read_text())}

    assert page == index or page in linked


@pytest.mark.parametrize(("page", "code"), blocks("graphql"))
def test_graphql_document_fits_the_schema(page: Path, code: str, schemas: Callable[[Path], GraphQLSchema]) -> None:
    assert [error.message for error in validate(schemas(page), parse(code))] == []


@pytest.mark.parametrize(("page", "code"), blocks("python"))
def test_python_code_compiles(page: Path, code: str) -> None:
    compile(code, name_of(page), "exec")


@pytest.mark.parametrize(("page", "code"), blocks("json"))
def test_json_can_be_read(page: Path, code: str) -> None:
    assert json.loads(code), name_of(page)


@pytest.mark.parametrize("code", tutorial.blocks_of((DOCS / "guides" / "apply-a-file.md").read_text())["yaml"])
def test_file_to_apply_has_no_mistakes(code: str) -> None:
    api = make_api()
    schema = build_client_schema(api.schema)

    assert read_documents(code, DOCS, resources(schema, api.kinds), lookups(schema), {"MIRROR_PASSWORD": "x"})


@pytest.mark.parametrize(("page", "code"), blocks("console"))
def test_commands_are_there_with_their_options(page: Path, code: str) -> None:
    if page in TUTORIALS:
        # Their plugin is not installed here; its commands run in tests of their own.
        return
    for line in re.findall(r"^\$ (?:\S*/)?headbox (.*)$", code.replace("\\\n", " "), re.MULTILINE):
        command: click.Command = main
        words = shlex.split(line, comments=True)
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            if (inner := command.get_command(click.Context(command), words[0])) is None:
                break
            command, words = inner, words[1:]
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert used - {"--help", "-h"} <= options, f"{name_of(page)}: headbox {line}"
        assert not isinstance(command, click.Group) or command.callback or "--help" in used, f"{name_of(page)}: {line}"


def test_readme_lists_the_commands_of_make() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"`make ([a-z-]+)`", (ROOT / "README.md").read_text())

    assert set(named) == set(targets)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/explanation/architecture.md"])
def test_page_names_every_layer(page: str) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    words = set(re.findall(r"\w+", (ROOT / page).read_text()))

    assert {name for layer in layers for name in layer.split(" | ")} <= words


def test_manifest_of_the_example_upstream_is_true() -> None:
    folder = DOCS / "examples" / "upstream"
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "PULP_MANIFEST")

    manifest = pulp_manifest({str(path.relative_to(folder)): path.read_bytes() for path in files})

    assert (folder / "PULP_MANIFEST").read_bytes() == manifest


def test_plugin_of_the_tutorial_is_short() -> None:
    lines = [line for line in tutorial.read_tutorial().module.splitlines() if line.strip()]

    assert len(lines) < MOST_TUTORIAL_LINES
