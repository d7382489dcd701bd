"""What a user may do with a file or folder of this machine, by its owner, group and mode."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_ACCESS_LIST = "system.posix_acl_access"  # see xattr(7)


def may(owner: int, group: int, mode: int, uid: int, gids: Sequence[int], *, wanted: int) -> bool:
    """Whether a user may do with a file of that owner, group and mode what ``wanted`` says, in the mode's
    bits: 4 is to read it, 2 to write it, 1 to execute it or to enter a folder."""
    shift = 6 if uid == owner else 3 if group in gids else 0
    return uid == 0 or mode >> shift & wanted == wanted


def barred(path: str, uid: int, groups: Sequence[int]) -> str | None:
    """The first folder on the way to that folder, and the last itself, that a user of those groups may not
    enter.

    None where there is none, and where its mode does not tell: it has an access control list, or this
    process can't look at it. Links are followed.
    """
    place = Path(os.path.realpath(path))
    for folder in (*reversed(place.parents), place):
        try:
            info = folder.stat()
            if _ACCESS_LIST in os.listxattr(folder):
                return None
        except OSError:
            return None
        if not may(info.st_uid, info.st_gid, info.st_mode, uid, groups, wanted=1):
            return str(folder)
    return None
