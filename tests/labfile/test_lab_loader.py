"""From files to the model: defaults, precedence, profiles, order."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provisioner.errors import InputError, LabFileError
from provisioner.labfile import catalog, nodes, schema, spec
from provisioner.labfile.nodes import Mapping, Node, Sequence
from provisioner.labfile.problems import Problems
from provisioner.labfile.value_groups import Many, Names, Record, TextOrRecord
from provisioner.labfile.value_types import Kind, Word
from provisioner.language import Text
from provisioner.model.enums import Accel, AgentPort, GuestKind, NetworkMode, Transport
from provisioner.model.lab import Lab
from provisioner.units import MIB

Load = Callable[..., Lab]
MINIMAL = "virtlab: 1\nname: small\nguests:\n  a: {profile: virtio}\n"


def test_demo_paravirt_differs_in_devices_only(root: Path, load_file: Load) -> None:
    lab = load_file(root / "labs/demo-paravirt/lab.yaml")
    assert lab.name == "demo-paravirt"
    assert lab.title.ja
    assert lab.description
    assert lab.description.ja
    full, virtio, vmware = lab.guests
    assert [guest.optional for guest in lab.guests] == [False, False, True]
    assert (vmware.machine, vmware.agent, vmware.rng) == (full.machine, full.agent, full.rng)
    assert (full.name, full.disks[0].bus, full.interfaces[0].model) == ("full", "ide", "e1000")
    assert (virtio.name, virtio.disks[0].bus, virtio.interfaces[0].model) == ("virtio", "virtio", "virtio")
    assert (full.agent, full.serial_ports, full.console) == (AgentPort.SERIAL, 2, "serial")
    assert (virtio.agent, virtio.serial_ports, virtio.console) == (AgentPort.VIRTIO, 1, "serial+virtio")
    assert (full.balloon, full.rng, full.clock.timers) == ("none", "none", {"hpet": False, "kvmclock": False})
    assert (virtio.balloon, virtio.rng, virtio.clock.timers) == ("virtio", "virtio", {"hpet": False})
    for same in ("machine", "memory", "accel", "image", "firmware", "processor", "video", "kernel_args"):
        assert getattr(full, same) == getattr(virtio, same)
    assert full.disks[0].cache == virtio.disks[0].cache == "writeback"
    assert [(network.name, network.mode) for network in lab.networks] == [("lab", NetworkMode.NAT)]


def test_smallest_lab(load_text: Load) -> None:
    lab = load_text(MINIMAL)
    (guest,) = lab.guests
    assert lab.title == Text("small")
    assert lab.description is None
    assert guest.kind is GuestKind.MACHINE
    assert guest.transport is Transport.AGENT
    assert guest.accel is Accel.AUTO
    assert guest.memory == 192 * MIB
    assert guest.disks[0].size == 64 * MIB
    assert lab.top_level == lab.guests


def test_guest_goes_before_defaults_before_profile_before_base(load_text: Load) -> None:
    lab = load_text("""
virtlab: 1
name: order
defaults:
  profile: emulated
  memory: 300 MiB
  processor: {model: maximum, features: {aes: require, svm: disable}}
  disk: {size: 100 MiB}
  clock: {timers: {hpet: false}}
guests:
  plain: {}
  own:
    profile: virtio
    memory: 400 MiB
    processor: {count: 3, features: {aes: disable}}
    disks: [{}, {size: 1 GiB, bus: sata}]
    interfaces: []
    clock: {timers: {kvmclock: true}}
""")
    plain, own = lab.guests
    assert (plain.memory, plain.processor.count, plain.processor.model) == (300 * MIB, 1, "maximum")
    assert plain.processor.features == {"aes": "require", "svm": "disable"}
    assert plain.clock.timers == {"hpet": False, "kvmclock": False}
    assert (plain.disks[0].size, plain.disks[0].bus) == (100 * MIB, "ide")
    assert (own.memory, own.processor.count, own.processor.model) == (400 * MIB, 3, "maximum")
    assert own.processor.features == {"aes": "disable", "svm": "disable"}
    assert [(disk.size, disk.bus) for disk in own.disks] == [(100 * MIB, "virtio"), (1024 * MIB, "sata")]
    assert own.interfaces == ()
    assert own.clock.timers == {"hpet": False, "kvmclock": True}


def test_no_interface_no_network(load_text: Load) -> None:
    assert load_text(MINIMAL.replace("virtio}", "virtio, interfaces: []}")).networks == ()


def test_interfaces_go_to_the_first_network(load_text: Load) -> None:
    lab = load_text(MINIMAL + "networks: {zebra: , ant: {mode: isolated}}\n")
    assert [network.name for network in lab.networks] == ["zebra", "ant"]
    assert lab.guests[0].interfaces[0].network == "zebra"


def test_parents_stand_before_what_they_host(load_text: Load) -> None:
    lab = load_text("""
