"""Names: what is made of an instance says whose it is, and nobody else's says the same."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.model import naming
from provisioner.model.naming import ImageSet, Instance

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)
INSTANCES = st.builds(Instance, NAMES, NAMES)
USERS = st.one_of(
    st.text(min_size=1, max_size=40),
    st.from_regex(r"[a-z_][a-z0-9_-]{0,31}", fullmatch=True),
    st.from_regex(r"[a-z]{1,3}-[0-9a-f]{6}", fullmatch=True),
)


@given(INSTANCES, NAMES)
def test_names_split_again(instance: Instance, part: str) -> None:
    assert naming.split(instance.domain(part)) == (instance, part)
    assert naming.split(instance.network(part)) == (instance, part)
    assert naming.split(instance.volume(part, 3)) == (instance, f"{part}.disk3.qcow2")


@given(st.lists(st.tuples(INSTANCES, NAMES), min_size=2, max_size=6, unique=True))
def test_different_things_have_different_names(things: list[tuple[Instance, str]]) -> None:
    for made in (
        [i.domain(p) for i, p in things],
        [i.volume(p, 0) for i, p in things],
        [i.uuid("domain", p) for i, p in things],
        [i.bridge(p) for i, p in things],
    ):
        assert len(set(made)) == len(things)


def test_names_that_begin_alike_stay_apart() -> None:
    """Twenty learners with labs named lab, lab-1 and lab-10 on one daemon."""
    names = ["a", "a-b", "a-b-c", "lab", "lab-1", "lab-10"]
    everything = [(Instance(o, n), p) for o in names for n in names for p in names]
    assert len({i.domain(p) for i, p in everything}) == len(everything)
    assert len({i.bridge(p) for i, p in everything}) == len(everything)
    for instance, part in everything:
        others = [i.domain(p) for i, p in everything if i != instance]
        assert not any(name.startswith(instance.prefix) for name in others)
        assert naming.split(instance.domain(part)) == (instance, part)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "virtlab",
        "virtlab.a",
        "virtlab.a.b",
        "virtlab.a.b.",
        "virtlab..b.c",
        "virtlab.a..c",
        ".a.b.c",
        "Virtlab.a.b.c",
        "virtlab-a.b.c.d",
        "other.a.b.c",
        " virtlab.a.b.c",
        ImageSet("tiny", "0" * 12, "0" * 16, "root").volume("kernel"),
    ],
)
def test_names_of_others_are_not_ours(name: str) -> None:
    assert naming.split(name) is None


@pytest.mark.parametrize("name", ["a", "a1", "a-1", "1a", "lab-of-32-letters-exactly-abcdef"])
def test_names(name: str) -> None:
    assert len(name) <= 32
    assert naming.is_name(name)


@pytest.mark.parametrize(
    "name", ["", "-", "a-", "-a", "1-", "A", "a.b", "a_b", "a b", "a\n", "あ", "a" * 33, "a/b", "é"]
)
def test_no_names(name: str) -> None:
    assert not naming.is_name(name)


@given(INSTANCES, NAMES, st.integers(0, 7))
def test_forms(instance: Instance, part: str, number: int) -> None:
    assert re.fullmatch("52:54:00(:[0-9a-f]{2}){3}", instance.mac(part, number))
    assert re.fullmatch("vl[0-9a-f]{10}", instance.bridge(part))
    assert len(instance.bridge(part)) <= 15
    assert uuid.UUID(instance.uuid("domain", part)).version == 5
    assert 0 <= instance.subnet_start(part, 127) < 127
    assert len(instance.volume(part, number)) < 200


def test_what_is_derived_never_changes() -> None:
    """Of a lab that is up, a newer virtlab finds everything again."""
    instance = Instance("learner", "demo-paravirt")
    assert instance.domain("full") == "virtlab.learner.demo-paravirt.full"
    assert instance.volume("full", 0) == "virtlab.learner.demo-paravirt.full.disk0.qcow2"
    assert instance.uuid("domain", "full") == "e094fc68-792a-56f8-85b7-33e2faeba961"
    assert instance.uuid("network", "full") != instance.uuid("domain", "full")
    assert instance.mac("full", 0) == "52:54:00:52:2e:65"
    assert instance.bridge("lab") == "vl3f08e454ca"
    assert instance.subnet_start("lab", 127) == 74


def test_interfaces_have_addresses_of_their_own() -> None:
    instance = Instance("learner", "demo")
    macs = [instance.mac(f"g{g}", i) for g in range(16) for i in range(8)]
    assert len(set(macs)) == len(macs)


@pytest.mark.parametrize("user", ["root", "learner", "www-data", "u1000", "0day"])
def test_a_users_plain_name_is_kept(user: str) -> None:
    assert naming.owner_slug(user) == user


@pytest.mark.parametrize(
    ("user", "start"),
    [
        ("Ada", "ada-"),
        ("a_b", "a-b-"),
        ("a.b", "a-b-"),
        ("学生", "user-"),
        ("-", "user-"),
        ("a" * 25, "a" * 24 + "-"),
        ("", "user-"),
        ("DOMAIN\\someone", "domain-someone-"),
        ("a-", "a-"),
    ],
)
def test_another_name_keeps_a_digest(user: str, start: str) -> None:
    slug = naming.owner_slug(user)
    assert slug.startswith(start)
    assert re.fullmatch("[0-9a-f]{6}", slug.removeprefix(start))


@given(USERS)
def test_an_owners_slug_is_a_part_of_a_name(user: str) -> None:
    slug = naming.owner_slug(user)
    assert re.fullmatch("[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", slug), slug
    assert naming.split(Instance(slug, "a").domain("b")) == (Instance(slug, "a"), "b")


@given(st.lists(USERS, min_size=2, max_size=5, unique=True))
def test_no_two_users_share_a_slug(users: list[str]) -> None:
    everybody = [*users, *map(naming.owner_slug, users)]
    slugs = {naming.owner_slug(user) for user in everybody}
    assert len(slugs) == len(set(everybody))


def test_nobody_can_be_called_like_anothers_slug() -> None:
    slug = naming.owner_slug("Ada")
    assert naming.owner_slug(slug) != slug


PARTS = st.sampled_from(
    ["kernel", "kernel-efi", "initrd", "boot", "disk", "complete", "whole-0123456789abcdef"]
)


@given(st.builds(ImageSet, NAMES, st.just("0" * 12), st.just("f" * 16), NAMES), PARTS)
def test_image_volumes_split_again(key: ImageSet, part: str) -> None:
    assert naming.split_image_volume(key.volume(part)) == (key, part)
    assert naming.split(key.volume(part)) is None


@pytest.mark.parametrize(
    "name",
    [
        "virtlab..image.a.b.c.d",
        "virtlab..image.a.b.c.d.e.f",
        "virtlab.a.b.c",
        "image.a.b.c.d.e",
        "",
        "virtlab..image.tiny.my.own.learner.disk",
        "virtlab..image.tiny.000000000000.ffffffffffffffff.learner.backup",
        "virtlab..image.tiny.000000000000.ffffffffffffffff.learner.kernel.old",
        "virtlab..image.tiny.000000000000.ffffffffffffffff.learner.whole-",
    ],
)
def test_other_volumes_are_no_images(name: str) -> None:
    assert naming.split_image_volume(name) is None


def test_a_clone_is_told_from_every_guest_and_belongs_to_the_instance() -> None:
    instance = naming.Instance("learner", "demo")
    name = naming.clone("full")
    assert naming.is_clone(name)
    assert not naming.is_clone("full")
    assert not naming.is_name(name), "a lab's guest can't have that name"
    assert naming.split(instance.domain(name)) == (instance, name)
    volume = instance.volume(name, 0)
    assert naming.split(volume) == (instance, "full.clone.disk0.qcow2")
    assert instance.mac(name, 0) != instance.mac("full", 0)
    assert instance.uuid("domain", name) != instance.uuid("domain", "full")
