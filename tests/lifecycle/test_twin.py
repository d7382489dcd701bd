"""A twin's definition where every notification is to be a register access."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from provisioner.measure.clone import without_eventfd
from provisioner.model import naming

XML = f"""\
<domain type="qemu">
  <metadata>
    <virtlab:stamp xmlns:virtlab="{naming.METADATA_URI}">{{"a":"b &amp; c"}}</virtlab:stamp>
  </metadata>
  <devices>
    <disk><driver name="qemu" type="qcow2"/><target dev="vda" bus="virtio"/></disk>
    <disk><driver name="qemu" type="qcow2"/><target dev="hda" bus="ide"/></disk>
    <controller type="scsi" index="0" model="virtio-scsi"/>
    <controller type="scsi" index="1" model="lsilogic"/>
    <interface type="user"><model type="virtio"/></interface>
    <interface type="user"><model type="e1000"/></interface>
  </devices>
</domain>
"""


def test_only_virtio_devices_are_changed() -> None:
    root = ET.fromstring(without_eventfd(XML))  # noqa: S314
    changed = [
        [driver.get("ioeventfd") for driver in device.iter("driver")] for device in root.iterfind("devices/*")
    ]
    assert changed == [["off"], [None], ["off"], [], ["off"], []]


def test_all_else_stays_the_stamp_above_all() -> None:
    text = without_eventfd(XML)
    assert "<virtlab:stamp" in text
    root = ET.fromstring(text)  # noqa: S314
    metadata = root.find(f"metadata/{{{naming.METADATA_URI}}}stamp")
    assert metadata is not None
    assert metadata.text == '{"a":"b & c"}'
    assert without_eventfd(text) == text
