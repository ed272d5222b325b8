"""Other hosts: asked like this one, several at once, and left as they were found."""

from harness.fleet.fleet import Fleet, open_fleet
from harness.fleet.gateway import Gateway

__all__ = ["Fleet", "Gateway", "open_fleet"]
