# What the programs have in common that run guests inside this one, be they machines, Xen domains or containers:
# the words that virtlab gives them, and what it is told. docs/guests-inside.md is the whole of it.
#
# A program sets these, reads this file, and ends with: serve "$@"
#
#   kind, called          the kind of guest that it runs, as a definition says it; its word for several of them
#   memory, interfaces    what a guest has where its definition does not say it
#   more                  verbs of its own, each of them the name of a function; none where it is not set
#
# It has these functions, which find the guest's name in $name:
#
#   find_running          whether the guest runs; it may set what the other functions need
#   start_guest           starts the guest, whose definition was read, and comes back when it answers
#   stop_guest            ends the guest, where it runs
#   enter WORD...         becomes that command in the guest, which runs; 125 where there is no way into it
#   sit_down              becomes the console of the guest, which runs
#   known_guests          prints the names of all guests that it knows of, where they have no folders in $home
#   said                  prints what the guest and who runs it said of its start, where that is kept
#
# Who calls await_answer has two more:
#
#   has_given_up          whether the guest, which runs, says that it can't come up
#   pause                 the microseconds between two looks at a guest that is waited for
#
# shellcheck shell=sh disable=SC2034,SC2154 # what a program sets, this file uses, and the other way round

PATH=/usr/sbin:/usr/bin
export PATH
cant_reach=125

fail() {
    echo "$1" >&2
    exit "${2:-1}"
}

usage() {
    fail "usage: inner start|stop|said|console${more:+|$more} NAME, inner exec NAME -- WORD..., or inner state" "$cant_reach"
}

known_guests() {
    for folder in "$home"/*; do
        [ ! -d "$folder" ] || echo "${folder##*/}"
    done
}

said() {
    :
}

# Of what was said, on standard input, the first line that names a cause; else the last one.
cause() {
    tr -d '\r' | awk '
        /[Kk]ernel panic|npacking failed|No space left|[Oo]ut of memory|[Ee]rror:/ { print; found = 1; exit }
        NF { last = $0 }
        END { if (!found && last != "") print last }
    '
}

# Fails with what became of the guest, and why.
died() {
    why=$(said | cause)
    fail "$name $1${why:+: $why}"
}

# Comes back when the guest answers a first command. Fails as soon as it has ended or has given up: nobody has
# to wait for what is dead.
await_answer() {
    began=$own/began
    : >"$began"
    enter true </dev/null >/dev/null 2>"$own/asked" &
    asked=$!
    while usleep "$pause"; do
        if ! find_running; then
            echo "ended while it started" >"$began"
        elif has_given_up; then
            echo "gave up while it started" >"$began"
        else
            continue
        fi
        kill "$asked"
        break
    done </dev/null >/dev/null 2>&1 &
    watcher=$!
    wait "$asked" 2>/dev/null
    answered=$?
    kill "$watcher" 2>/dev/null
    read -r became <"$began" || became=
    [ "$became" = "ended while it started" ] || [ -z "$became" ] || stop_guest
    [ -z "$became" ] || died "$became"
    [ "$answered" = 0 ] || fail "$name: $(tail -n 1 "$own/asked")"
}

# Reads a definition from standard input: lines of KEY=VALUE. What has an unknown key is for other programs.
read_definition() {
    definition='' wanted=$kind processors=1 disks=0 sizes='' image='' machine='' arguments='' hostname=$name
    accel=auto hyperv='' kvm='' timers=''
    while IFS= read -r line; do
        definition="$definition$line
"
        value=${line#*=}
        case $line in
            kind=*) wanted=$value ;;
            memory=*) memory=$value ;;
            processors=*) processors=$value ;;
            disks=*) disks=$value ;;
            disk-sizes=*) sizes=$value ;;
            interfaces=*) interfaces=$value ;;
            image=*) image=$value ;;
            machine=*) machine=$value ;;
            kernel-args=*) arguments=$value ;;
            hostname=*) hostname=$value ;;
            accel=*) accel=$value ;;
            hyperv=*) hyperv=$value ;;
            kvm=*) kvm=$value ;;
            timers=*) timers=$value ;;
        esac
    done
    [ "$wanted" = "$kind" ] || fail "$name: this guest runs $called, and no guest of kind $wanted"
    case $memory in '' | 0 | *[!0-9]*) fail "$name: its definition says no memory (in MiB)" ;; esac
    case $processors in '' | 0 | *[!0-9]*) fail "$name: $processors is no number of processors" ;; esac
    case $disks in '' | *[!0-9]*) fail "$name: $disks is no number of disks" ;; esac
    case $interfaces in '' | *[!0-9]*) fail "$name: $interfaces is no number of interfaces" ;; esac
}

# Whether the guest has ended, or does so while it is looked at so often, with so many microseconds between.
has_ended() {
    looked=0
    while find_running; do
        looked=$((looked + 1))
        [ "$looked" -le "$1" ] || return 1
        usleep "$2"
    done
}

serve() {
    verb=$1
    name=$2
    case $verb in
        start | stop | state | exec | console | said) ;;
        *) case " $more " in *" ${verb:-none} "*) ;; *) usage ;; esac ;;
    esac
    [ "$verb" = state ] || case $name in '' | *[!a-z0-9-]* | -*) usage ;; esac
    case $verb in
        state)
            for name in $(known_guests); do
                if find_running; then echo "$name running"; else echo "$name stopped"; fi
            done
            ;;
        start)
            read_definition
            ! find_running || fail "$name runs already"
            start_guest
            ;;
        stop) stop_guest ;;
        said)
            find_running
            said | tail -n 20
            ;;
        exec)
            if [ "$#" -lt 4 ] || [ "$3" != -- ]; then usage; fi
            shift 3
            find_running || fail "$name does not run" "$cant_reach"
            enter "$@"
            ;;
        *)
            find_running || fail "$name does not run" "$cant_reach"
            shift 2
            if [ "$verb" = console ]; then sit_down; else "$verb" "$@"; fi
            ;;
    esac
}
