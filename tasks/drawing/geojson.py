"""GeoJSON (RFC 7946)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def collection(about: Mapping[str, Any], features: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> bytes:
    """Pairs of geometry and properties, with what is to be said ``about`` them all as foreign members."""
    made = [{"type": "Feature", "geometry": geometry, "properties": properties} for geometry, properties in features]
    return json.dumps({"type": "FeatureCollection", **about, "features": made}, ensure_ascii=False,
                      separators=(",", ":")).encode()
