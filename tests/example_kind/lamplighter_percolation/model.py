"""What may be asked."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class PercolationInput(BaseModel):
    """A square lattice whose sites are open at random, for several shares of open sites."""

    model_config = ConfigDict(extra="forbid")

    side_sites: int = Field(ge=4, le=64, description="sites along each side of the lattice")
    open_permille: list[Annotated[int, Field(ge=0, le=1000)]] = Field(
        min_length=2, max_length=101, description="shares of open sites to try, in permille, rising")
    samples: int = Field(default=1024, ge=64, le=1_000_000, description="random lattices for each share")
    seed: int = Field(default=1, ge=0, le=2**31 - 1, description="another seed gives other lattices")
