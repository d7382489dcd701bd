"""Text from a guest made safe for the user's terminal."""

from __future__ import annotations

import re
import unicodedata

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e"}
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Every escape sequence, complete or cut off: text for people needs none of them.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]*[0-~]?)")


def printable(text: str | bytes, limit: int = 400, *, lines: bool = False) -> str:
    """Text from a guest, for a message or a table: at most ``limit`` characters, and none that is invisible.

    Control characters, escape sequences, marks that change the direction of text, and bytes that are not
    UTF-8 are shown as escapes such as ``\\x1b``. With ``lines``, line ends and tabs are kept.
    """
    if isinstance(text, bytes):
        text = text[: limit * 4].decode("utf-8", "backslashreplace")
    keep = "\n\t" if lines else ""
    shown = []
    size = 0
    for char in text[: limit + 1]:
        piece = char if char in keep or unicodedata.category(char) not in _INVISIBLE else _escaped(char)
        size += len(piece)
        if size > limit:
            shown.append("…")
            break
        shown.append(piece)
    return "".join(shown)


def _escaped(char: str) -> str:
    code = ord(char)
    named = _NAMED.get(char)
    if named:
        return named
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def plain_lines(data: bytes, limit: int = 200) -> list[str]:
    """The lines of a console's text, without escape sequences, each at most ``limit`` characters."""
    text = _ESCAPES.sub("", data.decode("utf-8", "replace"))
    return [printable(line.rsplit("\r", 1)[-1], limit, lines=True) for line in re.split(r"\r*\n", text)]


# Runs of bytes that are harmless: printable ASCII, BEL BS HT LF CR, and well-formed UTF-8 beyond C1.
_PLAIN = re.compile(
    rb"(?:[\x07-\x0a\x0d\x20-\x7e]|\xc2[\xa0-\xbf]|[\xc3-\xdf][\x80-\xbf]"
    rb"|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+"
)
_UNFINISHED = re.compile(
    rb"[\xc2-\xdf]|\xe0[\xa0-\xbf]?|[\xe1-\xec\xee\xef][\x80-\xbf]?|\xed[\x80-\x9f]?"
    rb"|\xf0(?:[\x90-\xbf][\x80-\xbf]?)?|[\xf1-\xf3](?:[\x80-\xbf]{1,2})?|\xf4(?:[\x80-\x8f][\x80-\xbf]?)?"
)
_BIDI_BYTES = re.compile("[" + "".join(sorted(_BIDI)) + "]")
_REPLACEMENT = "\ufffd".encode()
_C0_KEPT = frozenset(b"\x07\x08\t\n\r")

_ESC, _CAN, _SUB, _BEL = 0x1B, 0x18, 0x1A, 0x07
_STRINGS = frozenset(b"]PX^_")  # OSC DCS SOS PM APC: all that follows is a message to the terminal
_LONGEST_STRING = 4096
_LONGEST_CSI = 32
_SHORT = frozenset(b"78DEHM=>")  # save and restore cursor, index, next line, tab stop, keypad mode
_CHARSETS = frozenset({b"(B", b"(0", b")B", b")0"})
_PRIVATE_MODES = frozenset({b"1", b"7", b"12", b"25", b"1049"})

# cursor, erase, insert and delete, scroll, attributes, tab stops: final byte -> most parameters
_CSI = dict.fromkeys(b"ABCDEFGIZJKLMPX@S`ade", 1) | dict.fromkeys(b"Hfr", 2) | {ord("T"): 1, ord("g"): 1}


