"""What is not provably virtlab's is never touched; what is, goes, however often."""

from __future__ import annotations

import dataclasses
import json

import pytest
from marked import MINE, Define, domain_xml, guest_metadata

from provisioner import errors
from provisioner.hypervisor import reader
from provisioner.hypervisor.connection import Connection
from provisioner.hypervisor.domain import Domain
from provisioner.model import metadata
from provisioner.model.naming import Instance
from provisioner.model.observed import Observed, ObservedLater
from tests.unit.worlds import network

NAME = MINE.domain("one")
TEXT = metadata.dumps(guest_metadata())


def forged(**changes: str) -> str:
    data = json.loads(TEXT)
    data["guest"] |= changes
    return json.dumps(data)


FOREIGN = {
    "no metadata": (NAME, None),
    "empty metadata": (NAME, ""),
    "text for metadata": (NAME, "mine"),
    "JSON for metadata": (NAME, "{}"),
    "another guest's metadata": (NAME, metadata.dumps(guest_metadata("two"))),
    "another instance's metadata": (NAME, metadata.dumps(guest_metadata(instance="other"))),
    "another user's metadata": (NAME, metadata.dumps(guest_metadata(user="somebody"))),
    "metadata of a user whose name is no text": (NAME, metadata.dumps(guest_metadata(user="\ud800"))),
    "a network's metadata": (
        NAME,
        metadata.dumps(metadata.NetworkMetadata(guest_metadata().origin, network("one"), "192.168.130.0/24")),
    ),
    "metadata of a guest of another guest": (
        NAME,
        forged(kind="container", parent="two", transport="parent"),
    ),
    "metadata of a guest that is no machine": (NAME, forged(kind="nested")),
    "metadata of a machine with a parent": (NAME, forged(parent="two")),
    "a name that is not its metadata's": (MINE.domain("renamed"), TEXT),
    "a name like ours": ("virtlab-learner-demo-one", TEXT),
    "a name with more parts": (f"{NAME}.disk0", TEXT),
    "a name with fewer parts": ("virtlab.learner.demo", TEXT),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_others_made_stays(conn: Connection, define: Define, name: str) -> None:
    domain, mark = FOREIGN[name]
    dom = define(domain, mark)
    assert not reader.ours_domain(Domain(dom))
    seen = conn.look()
    assert dataclasses.replace(seen, doubtful=()) == Observed((), ())
    assert [each.name for each in seen.doubtful] == [domain] * (domain.count(".") >= 3)
    assert conn.remove_domain(domain, None) is False
    assert conn.handle.lookupByName(domain).isActive()
    with pytest.raises(errors.ConflictError, match="is left alone") as caught:
        conn.require_ours(domain)
    assert caught.value.hint == f"look at it: virsh dumpxml {domain}"


MADE_LATER = {
    "all of it": TEXT.replace(f'"format":{metadata.FORMAT}', '"format":99'),
    "only its number": '{"format":99}',
}


@pytest.mark.parametrize("text", MADE_LATER.values(), ids=MADE_LATER)
def test_what_a_later_version_made_is_seen_and_stays(conn: Connection, define: Define, text: str) -> None:
    dom = define(NAME, text)
    assert conn.look() == Observed((), (), (ObservedLater(NAME, MINE, "guest one", 99),))
    assert not reader.ours_domain(Domain(dom))
    assert conn.remove_domain(NAME, None) is False
    assert conn.handle.lookupByName(NAME).isActive()
    with pytest.raises(errors.ConflictError, match="is left alone"):
        conn.require_ours(NAME)


def test_a_name_that_is_not_virtlabs_is_none_of_a_later_version(conn: Connection, define: Define) -> None:
    define("somebody.else", '{"format":99}')
    assert conn.look() == Observed((), ())


@pytest.mark.parametrize("text", [TEXT, TEXT.replace('"kind"', '"later":1,"kind"')])
def test_ours_is_seen_as_it_was_written(conn: Connection, define: Define, text: str) -> None:
    define(mark=text)
    (domain,) = conn.look().domains
    assert (domain.name, domain.instance, domain.guest) == (NAME, MINE, "one")
    assert domain.metadata == guest_metadata()
    assert domain.state == "running"
    conn.require_ours(NAME)


ODD = (
    "".join(map(chr, range(0x20, 0x180))) + "\t\n\r ]]> &amp; &#133; &#x85; &nbsp; <b/> \\u0041 あ \U0001f600"
)


def test_any_text_of_metadata_comes_back(conn: Connection, define: Define) -> None:
    mark = dataclasses.replace(guest_metadata(), accel_why=ODD, images={ODD: ODD})
    define(mark=metadata.dumps(mark))
    (domain,) = conn.look().domains
    assert domain.metadata == mark


def test_states(conn: Connection, define: Define) -> None:
    dom = define(running=False)

    def state() -> str:
        (domain,) = conn.look().domains
        return domain.state

    assert state() == "stopped"
    dom.create()
    assert state() == "running"
    dom.suspend()
    assert state() == "paused"
    Domain(dom).resume()
    assert state() == "running"
    Domain(dom).destroy()
    assert state() == "stopped"
    Domain(dom).destroy()  # twice is fine


def test_nothing_to_remove(conn: Connection) -> None:
    assert conn.remove_domain(NAME, None) is False
    assert conn.remove_network(MINE.network("lab")) is False
    conn.require_ours(NAME)  # nothing is in the way


def test_a_domain_that_goes_meanwhile_is_no_error(conn: Connection, define: Define) -> None:
    dom = define()
    dom.destroy()
    dom.undefine()
    Domain(dom).destroy()
    assert not reader.ours_domain(Domain(dom))


def test_a_definition_that_is_refused(conn: Connection) -> None:
    with pytest.raises(errors.HypervisorError, match="libvirt does not take the definition: "):
        conn.define_domain("<domain type='test'><name>x</name></domain>")
    with pytest.raises(errors.HypervisorError):
        conn.define_domain("<not-xml")


def test_a_second_definition_replaces_the_first(conn: Connection, define: Define) -> None:
    uuid = f"<uuid>{MINE.uuid('domain', 'one')}</uuid>"
    for why in ("asked for", "KVM was tried and failed"):
        mark = dataclasses.replace(guest_metadata(), accel_why=why)
        xml = domain_xml(NAME, metadata.dumps(mark)).replace("</name>", f"</name>{uuid}")
        conn.define_domain(xml)
        (domain,) = conn.look().domains
        assert domain.metadata.accel_why == why


def test_a_domain_that_is_not_there(conn: Connection) -> None:
    with pytest.raises(errors.NotFound, match=f"no domain {NAME}"):
        conn.domain(NAME)


def test_everybodys_are_told_apart(conn: Connection, define: Define) -> None:
    define()
    for user, instance in (("somebody", "demo"), ("learner", "demo-2"), ("Ada", "demo")):
        mark = guest_metadata(user=user, instance=instance)
        define(mark.origin.key.domain("one"), metadata.dumps(mark))
    observed = conn.look()
    assert len(observed.domains) == 4
    assert [d.name for d in observed.of(MINE).domains] == [NAME]
    assert observed.of_owner("learner").instances() == [MINE, Instance("learner", "demo-2")]
