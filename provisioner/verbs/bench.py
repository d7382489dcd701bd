"""``bench``: measures the guests of an instance against each other, on clones that are removed afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from provisioner import errors
from provisioner.cancellation import Cancellation
from provisioner.language import joined, msg
from provisioner.lifecycle import running
from provisioner.listener import Listener
from provisioner.measure import benchmark
from provisioner.measure.baseline import Against, compared
from provisioner.model.measured import Bench
from provisioner.model.plain import to_data
from provisioner.store import results
from provisioner.verbs import kept


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured."""

    bench: Bench
    against: Against | None  # what changed since an earlier result, where one was given
    not_kept: errors.VirtlabError | None  # why the result could not be kept for ``report``
    not_saved: errors.VirtlabError | None  # why it could not be written to the file that was named
    unreached: errors.VirtlabError | None  # why guests do not reach the host, so that no network was measured


def bench(
    target: str,
    connect: str | None,
    listener: Listener,
    *,
    quick: bool = False,
    save: Path | None = None,
    against: Path | None = None,
    cancelled: Cancellation | None = None,
) -> Measured:
    """Measures the guests, which are paused meanwhile, and keeps the result for ``report``.

    ``save`` is a file that gets the result, ``against`` one of an earlier run. Setting ``cancelled`` ends the
    run: the clones are taken away, the guests go on, and Cancelled is raised. Raises InputError where
    one of the files can't serve, NotFound where the instance is not up, GuestError where nothing could be
    measured (no result is kept then), and what libvirt refuses.
    """
    if save is not None:
        results.may_save(save)
    earlier = results.bench_in(against) if against is not None else None
    cancelled = cancelled or Cancellation()
    with running.lab_up(connect, target, cancelled=cancelled) as (session, instance, guests):
        result, unreached = benchmark.run(
            session, instance, guests, listener, quick=quick, cancelled=cancelled
        )
    if not any(series.values for outcome in result.outcomes for series in outcome.series):
        told = joined("\n", (msg("no guest could be measured"), *result.notes))
        raise unreached or errors.GuestError(told, hint=msg("see what is amiss: {virtlab} doctor"))
    origin, data = guests[0].metadata.origin, to_data(result)
    not_kept = kept.problem_of(
        lambda: results.save("bench", instance.name, origin.source, data, origin.choices.sets)
    )
    not_saved = kept.problem_of(lambda: results.save_bench(save, result)) if save is not None else None
    change = compared(earlier, result) if earlier is not None else None
    return Measured(result, change, not_kept, not_saved, unreached)
