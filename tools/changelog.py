"""Gather the fragments of `changes/` into the unreleased section of CHANGELOG.md.

`python -m tools.changelog` brings the section up to date; a test fails when it is not. `changes/README.md` says what a
fragment looks like.
"""

from __future__ import annotations

from operator import itemgetter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHANGELOG = ROOT / "CHANGELOG.md"
AUDIENCES = ("GraphQL API", "Plugin API", "Operations")
#: What kinds of changes are called, in the order that they are listed in.
KINDS = {"feature": "New", "fix": "Fixed", "removal": "Removed", "doc": "Documented"}
START, END = "<!-- unreleased -->\n", "<!-- /unreleased -->\n"


class FragmentInvalid(Exception):
    """A fragment has another name, or another beginning, than it must have."""


def unreleased() -> str:
    """Return the section: for each audience, its changes by kind and name of the fragment.

    Raises:
        FragmentInvalid: A fragment says neither its kind nor whom it is for.
    """
    lines: dict[str, list[tuple[int, str]]] = {audience: [] for audience in AUDIENCES}
    for path in sorted((ROOT / "changes").glob("*.md")):
        if path.name == "README.md":
            continue
        audience, _, text = " ".join(path.read_text().split()).partition(": ")
        kind = path.stem.rpartition(".")[2]
        if audience not in AUDIENCES or kind not in KINDS:
            raise FragmentInvalid(f"{path.name}: see changes/README.md")
        lines[audience].append((list(KINDS).index(kind), f"- {KINDS[kind]}: {text}\n"))
    sections = (
        f"### {audience}\n\n{''.join(line for _, line in sorted(lines[audience], key=itemgetter(0)))}\n"
        for audience in AUDIENCES
    )
    return "\n" + "".join(section for section in sections if "- " in section)


def with_unreleased(changelog: str, section: str) -> str:
    """Return the changelog with its unreleased section replaced."""
    before, _, rest = changelog.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}{section}{END}{after}"


def main() -> None:
    """Write the section into the changelog."""
    CHANGELOG.write_text(with_unreleased(CHANGELOG.read_text(), unreleased()))


if __name__ == "__main__":
    main()
