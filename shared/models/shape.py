"""The base of all shapes that cross a boundary: frozen, JSON in both directions, no unknown fields.

Shapes travel as small JSON through the Durable history, so none ever holds a secret.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """A frozen model whose JSON form is what crosses the boundary; an unknown field is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> dict[str, Any]:
        """The shape as plain JSON values, without the fields that were left at None."""
        return self.model_dump(mode="json", exclude_none=True)
