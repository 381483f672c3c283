"""What a reclaim has freed."""

from __future__ import annotations

from typing import Any

import strawberry

from headbox.models import Task as TaskRow
from headbox.schema.scalars import BigInt


def _result(name: str, description: str) -> Any:
    def resolve(root: strawberry.Parent[TaskRow]) -> int:
        number: int = root.result.get(name, 0)
        return number

    return strawberry.field(
        resolver=resolve,
        graphql_type=BigInt,
        description=f"{description}, as far as it has come; or would be with `dryRun`.",
    )


#: The fields of `Reclaim` that tell what it did.
RESULTS: dict[str, Any] = {
    "reclaimed": _result("reclaimed", "Artifacts whose bytes are stored no longer"),
    "freed_bytes": _result("freed_bytes", "Bytes that were freed"),
}
