"""Model objects as plain data, and back."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import guest

from provisioner.language import Text
from provisioner.model.lab import Guest
from provisioner.model.plain import from_data, to_data

GUEST = guest(
    "one",
    title=Text("One", "一"),
    hyperv={"relaxed": True, "spinlocks": 4095},
    kvm={"hidden": False},
    smbios={"product": "x"},
    kernel_args=("quiet",),
)
DATA = to_data(GUEST)


def test_there_and_back() -> None:
    assert from_data(Guest, DATA) == GUEST
    assert from_data(Guest, DATA).hyperv["relaxed"] is True


def test_a_missing_key_takes_the_default_and_an_unknown_one_is_ignored() -> None:
    data = {**DATA, "later": {"anything": 1}}
    for key in ("optional", "hyperv", "kvm", "features"):
        del data[key]
    assert from_data(Guest, data) == guest(
        "one", title=Text("One", "一"), smbios={"product": "x"}, kernel_args=("quiet",)
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"disks": 3}, "disks: not a list"),
        ({"disks": [{"bus": "ide", "size": 1}]}, r"disks\[0\]\.cache: missing"),
        ({"kind": "planet"}, "kind: not one of machine, "),
        ({"kind": 1}, "kind: not a word"),
        ({"clock": None}, "clock: not an object"),
        ({"memory": "much"}, "memory: not a whole number"),
        ({"memory": True}, "memory: not a whole number"),
        ({"memory": 10**30}, "memory: not a number that can be"),
        ({"parent": 1}, "parent: not a text"),
        ({"smbios": ["x"]}, "smbios: not an object"),
        ({"smbios": {"product": 1}}, r"smbios\.product: not a text"),
        ({"hyperv": {"relaxed": "on"}}, r"hyperv\.relaxed: not a whole number"),
        ({"kvm": {"hidden": 1}}, r"kvm\.hidden: not true or false"),
    ],
)
def test_data_of_another_form_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told}"):
        from_data(Guest, DATA | changes)


@pytest.mark.parametrize("data", [None, 1, "x", [], {}])
def test_what_is_no_guest_is_refused(data: Any) -> None:
    with pytest.raises(ValueError):
        from_data(Guest, data)


def test_each_text_can_be_made_another() -> None:
    found = from_data(Guest, DATA, text=str.upper)
    assert (found.name, found.smbios, found.kind) == ("ONE", {"product": "X"}, GUEST.kind)
