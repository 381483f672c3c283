from __future__ import annotations

from uuid import UUID

import pytest

from headbox.models import TaskClaim

ID = "01a20904-4e08-75f9-b3fa-54a6b6260ce1"


@pytest.mark.parametrize(
    ("resource", "repository_id"),
    [
        (f"repository:{ID}", UUID(ID)),
        (f"publish:{ID}", None),
        ("garbage", None),
        ("repository", None),
        ("repository:of-a-plugin", None),
    ],
)
def test_repository_of_a_claim(resource: str, repository_id: UUID | None) -> None:
    assert TaskClaim(resource=resource).repository_id == repository_id
