"""What the packager will not touch."""

from __future__ import annotations

import pytest

from lamplighter.gateway.devicebuild.scan import Ambiguous
from lamplighter.gateway.devicebuild.shrink import shrink

OTHER = "LIMIT = 5\ndef load(x=1):\n    return x\n"


def _refused(code: str) -> str:
    with pytest.raises(Ambiguous) as caught:
        shrink({"__init__": "", "m": code, "other": OTHER}, "package", frozenset(), ("m",))
    return str(caught.value)


@pytest.mark.parametrize(("code", "what"), [
    ("def f(a):\n    return a\nx = f(a=1)\n", "m.py:3: f is called with names of parameters"),
    ("class A:\n    def f(self, a):\n        pass\ndef g(x):\n    x.f(a=1)\n", "m.py:5: x.f is called with names"),
    ("def f(x):\n    x(a=1)\n", "m.py:2: x is called with names"),
    ("from .other import load\nload(x=2)\n", "m.py:2: load is called with names"),
    ("def f(*, a):\n    pass\n", "m.py:1: f: parameters have no names"),
    ("def f(**a):\n    pass\n", "m.py:1: f: parameters have no names"),
    ("def f(x, y):\n    return getattr(x, y)\n", "m.py:2: getattr with a name that is made at run time"),
    ("def f(x, y):\n    setattr(x, y + 'a', 1)\n", "m.py:2: setattr with a name"),
    ("def f():\n    return locals()\n", "m.py:2: locals sees names"),
    ("exec('x = 1')\n", "m.py:1: exec sees names"),
    ("def f():\n    global x\n    x = 1\n", "m.py:2: x: names of an outer scope are only read"),
])
def test_names_that_are_looked_for_by_a_text(code: str, what: str) -> None:
    """Renaming would not find the text."""
    assert _refused(code).startswith(what)


@pytest.mark.parametrize(("code", "what"), [
    ("from .other import *\n", "m.py:1: import * does not say"),
    ("import package.other\n", "m.py:1: modules of the package are imported with"),
    ("from . import other\nx = other\n", "m.py:2: the module other is not used for what is in it"),
    ("from . import other\ndef f(other):\n    return other.x\n", "m.py:2: other is a module and something else"),
    ("from . import other\nother.LIMIT = 6\n", "m.py:2: other.LIMIT is changed from outside"),
    ("from . import other\nother.load = 6\n", "m.py:2: other.load is changed from outside"),
    ("from . import other\nother.nothing()\n", "m.py:2: nothing is not defined in other.py"),
    ("from .other import nothing\n", "m.py:1: nothing is not defined in other.py"),
    ("from .other import LIMIT\ndef f():\n    LIMIT = 1\n", "m.py:1: LIMIT is a constant and something else"),
    ("import sys\nsys.modules['package.other'].load()\n", "m.py:2: sys.modules['package.other'].load: if this is"),
])
def test_modules_that_are_objects(code: str, what: str) -> None:
    """Where modules are joined there is none, and what it has got other names."""
    assert _refused(code).startswith(what)


@pytest.mark.parametrize(("code", "what"), [
    ("class A:\n    size = 1\n", "m.py:2: class A has more than methods"),
    ("class A(metaclass=type):\n    pass\n", "m.py:1: class A is made by something else"),
    ("class A:\n    def __getattr__(self, name):\n        pass\n", "m.py:2: __getattr__ is given names"),
    ("def d(f):\n    return f\n@d\ndef g():\n    pass\n", "m.py:3: g is made by something else"),
    ("def f(value):\n    return lambda value: value\n", "m.py:2: parameter value is hidden inside its function"),
    ("def f(error):\n    try:\n        pass\n    except ValueError as error:\n        pass\n",
     "m.py:4: parameter error is hidden"),
    ("def f(sys):\n    import sys\n", "m.py:2: parameter sys is hidden"),
])
def test_functions_and_classes_that_are_more_than_they_look(code: str, what: str) -> None:
    """What they do with names is not seen."""
    assert _refused(code).startswith(what)


@pytest.mark.parametrize("code", [
    "import asyncio\nasyncio.open(a=1)\n", "x = dict(a=1)\n",
    "def f(tls):\n    tls.wrap_socket(1, server_hostname=2)\n",
    "import gc\nx = getattr(gc, 'a' + 'b')\n", "class A:\n    @property\n    def f(self):\n        return 1\n",
    "exec('x = 1', {})\n", "import micropython\n@micropython.native\ndef f(x):\n    return [y for y in x]\n",
])
def test_what_is_certainly_somebody_elses_is_not_refused(code: str) -> None:
    """A name that the package gives to nothing, or that comes from another one."""
    assert shrink({"__init__": "", "m": code, "other": OTHER}, "package", frozenset())


def test_two_meanings_in_one_heap() -> None:
    """Modules that become one cannot import different things by one name."""
    with pytest.raises(Ambiguous, match="sleep is also something else"):
        shrink({"__init__": "", "m": "from . import n\nfrom time import sleep\nsleep(n.f)\n",
                "n": "from asyncio import sleep\nf = sleep\n"}, "package", frozenset(), ("m",))
