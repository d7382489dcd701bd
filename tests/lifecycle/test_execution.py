"""What ``up`` learns only while it works."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from provisioner.cancellation import Cancellation
from provisioner.hypervisor.image_volumes import StoredImage
from provisioner.lifecycle import execution, lab_files, preparation
from provisioner.lifecycle.request import Request
from provisioner.model import metadata, plan, selection
from provisioner.model.naming import ImageSet
from provisioner.model.observed import Observed
from provisioner.transport.parent import definition
from provisioner.units import MIB


def test_a_guest_inside_gets_what_an_image_just_made_needs() -> None:
    file, source = lab_files.locate("demo-xen")
    lab, choices = selection.settled(lab_files.load(file, source, ()), metadata.Choices(), (), ())
    origin = metadata.Origin("me", lab.name, lab.name, source, str(file), choices)
    observed = Observed((), ())
    made = plan.make(
        lab, origin, observed, dict.fromkeys((g.name for g in lab.top_level), "tcg"), session=True
    )
    prepared = preparation.Prepared(Request("demo-xen"), lab, origin, observed, {}, made, 0.0)
    anything = cast(Any, None)
    run = execution._Run(anything, prepared, anything, Cancellation())
    least = lab.guest("pv").memory + MIB
    image = StoredImage(ImageSet("xen", "a" * 12, "b" * 16, "me"), {f"memory-xen-domu-{least}": "/x"})
    run._fit_memory({"dom0": {"xen": image}})
    ((_, inside),) = run.inside._hosts
    fitted = run._lab.guest("pv")
    assert fitted.memory > least
    # what its host is told to start is what is kept as its definition
    assert [definition(guest) for guest in inside if guest.name == "pv"] == [definition(fitted)]
    assert fitted == replace(lab.guest("pv"), memory=fitted.memory)
