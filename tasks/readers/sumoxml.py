"""What SUMO's files may hold: every element and attribute that is understood, or may be left aside, and why.

Names: SUMO's own schemas, net_file.xsd, route.xsd and tllogic of version 1.28.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lamplighter.tasks.readers.allow import Left, Part
from lamplighter.tasks.readers.safexml import Element, parse

NETWORK_PATH = "/sumo/network_xml"
ROUTES_PATH = "/sumo/routes_xml"
_DRAWN = "how it is drawn"
_XML = {"xmlns*": "XML's own", "xsi:*": "XML's own"}
_BUILT = "how netconvert built the network, not what it is"
_DRIVING = "how single vehicles drive within what the street allows"
_ALIKE = "all vehicles are taken to drive as fast as the street allows and to leave a queue like SUMO's default car"


@dataclass(frozen=True, slots=True)
class Schema:
    """A file's root, the elements in it, and per element that is understood its attributes."""

    root: str
    elements: Part
    attributes: Mapping[str, Part]

    def read(self, text: str, path: str, left: Left) -> Element:
        """The elements that are understood, as a tree. Raises TaskError: bad_xml, not_understood, unsupported."""
        def look(element: Element) -> None:
            where = f"line {element.line}: "
            self.elements.sift({element.tag: True}, path, left, where)
            if element.tag in self.attributes:
                self.attributes[element.tag].sift(element.attributes, path, left, where)

        return parse(text, self.root, frozenset(self.elements.reads), path, look)


NETWORK = Schema("net", Part("the network's elements", reads={
    "net", "edge", "lane", "tlLogic", "phase", "junction", "request", "connection"}, skips={
    "location": "coordinates", "type": "defaults for edges that are yet to be built",
    "param": "for other programs", "roundabout": "right of way is in the request tables",
    "prohibition": "right of way is in the request tables", "taz": "routes name edges", "neigh": "overtaking",
    "stopOffset": "where before the line one class stops", "condition": "of an actuated programme",
    "assignment": "of an actuated programme", "function": "of an actuated programme"}), {
    "net": Part("<net>", skips={
        **_XML, "version": "of the format", "lefthand": "right of way is in the request tables",
        "junction*": _BUILT, "limitTurnSpeed": _BUILT, "walkingareas": _BUILT, "rectangularLaneCut": _BUILT,
        "avoidOverlap": _BUILT, "checkLaneFoes*": _BUILT, "tlsIgnoreInternalJunctionJam": _BUILT,
        "spreadType": _DRAWN, "internalJunctionsVehicleWidth": _BUILT}),
    "edge": Part("<edge>", reads={"id", "from", "to", "function"}, skips={
        "name": "a title", "priority": "right of way is in the request tables", "shape": _DRAWN, "type": "a title",
        "spreadType": _DRAWN, "length": "of its lanes", "bidi": "tracks", "distance": "kilometre posts",
        "routingType": "for routers", "crossingEdges": "its lanes are in the request tables"}),
    "lane": Part("<lane>", reads={"id", "index", "allow", "disallow", "speed", "length"}, skips={
        "shape": _DRAWN, "customShape": _DRAWN, "outlineShape": _DRAWN, "width": _DRAWN, "type": "a title",
        "prefer": _DRIVING, "endOffset": "a few metres", "change*": "vehicles queue on a lane of their movement",
        "acceleration": "a merging lane"}, tells={"friction": "the street is taken to be dry"}),
    "tlLogic": Part("<tlLogic>", reads={"id", "type", "programID", "offset"}),
    "phase": Part("<phase>", reads={"duration", "state", "minDur", "maxDur", "next"}, skips={"name": "a title"},
                  tells=dict.fromkeys(("earliestEnd", "latestEnd", "vehext", "earlyTarget", "finalTarget", "yellow",
                                       "red", "type"), "only of controllers that are not modelled")),
    "junction": Part("<junction>", reads={"id", "type", "intLanes"}, skips={
        "x": _DRAWN, "y": _DRAWN, "z": _DRAWN, "incLanes": "in the connections", "shape": _DRAWN, "name": "a title",
        "radius": _DRAWN, "customShape": _DRAWN, "rightOfWay": "is in the request tables", "fringe": "the map's edge",
        "roundabout": "right of way is in the request tables"}),
    "request": Part("<request>", reads={"index", "response", "foes"}, skips={"cont": "where left turns wait"}),
    "connection": Part("<connection>", reads={
        "from", "to", "fromLane", "toLane", "via", "tl", "linkIndex", "linkIndex2", "allow", "disallow"}, skips={
        "dir": _DRAWN, "state": "signals decide", "shape": _DRAWN, "pass": "right of way is in the request tables",
        "keepClear": _DRIVING, "contPos": "where left turns wait", "visibility": _DRIVING, "speed": "of its lane",
        "length": "of its lane", "uncontrolled": "it names no signal", "change*": _DRIVING, "type": "a title",
        "indirect": "bicycles that turn left"})})

STOPS = {"busStop": "bus stop", "trainStop": "train stop", "containerStop": "container stop",
         "parkingArea": "parking area", "chargingStation": "charging station"}
