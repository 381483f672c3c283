"""How much a document asks its validation to compare, told before it is validated.

Fields of one response name become one field of the result, wherever in the document they stand; validation compares
every two of them, and every two of the fragments that they come from. What grows with the square of the document must
not be left to whoever sends it.

Source: GraphQL specification, "Field Selection Merging".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from headbox.schema.limits import limit_exceeded

#: Most pairs of fields and of fragments that are compared, in some 0.3 seconds; 140 fragments in one place make them.
MAX_PAIRS = 10_000
#: Most fields that the document has once all of its fragments are put where they are used.
MAX_FIELDS = 20_000


@dataclass(slots=True)
class _Merged:
    """Selection sets that become one.

    Attributes:
        sets: The selection sets.
        within: The fragments that they stand in: none is put into itself, which validation is to find.
    """

    sets: list[SelectionSetNode]
    within: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Collected:
    """What merged selection sets hold, with all fragments in their places."""

    fields: defaultdict[str, list[FieldNode]] = field(default_factory=lambda: defaultdict(list))
    fragments: set[str] = field(default_factory=set)


def excessive_merging(document: DocumentNode) -> GraphQLError | None:
    """Return the error for a document that takes too long to validate, or None; the time it takes is bounded."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    pairs = fields = 0
    unseen = dict.fromkeys(fragments)
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    # Not by recursion: how deep a document nests is bounded later.
    waiting = [_Merged([operation.selection_set]) for operation in operations]
    while waiting or unseen:
        if not waiting:
            # What no operation uses is validated too.
            unused, _ = unseen.popitem()
            waiting.append(_Merged([fragments[unused].selection_set], frozenset({unused})))
        merged = waiting.pop()
        collected = _collected(merged, fragments)
        groups = collected.fields.values()
        fields += sum(map(len, groups))
        pairs += _pairs(len(collected.fragments)) + sum(_pairs(len(group)) for group in groups)
        if fields > MAX_FIELDS:
            return limit_exceeded(f"The document has more than {MAX_FIELDS} fields with fragments where they are used.")
        if pairs > MAX_PAIRS:
            return limit_exceeded("The document repeats too many fields or fragments in one place.")
        for name in collected.fragments:
            unseen.pop(name, None)
        within = merged.within | collected.fragments
        waiting += [_Merged(below, within) for below in map(_below, groups) if below]
    return None


def _collected(merged: _Merged, fragments: dict[str, FragmentDefinitionNode]) -> _Collected:
    collected = _Collected()
    sets = list(merged.sets)
    while sets:
        for selection in sets.pop().selections:
            if isinstance(selection, FieldNode):
                collected.fields[(selection.alias or selection.name).value].append(selection)
            elif isinstance(selection, InlineFragmentNode):
                sets.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = selection.name.value
                is_placed = fragment in collected.fragments or fragment in merged.within
                if fragment in fragments and not is_placed:
                    collected.fragments.add(fragment)
                    sets.append(fragments[fragment].selection_set)
    return collected


def _below(group: Iterable[FieldNode]) -> list[SelectionSetNode]:
    return [node.selection_set for node in group if node.selection_set]


def _pairs(count: int) -> int:
    return count * (count - 1) // 2
