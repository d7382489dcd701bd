"""What doctor says of the release that it stands on."""

from __future__ import annotations

from provisioner.images import releases
from provisioner.images.packages import System
from provisioner.images.releases import Versions

THIRTEEN = System(("debian",), "debian 13", "x86_64", "Debian GNU/Linux 13 (trixie)")
HERE = Versions("10.0.13", "11.3.0", "6.12.118", "3.13.5")
TOLD = "Debian GNU/Linux 13 (trixie): QEMU 10.0.13, libvirt 11.3.0, Linux 6.12.118, Python 3.13.5"


def test_a_release_that_was_tried() -> None:
    assert releases.standing(THIRTEEN, HERE) == (True, f"{TOLD} (tested)")


def test_the_same_release_with_other_versions() -> None:
    newer = Versions("10.0.14", "11.3.0", "6.12.130", "3.13.5")
    good, told = releases.standing(THIRTEEN, newer)
    assert good
    assert told.endswith(" (tested, then with QEMU 10.0.13, libvirt 11.3.0)")


def test_a_release_that_nobody_tried() -> None:
    good, told = releases.standing(
        System(("ubuntu", "debian"), "ubuntu 26.04", "x86_64", "Ubuntu 26.04"), HERE
    )
    assert not good
    assert told.startswith("Ubuntu 26.04: QEMU 10.0.13")
    assert told.endswith("; tested: Debian 12, Debian 13, Debian testing (forky)")
    assert releases.standing(None, HERE)[1].startswith("an unknown system: ")
