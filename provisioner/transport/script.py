"""The small POSIX shell scripts that run inside guests."""

from __future__ import annotations

# Ends the process group of a command.
KILL = 'kill -s TERM -- "-$1"; sleep 1; kill -s KILL -- "-$1"'

# systemd where it is, else the classic way, else (an initramfs: nobody to ask) the kernel's.
POWER_OFF = (
    "sleep 0.2; command -v systemctl >/dev/null && exec systemctl poweroff; "
    "sync; poweroff; sleep 2; exec poweroff -f"
)

# Sets c to the console that the host is connected with, and t to its number in /proc/PID/stat. It is the
# first serial port, or what a hypervisor inside the machine gives its first guest instead.
_CONSOLE = "c=/dev/ttyS0 t=1088; [ -c $c ] || c=/dev/hvc0 t=58624; "
RESIZE = _CONSOLE + 'stty -F "$c" rows "$1" cols "$2"'
# For what runs at the console in front of its shell: sets f to its process group, and l to the session's
# leader, the shell. In /proc/PID/stat, after the name: state, parent, group, session, terminal, the
# terminal's foreground group.
_FRONT = _CONSOLE + (
    "front(){ f= l=; for s in /proc/[0-9]*/stat; do read -r w <$s || continue; "
    'set -- ${w##*) }; [ "$5" != "$t" ] || { f=$6 l=$4; }; done 2>/dev/null; }; '
)
# Succeeds where nothing does.
PROMPT = _FRONT + 'front; [ -n "$f" ] && [ "$f" = "$l" ]'
# Ends it, and then what comes to the foreground, until the shell is back.
LEAVE = _FRONT + (
    "for i in HUP HUP TERM KILL KILL; do front; "
    '[ -n "$f" ] && [ "$f" != "$l" ] || exit 0; kill -s $i -- "-$f"; sleep 0.3; done'
)


def finish_push(mode: int | None) -> str:
    """A script that gives a pushed file its name: it renames ``$1`` to ``$2`` where it has ``$3`` bytes."""
    change = f'chmod {mode & 0o7777:o} "$1" && ' if mode is not None else ""
    return (
        '[ "$(wc -c <"$1")" -eq "$3" ] || { echo "it arrived incomplete" >&2; exit 1; }; '
        f'{change}mv -f -- "$1" "$2"'
    )


def wrapper(most: int, *, compress: bool, packed_input: bool) -> str:
    """A script that runs its arguments as a command and ends with the command's exit code.

    It passes on the first ``most`` bytes of standard output and of standard error, gzipped with ``compress``.
    It reads the rest and throws it away, so that the command runs to its end, and neither the agent nor the
    guest's memory has to hold more. ``packed_input``: standard input arrives gzipped.
    """
    keep = f"head -c {most}"
    if compress:
        keep += "|gzip -c"
    # some shells take a name that begins with "-" for an option of exec, and others take "--" for a name
    refuse = 'case $1 in -*) echo "$1: not found" >&2; exit 127;; esac'
    command = f'({refuse}; exec "$@") 3>&- 4>&- 8>&- 9>&-; echo $? >&9'
    if packed_input:
        command = f"gzip -dc 2>/dev/null|{{ {command}; }}"
    return (
        f"k(){{ {keep}; cat >/dev/null; }}; exec 3>&1 4>&2; "
        f"r=$({{ {{ {{ {command}; }} 2>&8|k >&3; }} 8>&1|k >&4; }} 9>&1); exit $r"
    )
