# What the programs that measure tenants share. Each tenant is a control group, whatever its kind.

export PATH=/usr/sbin:/usr/bin
groups=/sys/fs/cgroup
inner=/usr/lib/virtlab/inner
most_seconds=60 # that one is busy, should nobody end it

die() {
    echo "$1" >&2
    exit "${2:-1}"
}

running() {
    "$inner" state | while read -r name state; do
        [ "$state" != running ] || echo "$name"
    done
}

require() {
    case " $all " in *" $1 "*) ;; *) die "$1 does not run here; these do: $all" ;; esac
}

# Sets kind, and accel: what runs it.
describe() {
    kind=container accel=none
    [ ! -f "/run/virtlab/inner/$1/accel" ] || { kind=machine && read -r accel <"/run/virtlab/inner/$1/accel"; }
}

# Microseconds of processor time that a tenant has had.
used() {
    while read -r key value; do
        [ "$key" != usage_usec ] || { echo "$value" && return; }
    done <"$groups/$1/cpu.stat"
}

# All tenants on these processors.
pin() {
    for tenant in $all; do
        echo "$1" >"$groups/$tenant/cpuset.cpus" || die "$tenant can't be kept on processor $1"
    done
}

# Stops a tenant (1), or lets it go on (0). A kernel's thread for KVM is in a machine's group, too, and does
# not freeze, so that the group never calls itself frozen.
freeze() {
    echo "$2" >"$groups/$1/cgroup.freeze" || die "$1 can't be frozen"
    usleep 20000
}

# Has tenants compute, each with one loop, and comes back when all do.
occupy() {
    for tenant; do
        setsid "$inner" exec "$tenant" -- timeout "$most_seconds" sh -c 'while :; do :; done' \
            </dev/null >/dev/null 2>&1 &
        occupied="$occupied $tenant:$!:$(used "$tenant")"
    done
    for one in $occupied; do
        tenant=${one%%:*} before=${one##*:} waited=0
        until [ $(($(used "$tenant") - before)) -ge 500000 ]; do
            [ $((waited += 1)) -le 200 ] || die "$tenant does not begin to compute"
            usleep 100000
        done
    done
}

still_occupied() {
    for one in $occupied; do
        one=${one#*:}
        kill -0 "${one%%:*}" 2>/dev/null || return 1
    done
}

# Ends what occupy began. A machine's answers to the next question by ending the last one's work.
release() {
    for one in $occupied; do
        tenant=${one%%:*} one=${one#*:}
        kill -9 "-${one%%:*}" 2>/dev/null
        echo 0 >"$groups/$tenant/cgroup.freeze"
    done
    read -r every <"$groups/cpuset.cpus.effective"
    pin "$every"
    waiting=
    for one in $occupied; do
        describe "${one%%:*}"
        [ "$kind" = machine ] || continue
        "$inner" exec "${one%%:*}" -- true </dev/null >/dev/null 2>&1 &
        waiting="$waiting $!"
    done
    [ -z "$waiting" ] || wait $waiting
    occupied=
}

# What runs this system, in words.
below() {
    [ -e /dev/cpu/0/cpuid ] || modprobe -q cpuid
    case $(dd if=/dev/cpu/0/cpuid bs=16 skip=67108864 count=1 2>/dev/null | tr -d '\0') in
        *KVMKVMKVM*) echo "KVM" ;;
        *TCG*) echo "emulation (TCG)" ;;
        *) echo "not known" ;;
    esac
}

occupied=
all=$(running | tr "\n" " ")
[ -n "$all" ] || die "no tenant runs here"
