"""What a person starts."""

from importlib.metadata import version

__version__ = version("tidings")
