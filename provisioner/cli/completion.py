"""What the shell completes: labs of the catalogue, labs that are up, their guests."""

from __future__ import annotations

from collections.abc import Iterable

import typer


def labs(incomplete: str) -> list[str]:
    """Names of labs that come with virtlab."""
    from provisioner.verbs import known_names

    return _beginning(known_names.labs(), incomplete)


def kept(incomplete: str) -> list[str]:
    """Names of labs that come with virtlab, and of instances that results are kept of."""
    from provisioner.verbs import known_names

    return _beginning(dict.fromkeys((*known_names.labs(), *known_names.kept())), incomplete)


def products(incomplete: str) -> list[str]:
    """Names of the article's products."""
    from provisioner.verbs import known_names

    return _beginning(known_names.products(), incomplete)


def lessons(incomplete: str) -> list[str]:
    """Names of labs that come with virtlab, and of this user's labs that are up."""
    return list(dict.fromkeys((*labs(incomplete), *instances(incomplete))))


def parts(incomplete: str) -> list[str]:
    """Names of labs that come with virtlab. After LAB/, that lab's guests which the host's libvirt runs."""
    from provisioner.verbs import known_names

    lab, slash, _ = incomplete.rpartition("/")
    if not slash:
        return labs(incomplete)
    return _beginning((f"{lab}/{guest}" for guest in known_names.top_level_guests(lab)), incomplete)


def instances(incomplete: str) -> list[str]:
    """Names of this user's labs that are up."""
    return sorted(_beginning({name for name, _ in _running()}, incomplete))


def guests(incomplete: str) -> list[str]:
    """LAB/GUEST of this user's labs that are up."""
    return sorted(_beginning((f"{name}/{guest}" for name, guest in _running()), incomplete))


def targets(incomplete: str) -> list[str]:
    """LAB and LAB/GUEST of this user's labs that are up."""
    running = _running()
    words = {name for name, _ in running} | {f"{name}/{guest}" for name, guest in running}
    return sorted(_beginning(words, incomplete))


def optional(context: typer.Context, incomplete: str) -> list[str]:
    """The optional guests of the lab that the command names."""
    from provisioner.verbs import known_names

    # where an option still lacks its value, nothing is assigned yet, and all arguments are left
    lab = context.params.get("lab") or next(iter(context.args), "")
    return _beginning(known_names.optional_guests(str(lab)), incomplete)


def sections(context: typer.Context, incomplete: str) -> list[str]:
    """The numbers of the sections of the guide that the command names."""
    from provisioner import errors
    from provisioner.report.preferred_language import preferred
    from provisioner.report.terminal import exercises_page
    from provisioner.verbs import guide as verbs

    lab = context.params.get("lab") or next(iter(context.args), "")
    try:
        whole = exercises_page.whole_guide(verbs.guide(str(lab), preferred(), None))
    except errors.VirtlabError:
        return []
    return _beginning((str(each.number) for each in verbs.sections(whole) if each.number), incomplete)


def _running() -> list[tuple[str, str]]:
    from provisioner.verbs import known_names

    return known_names.running()


def _beginning(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
