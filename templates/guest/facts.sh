# Tells what this system sees of the machine that it runs on, for provisioner/observe/parse.py.
# Programs start slowly on an emulated processor: few are started, the shell does the rest.

PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
export PATH LC_ALL=C

echo @processor
while IFS=: read -r name value; do
    case $name in model\ name*) echo "$value"; break ;; esac
done </proc/cpuinfo

# Where a device hangs: its real path names all that is between it and the processor.
echo @paths
for entry in /sys/block/* /sys/class/net/* /sys/bus/scsi/devices/*:*:*:*; do
    cd -P "$entry" && echo "$entry $PWD"
done 2>/dev/null

# Which port the agent has open, whatever its command line says.
echo @agent
for process in /proc/[0-9]*; do
    name=
    read -r name <"$process/comm"
    [ "$name" = qemu-ga ] || continue
    for file in "$process"/fd/*; do
        for port in /dev/ttyS* /dev/vport* /dev/hvc*; do
            [ "$file" -ef "$port" ] || continue
            echo "$port"
            break 3
        done
    done
done 2>/dev/null

echo @messages
dmesg 2>/dev/null | grep -e 'Hypervisor detected' -e 'Booting .*kernel on'

echo @names
lspci -Dmm 2>/dev/null

echo @listed
cd /sys && echo class/virtio-ports/* class/tty/hvc* bus/acpi/devices/QEMU* firmware/*

# Without what is said twice, and without the kinds of interrupts that never came.
echo @files
grep -vsH -e '^PCI_S' -e '^MODALIAS=pci' -e '^[A-Z]*: [0 ]* [A-Z]' \
    bus/pci/devices/*/uevent bus/virtio/devices/*/uevent bus/xen/devices/*/uevent \
    bus/vmbus/devices/*/uevent bus/usb/devices/*/uevent bus/scsi/devices/*:*:*:*/uevent \
    bus/scsi/devices/*/vendor bus/scsi/devices/*/model block/*/size class/net/*/address \
    class/virtio-ports/*/name class/tty/ttyS*/type class/misc/hw_random/rng_current \
    class/dmi/id/sys_vendor class/dmi/id/product_name kernel/boot_params/version \
    devices/system/cpu/online devices/system/clocksource/clocksource0/current_clocksource \
    devices/system/clocksource/clocksource0/available_clocksource /proc/sys/kernel/osrelease \
    /proc/sys/kernel/bootloader_type /run/virtlab/phases /proc/modules /proc/interrupts
grep -sH MemTotal /proc/meminfo

# Two leaves of 16 bytes, as they are.
echo @cpuid
[ -e /dev/cpu/0/cpuid ] || modprobe -q cpuid 2>/dev/null
[ ! -e /dev/cpu/0/cpuid ] || dd if=/dev/cpu/0/cpuid bs=16 skip=67108864 count=2 2>/dev/null
echo
echo @end
