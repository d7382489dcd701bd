"""Which range of addresses a network gets, and what a user can set."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import errors, settings
from provisioner.model import ranges
from provisioner.model.naming import Instance
from provisioner.model.ranges import Taken, blocks, subnets

MINE = Instance("learner", "pair")
NETWORKS = st.builds(
    lambda start, prefix: IPv4Network((start, prefix), strict=False),
    st.one_of(*(st.integers(int(b.claim[0]), int(b.claim[-1])) for b in ranges.PRIVATE)),
    st.integers(1, 30),
)


def taken(*texts: str) -> list[Taken]:
    return [Taken(IPv4Network(text), f"a route over eth{number}") for number, text in enumerate(texts)]


def test_the_first_block_comes_first_and_all_of_it() -> None:
    found = list(islice(subnets(MINE, "lab", []), 200))
    assert {str(subnet) for subnet in found[:127]} == {f"192.168.{n}.0/24" for n in range(128, 255)}
    assert all(subnet.subnet_of(IPv4Network("172.16.0.0/12")) for subnet in found[127:])
    assert found[:127] == list(subnets(MINE, "lab", taken("172.16.0.0/12", "10.0.0.0/8")))


@given(st.lists(NETWORKS, max_size=6))
def test_no_range_overlaps_one_that_is_taken(others: list[IPv4Network]) -> None:
    """But for those that reach beyond a private block, as the halves of a default route do."""
    found = next(subnets(MINE, "lab", [Taken(other, "x") for other in others]), None)
    claims = [other for other in others if any(other.subnet_of(b.claim) for b in ranges.PRIVATE)]
    if found is None:
        assert all(any(c.overlaps(b.addresses) for c in claims) for b in ranges.PRIVATE)
    else:
        assert found.is_private
        assert not any(found.overlaps(claim) for claim in claims)


def test_user_mode_networks_keep_theirs() -> None:
    """A nested machine in a guest has 10.0.2.0/24, which its parent must not be in."""
    (block,) = blocks([IPv4Network("10.0.0.0/22")])
    assert ranges.USER_SUBNET not in set(subnets(MINE, "lab", [], [block]))
    assert len(list(subnets(MINE, "lab", [], [block]))) == 3


def test_what_is_in_the_way_is_told_widest_first_and_once() -> None:
    many = taken("10.1.2.0/24", "10.1.0.0/17", "10.1.2.0/24", "10.1.3.0/25", "10.1.200.0/24", "10.0.0.0/8")
    assert ranges.told(many, blocks([IPv4Network("10.1.0.0/16")])) == (
        "in 10.1.0.0/16 a route over eth1 has 10.1.0.0/17, a route over eth4 has 10.1.200.0/24"
    )


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "virtlab").mkdir()
    return tmp_path / "virtlab/config.toml"


def test_ranges_can_be_set(file: Path) -> None:
    assert settings.load() == settings.Settings()
    file.write_text('ranges = ["10.77.0.0/16", "172.30.4.0/24"]')
    assert settings.load().ranges == (IPv4Network("10.77.0.0/16"), IPv4Network("172.30.4.0/24"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('ranges = "10.77.0.0/16"', 'ranges must be a list, such as ["10.77.0.0/16"]'),
        ("ranges = [10]", "ranges: Expected 4 octets in '10' (write it as"),
        ('ranges = ["10.77.1.0/16"]', "ranges: 10.77.1.0/16 has host bits set (write it as"),
        ('ranges = ["10.77.0.0/25"]', "ranges: 10.77.0.0/25 is too small: a network of a lab takes a /24"),
        ('ranges = ["fd00::/64"]', '(write it as "10.77.0.0/16")'),
        *(
            (f'ranges = ["{special}"]', "has no addresses that guests can use")
            for special in (
                "0.0.0.0/0",
                "0.0.0.0/24",
                "127.0.0.0/16",
                "224.0.0.0/8",
                "240.0.0.0/8",
                "169.254.0.0/16",
            )
        ),
    ],
)
def test_ranges_that_can_not_be_used(file: Path, text: str, words: str) -> None:
    file.write_text(text)
    with pytest.raises(errors.InputError) as caught:
        settings.load()
    assert caught.value.message.startswith(f"{file}: ")
    assert words in caught.value.message
    assert str(file) in (caught.value.hint or "")
