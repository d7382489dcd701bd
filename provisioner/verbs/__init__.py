"""One function for each verb of virtlab. The command line calls these and nothing else, as a web page will.

A verb opens its connections, takes the lock of the lab that it changes, tells a ``Listener`` what goes on,
asks through a callback, keeps its result where ``report`` finds it, and returns that result. It does
not print.

Verbs share two parameters. ``target`` names a lab, an instance or a guest; each verb says which. ``connect``
is a libvirt URI, or None: then the configuration, the environment and what the user may do choose one.

The types of other rooms that callers need to say what they want stand here.
"""

from __future__ import annotations

from provisioner import __version__
from provisioner.language import Language
from provisioner.model.enums import Accel, Shell

VERSION = __version__

__all__ = ["VERSION", "Accel", "Language", "Shell"]
