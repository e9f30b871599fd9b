"""autolab: a lab that runs itself out of a git repository."""

from autolab._version import __version__

__all__ = ["__version__"]
