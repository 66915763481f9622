# The version of everything: pyproject.toml and the gateway read it here.
__version__ = "0.1.0"