virtlab: 1
name: family
defaults: {profile: virtio}
guests:
  inner: {kind: nested, parent: middle}
  first: {}
  middle: {kind: nested, parent: outer}
  share: {kind: container, parent: inner, transport: none}
  outer: {agent: none}
""")
    assert [guest.name for guest in lab.guests] == ["outer", "middle", "inner", "first", "share"]
    assert [guest.name for guest in lab.top_level] == ["outer", "first"]
    assert lab.guest("outer").transport is Transport.NONE
    assert lab.guest("inner").transport is Transport.PARENT
    assert lab.guest("share").transport is Transport.NONE


def test_anchors_and_aliases(load_text: Load) -> None:
    lab = load_text("virtlab: 1\nname: twins\nguests:\n  a: &a {profile: virtio, memory: 1 GiB}\n  b: *a\n")
    assert [guest.memory for guest in lab.guests] == [1024 * MIB] * 2


def test_controller_of_the_profile_is_for_scsi_disks_only(load_text: Load) -> None:
    lab = load_text("""
virtlab: 1
name: buses
defaults:
  profile: emulated
  disk: {bus: scsi, controller: lsilogic}
guests:
  a: {disks: [{}, {bus: sata}]}
""")
    disks = [(disk.bus, disk.controller) for disk in lab.guests[0].disks]
    assert disks == [("scsi", "lsilogic"), ("sata", None)]


def test_source_and_file_are_kept(root: Path, load_file: Load) -> None:
    file = root / "labs/demo-paravirt/lab.yaml"
    lab = load_file(file)
    assert (lab.file, lab.source) == (file, "test")


def test_file_that_is_not_there(tmp_path: Path, load_file: Load) -> None:
    with pytest.raises(InputError, match="can't be read"):
        load_file(tmp_path / "lab.yaml")
    with pytest.raises(InputError, match="can't be read"):
        load_file(tmp_path)


def test_too_large_a_file(load_text: Load) -> None:
    with pytest.raises(LabFileError, match="larger than 256 KiB"):
        load_text(MINIMAL + "#" * 300_000)


def test_profiles_are_an_open_set_and_are_checked(root: Path, tmp_path: Path, load_file: Load) -> None:
    profiles = tmp_path / "profiles"
    shutil.copytree(root / "templates/profiles", profiles)
    (profiles / "vmware.yaml").write_text(
        "disk: {bus: scsi, controller: vmpvscsi}\ninterface: {model: vmxnet3}\nballoon: none\nrng: none\n"
        "agent: serial\nserial-ports: 2\nconsole: serial\n"
    )
    (profiles / "broken.yaml").write_text("disk: {bus: scis}\nagent: none\nmemory: 512\nconsoles: serial\n")
    file = tmp_path / "lab.yaml"
    file.write_text(MINIMAL.replace("virtio", "vmware"))
    assert load_file(file, profiles=profiles).guests[0].disks[0].controller == "vmpvscsi"
    file.write_text(MINIMAL.replace("virtio", "broken"))
    with pytest.raises(LabFileError) as caught:
        load_file(file, profiles=profiles)
    assert [problem.removeprefix(f"{profiles}/") for problem in caught.value.problems] == [
        "broken.yaml:1:1: balloon: missing; neither this profile nor base.yaml gives it",
        "broken.yaml:1:1: rng: missing; neither this profile nor base.yaml gives it",
        "broken.yaml:1:1: console: missing; neither this profile nor base.yaml gives it",
        "broken.yaml:1:1: serial-ports: missing; neither this profile nor base.yaml gives it",
        "broken.yaml:1:1: interface.model: missing; neither this profile nor base.yaml gives it",
        'broken.yaml:1:13: disk.bus: "scis" is not known (use ide, sata, scsi, nvme, virtio or xen; '
        'did you mean "scsi"?)',
        "broken.yaml:3:9: memory: a size needs a unit (such as 512 MiB)",
        'broken.yaml:4:1: unknown key "consoles" (did you mean "console"?)',
    ]


def test_profile_that_is_no_yaml(root: Path, tmp_path: Path, load_file: Load) -> None:
    profiles = tmp_path / "profiles"
    shutil.copytree(root / "templates/profiles", profiles)
    (profiles / "virtio.yaml").write_text("disk: [")
    file = tmp_path / "lab.yaml"
    file.write_text(MINIMAL + "  b: {profile: virtio, memory: 1}\n")
    with pytest.raises(LabFileError) as caught:
        load_file(file, profiles=profiles)
    assert caught.value.problems == (
        f"{file}:5:32: guests.b.memory: a size needs a unit (such as 1 MiB)",
        f"{profiles}/virtio.yaml:1:8: not YAML: here should be a value; "
        "look for a bracket that is never closed",
    )
    (profiles / "virtio.yaml").write_text("[]")
    with pytest.raises(LabFileError, match=r"virtio\.yaml:1:1: wants a mapping"):
        load_file(file, profiles=profiles)


def test_python_and_c_parsers_agree(
    root: Path, load_file: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import yaml

    def outcome(file: Path) -> object:
        try:
            return load_file(file)
        except LabFileError as error:
            return [re.match(r"\S+?:\d+", problem) for problem in error.problems if "not YAML" not in problem]

    files = [root / "labs/reference.yaml", root / "labs/demo-paravirt/lab.yaml"]
    in_c = [outcome(file) for file in files]
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert [outcome(file) for file in files] == in_c


def paths(kind: Kind, path: str) -> Iterator[str]:
    """Every path that the specification knows, with * for names and entries."""
    if isinstance(kind, Record):
        for key in kind.keys:
            yield f"{path}{key.name}"
            yield from paths(key.kind, f"{path}{key.name}.")
    elif isinstance(kind, Names | Many):
        yield from paths(kind.kind, f"{path}*.")
    elif isinstance(kind, TextOrRecord):
        yield from paths(kind.record, path)


def used(node: Node, path: str) -> Iterator[str]:
    if isinstance(node, Mapping):
        for name, (_, value) in node.entries.items():
            known = set(paths(spec.LAB, ""))
            step = name if f"{path}{name}" in known else "*"
            yield f"{path}{step}"
            yield from used(value, f"{path}{step}.")
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from used(item, f"{path}*.")


def test_reference_is_valid_and_covers_every_key(root: Path, load_file: Load) -> None:
    file = root / "labs/reference.yaml"
    assert load_file(file).name == "reference"
    node = nodes.read(file, Problems())
    assert node
    present = set(used(node, ""))
    shown_as_comment = {"guests.*.disks.*.image"}  # no disk image comes with virtlab yet
    hardware = {f"defaults.{key.name}" for key in spec.DEFAULTS.keys}
    wanted = {path for path in paths(spec.LAB, "") if not path.startswith("defaults.")}
    assert wanted - present - shown_as_comment - {"title.en", "title.ja"} == set()
    assert {"defaults.disk", "defaults.interface"} < present
    assert hardware >= {path for path in present if re.fullmatch(r"defaults\.[^.*]+", path)}
    text = file.read_text(encoding="utf-8")
    assert "# image: NAME" in text


def test_reference_names_every_value(root: Path) -> None:
    def words(kind: Kind) -> Iterator[str]:
        if isinstance(kind, Word):
            yield from kind.values
        elif isinstance(kind, Record):
            for key in kind.keys:
                yield from words(key.kind)
        elif isinstance(kind, Names | Many):
            yield from words(kind.kind)

    text = (root / "labs/reference.yaml").read_text(encoding="utf-8")
    assert {
        word for word in words(spec.LAB) if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)
    } == set()


def test_every_lab_of_the_catalogue_is_valid_and_named_after_its_folder(root: Path, load_file: Load) -> None:
    entries = catalog.entries(root / "labs")
    assert entries
    for entry in entries:
        lab = load_file(entry.file)
        assert lab.name == entry.name
        assert lab.title == entry.title
        assert lab.title.ja
        assert all(guest.title and guest.title.ja for guest in lab.guests)


def test_schema_takes_the_good_and_refuses_the_bad(root: Path) -> None:
    import yaml
    from jsonschema import Draft202012Validator

    built = schema.json_schema()
    Draft202012Validator.check_schema(built)
    validator = Draft202012Validator(built)
    for good in ("labs/reference.yaml", "labs/demo-paravirt/lab.yaml"):
        validator.validate(yaml.safe_load((root / good).read_text(encoding="utf-8")))
    for bad in ("unknown-keys", "missing-keys", "wrong-kinds", "sizes", "names", "bounds", "words", "texts"):
        data = yaml.safe_load((root / f"tests/labfile/bad/{bad}.yaml").read_text(encoding="utf-8"))
        assert list(validator.iter_errors(data)), bad


def test_schema_describes_every_key() -> None:
    def objects(part: object) -> Iterator[dict[str, object]]:
        if isinstance(part, dict):
            yield part
            for value in part.values():
                yield from objects(value)
        elif isinstance(part, list):
            for value in part:
                yield from objects(value)

    for part in objects(schema.json_schema()):
        properties = part.get("properties")
        if isinstance(properties, dict):
            assert all(value["description"] for value in properties.values())
