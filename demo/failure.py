"""How the demo ends when something is not as it should be."""

from __future__ import annotations


class DemoFailed(Exception):
    """Something is not as it should be.

    Attributes:
        detail: More lines for whoever looks for the cause; may be empty.
    """

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail
