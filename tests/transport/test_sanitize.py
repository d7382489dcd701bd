"""Guest bytes and text can't act on the user's terminal."""

from __future__ import annotations

import itertools
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.sanitize import TerminalFilter, plain_lines, printable

# The allowed escape sequences, written down a second time and on their own.
ALLOWED = re.compile(
    rb"\x1b(?:"
    rb"\[[0-9]*[A-GIJKLMPXSTZ@`adeg]"
    rb"|\[[0-9]*(?:;[0-9]*)?[Hfr]"
    rb"|\[[0-9;]*m"
    rb"|\[[su]"
    rb"|\[6n"
    rb"|\[4[hl]"
    rb"|\[\?(?:1|7|12|25|1049)(?:;(?:1|7|12|25|1049))*[hl]"
    rb"|[78DEHM=>]"
    rb"|[()][B0]"
    rb")"
)
PIECES = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        b"\x1b [ ] 0;title \x07 \x1b\\ P 6n c ?25h 31m ; t 5i !p ?1049;2004h \x18 \n".split(b" ")
    ),
    st.sampled_from(b"\x9b \xc2\x9b \xc2 \xe6\x97\xa5 \xe2\x80\xae \xe2\x80 \xae \xf0\x9f".split(b" ")),
    st.sampled_from([b"(0", b"%G", b"#8", b"_", b"^", b"X", b"52;c;"]),
)


def through(pieces: list[bytes], *, interactive: bool = True) -> bytes:
    kept = TerminalFilter(interactive=interactive)
    return b"".join(kept.feed(piece) for piece in pieces)


@settings(max_examples=600, deadline=None)
@given(st.lists(PIECES, max_size=40))
def test_only_allowed_escapes_come_through(pieces: list[bytes]) -> None:
    shown = through(pieces)
    rest = ALLOWED.sub(b"", shown)
    assert b"\x1b" not in rest
    text = rest.decode("utf-8")  # always well-formed
    assert not [c for c in text if (ord(c) < 0x20 and c not in "\a\b\t\n\r") or 0x7F <= ord(c) <= 0x9F]
    assert not re.search("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]", text)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30), st.lists(st.integers(0, 200), max_size=12))
def test_where_the_chunks_are_cut_makes_no_difference(pieces: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(pieces)
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    parts = [whole[a:b] for a, b in itertools.pairwise(places)]
    assert through(parts) == through([whole]) == through([bytes((b,)) for b in whole])


@pytest.mark.parametrize(
    "kept",
    [
        b"plain text\r\n\ttab\b\a",
        "日本語 and é".encode(),
        b"\x1b[2J\x1b[1;1H\x1b[K",
        b"\x1b[1;31mred\x1b[m\x1b[38;5;12m",
        b"\x1b[?1049h\x1b[?25l\x1b[?7h\x1b[1;24r\x1b[3A\x1b[10L",
        b"\x1b7\x1b8\x1bM\x1b(0qqq\x1b(B",
        b"\x1b[6n",
    ],
)
def test_harmless_output_is_untouched(kept: bytes) -> None:
    assert through([kept]) == kept


@pytest.mark.parametrize(
    "dropped",
    [
        b"\x1b]0;title\x07",
        b"\x1b]52;c;AAAA\x1b\\",
        b"\x1bP+q544e\x1b\\",
        b"\x1b_data\x1b\\",
        b"\x1b^data\x1b\\",
        b"\x1bXdata\x1b\\",
        b"\x1b[c",
        b"\x1b[>c",
        b"\x1bZ",
        b"\x1b[5n",
        b"\x1b[?6n",
        b"\x1b[14t",
        b"\x1b[5i",
        b"\x1b[?5i",
        b"\x1b[?2004h",
        b"\x1b[?1000;1006h",
        b"\x1b[!p",
        b"\x1bc",
        b"\x1b[1;2;3;4;5T",
        b"\x1b[99999999C",
        b"\xc2\x9b6n"[:2],
        b"\x7f\x00\x0e\x0f\x05",
        "\u202e".encode(),
    ],
)
def test_what_acts_on_the_terminal_is_dropped(dropped: bytes) -> None:
    assert through([b"a" + dropped + b"b"]) == b"ab"


def test_the_question_for_the_cursor_needs_somebody_who_takes_the_answer() -> None:
    assert through([b"a\x1b[6nb"], interactive=False) == b"ab"


def test_eight_bit_controls_become_replacement_characters() -> None:
    assert through([b"a\x9b31mb"]).decode() == "a\ufffd31mb"


def test_an_endless_string_does_not_swallow_everything() -> None:
    kept = TerminalFilter()
    kept.feed(b"\x1b]0;" + b"x" * 5000)
    assert kept.feed(b"still here").endswith(b"still here")
    assert through([b"\x1b]0;title without end\nnext line"]) == b"next line"


def test_reset_undoes_what_the_guest_switched() -> None:
    kept = TerminalFilter()
    kept.feed(b"\x1b[?1049h\x1b[?25l\x1b[5;9r\x1b(0")
    back = kept.reset()
    for sequence in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[r", b"\x1b(B", b"\x1b[0m"):
        assert sequence in back
    assert kept.reset() == b"\x1b[0m"


def test_a_flood_is_filtered_fast_enough() -> None:
    line = b"\x1b[32mok\x1b[0m  some ordinary line of output \xe6\x97\xa5\r\n"
    begin = time.perf_counter()
    through([line * 64] * 300)
    assert len(line) * 64 * 300 / (time.perf_counter() - begin) > 500_000


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300)), st.integers(1, 80))
def test_printable_is_printable_and_bounded(text: str | bytes, limit: int) -> None:
    shown = printable(text, limit)
    assert len(shown) <= limit + 1
    assert shown.isprintable() or all(c.isprintable() or c.isspace() for c in shown)
    assert "\n" not in shown
    assert "\x1b" not in shown


def test_printable_names_what_it_hides() -> None:
    assert printable("a\x1b[31m\u202eb\n") == r"a\e[31m\u202eb\n"
    assert printable(b"\xff\x00ok") == r"\xff\x00ok"
    assert printable("two\nlines", lines=True) == "two\nlines"
    assert printable("x" * 500) == "x" * 400 + "…"


def test_plain_lines_have_no_escapes() -> None:
    text = b"\x1b[2Jfirst\x1b[31m red\r\r\nprogress 1%\rprogress 99%\n\x1b]0;title\x07last\x1b["
    assert plain_lines(text) == ["first red", "progress 99%", "last"]