class TerminalFilter:
    """Lets a guest draw on the user's terminal, and do nothing else to it.

    It passes printable UTF-8, BEL BS HT LF CR, cursor movement, erasing, colours, the scroll region, and the
    modes for cursor visibility, keys, wrapping and the alternate screen. It drops titles, the clipboard,
    window operations, printing, device strings, and everything that makes a terminal answer. With
    ``interactive`` it also passes the one question that line editors ask, for the cursor's position: the
    answer goes to the guest that asked. State is kept between calls of ``feed``.
    """

    def __init__(self, *, interactive: bool = False) -> None:
        self._interactive = interactive
        self._state = self._ground
        self._held = b""  # an unfinished UTF-8 character
        self._sequence = bytearray()
        self._string_size = 0
        self._touched: set[str] = set()

    def feed(self, data: bytes) -> bytes:
        """The part of ``data`` that may be written. An incomplete sequence waits for the next call."""
        out = bytearray()
        if self._held:
            data, self._held = self._held + data, b""
        at, end = 0, len(data)
        while at < end:
            at = self._state(data, at, out)
        return bytes(out)

    def reset(self) -> bytes:
        """The bytes that put the terminal back as it was before, to be written after the last output."""
        back = b"\x1b[0m"
        if "screen" in self._touched:
            back += b"\x1b[?1049l"
        if "region" in self._touched:
            back += b"\x1b7\x1b[r\x1b8"
        if "modes" in self._touched:
            back += b"\x1b[?1l\x1b[?7h\x1b[?12l\x1b[?25h\x1b[4l"
        if "short" in self._touched:
            back += b"\x1b>\x1b(B\x1b)B"
        self._touched.clear()
        return back

    def _ground(self, data: bytes, at: int, out: bytearray) -> int:
        plain = _PLAIN.match(data, at)
        if plain:
            out += _without_bidi(plain.group())
            return plain.end()
        byte = data[at]
        if byte == _ESC:
            self._state = self._escape
            self._sequence.clear()
        elif byte >= 0x80:
            unfinished = _UNFINISHED.match(data, at)
            if unfinished and unfinished.end() == len(data):
                self._held = data[at:]
                return len(data)
            if byte == 0xC2 and at + 1 < len(data) and 0x80 <= data[at + 1] <= 0x9F:
                return at + 2
            out += _REPLACEMENT
        return at + 1

    def _escape(self, data: bytes, at: int, out: bytearray) -> int:
        byte = data[at]
        if self._control(byte, out):
            return at + 1
        if byte == ord("[") and not self._sequence:
            self._state = self._csi
        elif byte in _STRINGS and not self._sequence:
            self._state = self._string
            self._string_size = 0
        elif 0x20 <= byte <= 0x2F:
            if len(self._sequence) < 2:
                self._sequence.append(byte)
        else:
            self._state = self._ground
            if byte >= 0x7F:
                return at
            self._sequence.append(byte)
            whole = bytes(self._sequence)
            if whole in _CHARSETS or (len(whole) == 1 and byte in _SHORT):
                out += b"\x1b" + whole
                self._touched.add("short")
        return at + 1

    def _csi(self, data: bytes, at: int, out: bytearray) -> int:
        byte = data[at]
        if self._control(byte, out):
            return at + 1
        if 0x20 <= byte <= 0x3F:
            if len(self._sequence) <= _LONGEST_CSI:
                self._sequence.append(byte)
            return at + 1
        self._state = self._ground
        if byte >= 0x7F:
            return at
        if len(self._sequence) <= _LONGEST_CSI and self._harmless(bytes(self._sequence), byte):
            out += b"\x1b[" + self._sequence + bytes((byte,))
        return at + 1

    def _string(self, data: bytes, at: int, out: bytearray) -> int:
        del out
        byte = data[at]
        self._string_size += 1
        if byte == _ESC:
            # either its end, ESC \, or a sequence that cuts it short
            self._state = self._escape
            self._sequence.clear()
        elif byte in (_BEL, _CAN, _SUB, 0x0A) or self._string_size > _LONGEST_STRING:
            self._state = self._ground
        return at + 1

    def _control(self, byte: int, out: bytearray) -> bool:
        """Controls inside a sequence act at once, as terminals do; CAN and SUB end it, ESC starts anew."""
        if byte >= 0x20:
            return False
        if byte in (_CAN, _SUB):
            self._state = self._ground
        elif byte == _ESC:
            self._state = self._escape
            self._sequence.clear()
        elif byte in _C0_KEPT:
            out.append(byte)
        return True

    def _harmless(self, parameters: bytes, final: int) -> bool:
        kind = chr(final)
        if kind in "hl":
            return self._mode(parameters)
        if not re.fullmatch(rb"(?:\d{0,5};){0,15}\d{0,5}", parameters):
            return False
        count = parameters.count(b";") + 1
        if kind == "m":
            return True
        if kind == "n":
            return self._interactive and parameters == b"6"
        if kind in "su":
            return not parameters
        if kind == "r":
            self._touched.add("region")
        return count <= _CSI.get(final, 0)

    def _mode(self, parameters: bytes) -> bool:
        if parameters == b"4":
            self._touched.add("modes")
            return True
        if not parameters.startswith(b"?") or not set(parameters[1:].split(b";")) <= _PRIVATE_MODES:
            return False
        self._touched.add("modes")
        if b"1049" in parameters:
            self._touched.add("screen")
        return True


def _without_bidi(run: bytes) -> bytes:
    if run.isascii():
        return run
    return _BIDI_BYTES.sub("", run.decode("utf-8")).encode()
