"""Features as GeoJSON."""

from __future__ import annotations

import json

from lamplighter.tasks.drawing.geojson import collection


def test_a_collection_keeps_what_is_said_about_it() -> None:
    """Before its features, in short form and in plain letters."""
    made = collection({"quantity": "Ruß"}, [({"type": "Point", "coordinates": [1, 2]}, {"value": 3})])
    assert json.loads(made) == {"type": "FeatureCollection", "quantity": "Ruß", "features": [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {"value": 3}}]}
    assert "Ruß".encode() in made and b" " not in made
