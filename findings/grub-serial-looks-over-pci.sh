#!/bin/sh
# GRUB's module for serial ports looks over every slot of 256 PCI buses as soon as it is loaded (2.12 and newer).
#
# Version   GRUB 2.12-9+deb13u4 of Debian 13 beside GRUB 2.06 of Debian 12; QEMU 7.2 of Debian 12, emulated.
# Expected  `serial --unit=0` is about one ISA port: some accesses to its registers, as with 2.06.
# Happens   From 2.12 on the module also takes PCI cards with serial ports (grub_pciserial_init), and looks for them
#           when it is loaded, whatever port is asked for: 256 buses of 32 slots. Where each look is dear, as in a
#           Xen domain whose device model runs in Domain 0, GRUB takes minutes to its prompt on port 0x3f8.
# Seen      writes to PCI's address register (0xcf8) until GRUB prints its first word, the firmware's included:
#           2.06: 327; 2.12: 8540.
#
# Needs mmdebstrap, root and qemu-system-x86_64; nothing is installed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
printf 'serial --unit=0\nterminal_output serial\necho at the end\n' >early.cfg

# Prints how many looks that release's GRUB takes, started as a kernel, until it has written on the serial port.
looks() {
    packages=grub-common,grub-pc-bin,libc6,liblzma5,libdevmapper1.02.1
    mmdebstrap --quiet --variant=extract --include="$packages" "$1" "$1.tar" 2>/dev/null
    mkdir "$1"
    tar -x -f "$1.tar" -C "$1"
    platform=$1/usr/lib/grub/i386-pc
    for loader in "$1"/usr/lib64/ld-linux-x86-64.so.2 "$1"/lib64/ld-linux-x86-64.so.2; do
        [ ! -f "$loader" ] || break
    done
    "$loader" --library-path "$1/usr/lib/x86_64-linux-gnu:$1/lib/x86_64-linux-gnu" "$1/usr/bin/grub-mkimage" \
        -d "$platform" -O i386-pc -p '(memdisk)/' -c early.cfg -o core.img serial terminal echo
    cat "$platform/lnxboot.img" core.img >kernel
    qemu-system-x86_64 -accel tcg -m 64 -nodefaults -display none -net none -serial "file:$1.told" \
        -kernel kernel -d trace:memory_region_ops_write -D "$1.log" &
    qemu=$!
    waited=0
    until grep -qs 'at the end' "$1.told" || [ "$waited" -gt 300 ]; do
        sleep 0.2
        waited=$((waited + 1))
    done
    kill "$qemu"
    wait "$qemu" 2>/dev/null || true
    grep -q 'at the end' "$1.told"
    grep -c "name 'pci-conf-idx'" "$1.log"
}

old=$(looks bookworm 2>/dev/null)
new=$(looks trixie 2>/dev/null)
echo "2.06 of Debian 12: $old; 2.12 of Debian 13: $new"
[ "$old" -lt 1000 ] || { echo "changed: 2.06 looks, too"; exit 1; }
[ "$new" -gt 8192 ] || { echo "changed: 2.12 does not look"; exit 1; }
echo "as described"