_PEOPLE = "of people and goods, who are left out"
_BEGINS = {"departLane": _DRIVING, "departPos": "a few metres", "departPosLat": _DRIVING, "departSpeed": _DRIVING,
           "arrivalLane": _DRIVING, "arrivalPos": "behind the last signal", "arrivalPosLat": _DRIVING,
           "arrivalSpeed": _DRIVING, "color": _DRAWN, "line": "a title", "personNumber": _PEOPLE,
           "containerNumber": _PEOPLE, "insertionChecks": _DRIVING, "parkingBadges": _DRIVING,
           "beginLane": _DRIVING, "beginPos": "a few metres", "beginSpeed": _DRIVING}
_TELLS = {"reroute": "vehicles keep to the way they are given", "speedFactor": _ALIKE}
_PLACE = "give the edges, as duarouter writes them"
_REFUSES = dict.fromkeys(("fromJunction", "toJunction", "viaJunctions", "fromXY", "toXY", "viaXY", "fromLonLat",
                          "toLonLat", "viaLonLat", "departEdge", "arrivalEdge"), _PLACE)
_ZONES = {"fromTaz": "the edges are given", "toTaz": "the edges are given", "arrival": "what a run measured",
          "routeLength": "what a run measured"}
_WAY = Part("<route>", reads={"id", "edges", "probability", "refId"}, skips={
    "color": _DRAWN, "cost": "what a router reckoned", "savings": "what a router reckoned",
    "exitTimes": "what a run measured", "routeLength": "what a run measured", "reason": "what a router noted",
    "replaced*": "what a run noted"}, refuses=dict.fromkeys(("repeat", "cycleTime"), "give the edges in full"))

ROUTES = Schema("routes", Part("the routes' elements", reads={
    "routes", "vehicle", "trip", "flow", "interval", "route", "routeDistribution", "vType", "vTypeDistribution",
    "person", "personFlow", "container", "containerFlow", "stop", *STOPS}, skips={
    "param": "for other programs", "walk": _PEOPLE, "ride": _PEOPLE, "transport": _PEOPLE, "tranship": _PEOPLE,
    "personTrip": _PEOPLE, "access": _PEOPLE, "space": "of a parking area", "carFollowing-*": _DRIVING,
    "poly": _DRAWN, "poi": _DRAWN, **dict.fromkeys((
        "inductionLoop", "e1Detector", "laneAreaDetector", "e2Detector", "entryExitDetector", "e3Detector",
        "edgeData", "laneData", "detEntry", "detExit", "instantInductionLoop", "vTypeProbe"), "it only measures")},
    refuses={"include": "paste the included file's elements into this one", **dict.fromkeys((
        "rerouter", "variableSpeedSign", "calibrator", "closingReroute", "tlLogic", "WAUT"),
        "leave it out, and give network and routes as they are in the period")}), {
    "routes": Part("<routes>", skips=_XML),
    "vehicle": Part("<vehicle>", reads={"id", "depart", "route", "type", "via"}, skips=_BEGINS | _ZONES, tells=_TELLS,
                    refuses=_REFUSES),
    "trip": Part("<trip>", reads={"id", "depart", "route", "type", "from", "to", "via"}, skips=_BEGINS | _ZONES,
                 tells=_TELLS, refuses=_REFUSES),
    "flow": Part("<flow>", reads={
        "id", "begin", "end", "period", "vehsPerHour", "perHour", "probability", "number", "route", "type", "from",
        "to", "via"}, skips=_BEGINS | _ZONES, tells=_TELLS, refuses=_REFUSES),
    "interval": Part("<interval>", reads={"begin", "end"}),
    "route": _WAY,
    "routeDistribution": Part("<routeDistribution>", reads={"id", "routes", "probabilities"}, skips={
        "last": "what a router chose"}),
    "vTypeDistribution": Part("<vTypeDistribution>", reads={"id", "vTypes", "probabilities"}, skips={
        "deterministic": "they are drawn at random"}),
    "vType": Part("<vType>", reads={"id", "refId", "vClass", "length", "minGap", "probability"}, skips={
        "color": _DRAWN, "guiShape": _DRAWN, "imgFile": _DRAWN, "osgFile": _DRAWN, "width": _DRAWN, "height": _DRAWN,
        "mass*": "emissions", "emissionClass": "emissions", "personCapacity": _PEOPLE, "containerCapacity": _PEOPLE,
        "boarding*": _PEOPLE, "loadingDuration": _PEOPLE, "parkingBadges": _PEOPLE, "lc*": _DRIVING, "jm*": _DRIVING,
        "latAlignment": _DRIVING, "maxSpeedLat": _DRIVING, "minGapLat": _DRIVING, "maneuverAngleTimes": _DRIVING,
        "hasDriverState": _DRIVING, "emergencyDecel": _DRIVING, "apparentDecel": _DRIVING,
        "timeToTeleport*": _DRIVING, "trainType": "no train is planned for"}, tells=dict.fromkeys((
            "accel", "decel", "sigma", "sigmaStep", "tau", "maxSpeed", "desiredMaxSpeed", "speedFactor", "speedDev",
            "carFollowModel", "laneChangeModel", "actionStepLength", "startupDelay", "impatience",
            "collisionMinGapFactor", "maxAccelProfile", "desAccelProfile", "speedFactorPremature"), _ALIKE),
        only={"scale": (("1", "1.0"), "it multiplies the vehicles")})})
