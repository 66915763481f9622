"""How long a chain, in how many rounds."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

MODULUS = 65537


class Chain(BaseModel):
    """The input."""

    model_config = ConfigDict(extra="forbid")
    jobs: int = Field(ge=1, le=1000)
    rounds: int = Field(default=1, ge=1, le=100)
    steps: int = Field(default=1000, ge=1, le=10_000_000)
    salt: int = Field(default=0, ge=0, lt=MODULUS)
