"""The small POSIX shell scripts that run inside guests."""

from __future__ import annotations

# Ends the process group of a command, and removes its folder.
KILL = 'kill -s TERM -- "-$1"; sleep 1; kill -s KILL -- "-$1"; rm -rf "$2"'

# Fails, with the reason on standard error, where a guest lacks what ``wrapper`` needs. $1: as its ``folder``.
WORKS = 'd=$1works$$; mkdir "$d" && mkfifo "$d/o" && echo . | cat >"$d/1" && sleep 0 && rm -rf "$d"'

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


def wrapper(most: int, folder: str, *, compress: bool, packed_input: bool, lease: int = 0) -> str:
    """A script that runs its arguments as a command and ends with the command's exit code.

    It ends when the command has, and does not wait for processes that the command leaves in the background.
    The first ``most`` bytes of standard output and of standard error, and a few more, are kept in ``folder``,
    which the script makes. It reads the rest and throws it away, so that the command runs to its end, and
    neither the agent nor the guest's memory has to hold more. At the end it passes on what it kept, gzipped
    with ``compress``, and removes the folder, unless ``look`` was there before: then it leaves both to that.

    ``packed_input``: standard input arrives gzipped. ``lease``: the command is ended, and the folder removed,
    when so many seconds have passed without a ``look``.
    """
    # some shells take a name that begins with "-" for an option of exec, and others take "--" for a name
    refuse = 'case $1 in -*) echo "$1: not found" >&2; exit 127;; esac'
    command = f'({refuse}; exec "$@") >"$d/o" 2>"$d/e"'
    if packed_input:
        command = f"gzip -dc 2>/dev/null|{command}"
    blocks = most // 512 + 1  # the units of ulimit -f, in POSIX
    return (
        f'd={folder}; mkdir -m 700 "$d" && mkfifo "$d/o" "$d/e" || exit 125; '
        f'k(){{ (ulimit -f {blocks}; cat >"$d/$2"; : >"$d/$2.end"; exec cat) <"$d/$1" >/dev/null 2>&1 & }}; '
        f"k o 1; k e 2; {_LEASE.format(lease) if lease else ''}"
        # a shell tells on its own standard error of a command that was killed
        f"{{ {command}; r=$?; }} 2>/dev/null; "
        # what was written is there in an instant, unless a process in the background goes on writing
        'for s in 01 02 05 1 2 3 3; do [ -e "$d/1.end" ] && [ -e "$d/2.end" ] && break; sleep 0.$s; done; '
        f'{_SHOW.format("gzip -c" if compress else "cat")}: >"$d/ended"; '
        'if (set -C; : >"$d/taken") 2>/dev/null; then p <"$d/1"; p <"$d/2" >&2; rm -rf "$d"; fi; exit $r'
    )


_SHOW = "p(){{ {}; }}; "
# Ends its process group. Seconds are counted by sleeping, so that no jump of a clock ends the lease.
_LEASE = (
    'echo 0 >"$d/alive"; (n=0 b=; while sleep 1; [ -d "$d" ]; do a=; read -r a <"$d/alive"; '
    'if [ "$a" = "$b" ]; then n=$((n+1)); else n=0 b=$a; fi; [ "$n" -lt {} ] || break; done; '
    '[ -d "$d" ] || exit; e=; [ ! -e "$d/ended" ] || e=1; rm -rf "$d"; [ -z "$e" ] || exit; '
    'trap "" TERM; kill -s TERM -- "-$$"; sleep 1; kill -s KILL -- "-$$") </dev/null >/dev/null 2>&1 & '
)


def look(*, compress: bool) -> str:
    """A script that passes on what a command has written so far, and renews its lease.

    Its arguments: the folder, how many bytes of standard output and of standard error are known already, how
    many of each to pass on at most, and a word that differs each time. It fails where the folder is gone, and
    where the command has ended and passes on its output itself. What is not there yet, as on a host that is
    busy, is empty.
    """
    pack = "|gzip -c" if compress else ""
    return (
        'cd "$1" 2>/dev/null && echo "$5" >alive || exit 1; (set -C; : >taken) 2>/dev/null && : >looked; '
        f'[ -e looked ] || exit 1; p(){{ tail -c "+$(($2+1))" "$1" 2>/dev/null|head -c "$3"{pack}; }}; '
        'p 1 "$2" "$4"; p 2 "$3" "$4" >&2'
    )
