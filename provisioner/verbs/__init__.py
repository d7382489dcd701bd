"""One function for each verb of virtlab. The command line calls these and nothing else, as a web page will.

A verb opens its connections, takes the lock of the lab that it changes, tells a ``Listener`` what goes on,
asks through a callback, keeps its result where ``report`` finds it, and returns that result. It never prints.
What verbs take and return that is known by other rooms' types stands here for those who call them.
"""

from __future__ import annotations

from provisioner import __version__
from provisioner.language import Language
from provisioner.model.enums import Accel

VERSION = __version__

__all__ = ["VERSION", "Accel", "Language"]
