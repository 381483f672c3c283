"""Names in the API that come from names that plugins declare."""

from __future__ import annotations


def field_name(type_name: str) -> str:
    """Return a type's name as that of a field: `FileSync` gives `fileSync`."""
    return type_name[:1].lower() + type_name[1:]


def list_name(type_name: str) -> str:
    """Return the name of the field that lists a type: `FileRepository` gives `fileRepositories`."""
    name = field_name(type_name)
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "x", "ch", "sh")) else f"{name}s"


def mutation_name(verb: str, type_name: str) -> str:
    """Return the name of a mutation: `create` and `FileSync` give `createFileSync`."""
    return f"{verb}{type_name}"


#: The mutations that create tasks under other names than `mutation_name` gives them, by the name of their type.
OWN_MUTATIONS = {"TaskPurge": "purgeTasks"}


def creation_name(type_name: str) -> str:
    """Return the name of the mutation that creates tasks of a type."""
    return OWN_MUTATIONS.get(type_name) or mutation_name("create", type_name)
