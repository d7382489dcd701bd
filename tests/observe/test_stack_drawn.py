"""The stack drawn on a terminal and as SVG."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from stacks import HOST, both, facts, sample, told

from provisioner.language import Language, Text
from provisioner.observe import stack
from provisioner.observe.stack import Frame, Picture, Ring, Section, Stack, Step
from provisioner.report.html import stack_svg
from provisioner.report.terminal import text, wrap
from provisioner.report.terminal.stack_page import drawn

SVG = "{http://www.w3.org/2000/svg}"


def page(stacks: list[Stack], columns: int, language: Language = Language.EN, encoding: str = "utf-8") -> str:
    return text.harmless(drawn(stacks, language, columns=columns, encoding=encoding))


def parsed(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture)  # noqa: S314 - what we drew


def in_a_guest() -> Stack:
    """Domains on a hypervisor, in a machine: a picture of another form."""

    def domain(name: str, *steps: Step) -> Frame:
        kernel = Section(f"{name}-kernel", Ring.KERNEL, Text("kernel"), Text("ring 3"), steps)
        return Frame(name, Text(name), (kernel,))

    ring = Step(2, "crossing", Text("a ring between domains"), "xen", arrows=1)
    xen = Section("xen", Ring.HYPERVISOR, Text("Xen"), Text("root"), ())
    guests = Section(
        "domains",
        Ring.PROGRAM,
        Text("domains"),
        None,
        (domain("domU", Step(1, "driver", Text("xen-blkfront"))), ring, domain("dom0")),
    )
    machine = Frame("machine", Text("the machine"), (guests, xen))
    return Stack("domU", None, "tcg", (Picture("disk", Text("a read"), machine),))


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("columns", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("accel", ["tcg", "kvm"])
def test_no_line_is_wider_than_the_terminal(accel: str, columns: int, language: Language) -> None:
    lines = page(both(accel), columns, language).splitlines()
    assert max(map(wrap.width, lines)) <= columns


@pytest.mark.parametrize("language", list(Language))
def test_guests_that_are_run_in_different_ways_are_marked_as_such(language: Language) -> None:
    stacks = [told("virtio", "tcg"), told("virtio", "kvm")]
    lines = page(stacks, 100, language).splitlines()
    assert max(map(wrap.width, lines)) <= 100
    assert any("≠" in line and "TCG" in line and "KVM" in line for line in lines)
    picture = parsed(stack_svg.svg(stacks[0], language, beside=stacks))
    words = [element.text or "" for element in picture.iter(f"{SVG}text")]
    assert any(line.startswith("≠ TCG") for line in words)
    assert not any(line.startswith("≠") and "qcow2" in line for line in words)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(("columns", "beside"), [(80, False), (99, False), (100, True), (120, True)])
def test_guests_stand_beside_each_other_where_that_fits(
    columns: int, beside: bool, language: Language
) -> None:
    lines = page(both(), columns, language).splitlines()
    assert any("ata_piix" in line and "virtio_blk" in line for line in lines) is beside
    assert sum("ata_piix" in line for line in lines) == 1


@pytest.mark.parametrize("language", list(Language))
def test_frames_are_closed(language: Language) -> None:
    lines = [
        line for line in page(both(), 100, language).splitlines() if line.startswith(("│", "╭", "├", "╰"))
    ]
    assert {wrap.width(line) for line in lines} == {100}
    assert {line[-1] for line in lines} == {"│", "╮", "┤", "╯"}


def test_what_differs_is_marked_and_the_rest_is_not() -> None:
    lines = page(both(), 80).splitlines()
    assert [line for line in lines if "≠ 3  driver sd → ata_piix" in line]
    assert not [line for line in lines if "≠" in line and "qcow2" in line]
    assert "≠" not in page([told("full")], 80)


def test_many_accesses_look_like_many() -> None:
    full, virtio = (one.splitlines() for one in (page([told(name)], 80) for name in ("full", "virtio")))
    assert max(line.count("↓") for line in full) == 8
    assert max(line.count("↓") for line in virtio) == 1


def test_ascii_where_the_terminal_has_no_more() -> None:
    shown = page(both(), 100, Language.JA, "ascii")
    assert shown.isascii()
    assert "driver sd > ata_piix" in shown
    assert "* 3" in shown


def test_a_guest_can_not_act_on_the_terminal_or_the_page() -> None:
    evil = facts(("ata_piix", "\x1b[2J<script>alert(1)</script>"), None)
    one = stack.of(sample("full"), "tcg", evil, host=HOST)
    assert "\x1b" not in page([one], 100)
    picture = stack_svg.svg(one, Language.EN)
    assert "\x1b" not in picture
    assert "<script" not in picture
    parsed(picture)


def test_pictures_of_different_form_end_on_the_same_ground() -> None:
    lines = page([in_a_guest(), told("full")], 120).splitlines()
    bottom = next(line for line in lines if line.startswith("╰"))
    assert bottom.count("╰") == 2
    assert max(map(wrap.width, lines)) <= 120


@pytest.mark.parametrize("one", [told("full"), told("virtio", "kvm"), in_a_guest()])
@pytest.mark.parametrize("language", list(Language))
def test_svg_says_what_it_shows(one: Stack, language: Language) -> None:
    root = parsed(stack_svg.svg(one, language))
    assert root.get("role") == "img"
    assert root.get("viewBox", "").startswith("0 0 360 ")
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    words = "".join(element.text or "" for element in root.iter(f"{SVG}text"))
    for step in stack.steps(one.pictures[0]):
        said = step.text.ja if language is Language.JA and step.text.ja else step.text.en
        assert said in (description.text or "")
        assert said.split()[0] in words


@pytest.mark.parametrize("language", list(Language))
def test_svg_keeps_to_its_frame_and_asks_for_nothing_from_outside(language: Language) -> None:
    for one in both("kvm"):
        picture = stack_svg.svg(one, language, beside=both("kvm"))
        root = parsed(picture)
        height = float(root.get("viewBox", "").split()[-1])
        for rect in root.iter(f"{SVG}rect"):
            x, y, across, down = (float(rect.get(name, "nan")) for name in ("x", "y", "width", "height"))
            assert x >= 0
            assert x + across <= 360
            assert y + down <= height
        assert picture.count("http") == picture.count("http://www.w3.org/2000/svg")
        assert "url(" not in picture


def test_svg_marks_what_differs_and_lines_up_what_belongs_together() -> None:
    stacks = both()
    pictures = [parsed(stack_svg.svg(one, Language.EN, beside=stacks)) for one in stacks]
    assert len({picture.get("viewBox") for picture in pictures}) == 1
    for picture in pictures:
        marked = [group for group in picture.iter(f"{SVG}g") if group.get("class") == "differs"]
        assert len(marked) == 3
    alone = parsed(stack_svg.svg(stacks[0], Language.EN))
    assert not [group for group in alone.iter(f"{SVG}g") if group.get("class") == "differs"]


def test_a_path_that_a_guest_does_not_have_is_no_picture() -> None:
    assert stack_svg.svg(in_a_guest(), Language.EN, path="network") == ""


@pytest.mark.parametrize("stacks", [both(), [told("full")], [in_a_guest(), told("virtio")]])
def test_a_file_of_its_own_has_every_picture_once(stacks: list[Stack]) -> None:
    root = parsed(stack_svg.document(stacks, Language.EN))
    pictures = [svg for svg in root.iter(f"{SVG}svg") if svg.get("role") == "img"]
    assert len(pictures) == sum(len(one.pictures) for one in stacks)
    assert len({picture.get("aria-labelledby") for picture in pictures}) == len(pictures)
    across, down = (float(value) for value in root.get("viewBox", "").split()[2:])
    for picture in pictures:
        assert float(picture.get("x", "0")) + float(picture.get("width", "0")) <= across
        assert float(picture.get("y", "0")) + float(picture.get("height", "0")) <= down


def test_each_guest_has_a_picture_even_where_it_has_nothing_that_the_first_has() -> None:
    bare = [stack.of(sample(name, disks=(), interfaces=()), "tcg", None, host=HOST) for name in "ab"]
    drawing = page([told("virtio", "tcg"), *bare], 80)
    assert drawing.count("the host ─") == 3
