"""``hepppl plugins list``, ``show NAME`` and ``check NAME``: what is registered, by whom, and whether it conforms."""

from __future__ import annotations

from typing import Any

import click

from hepppl.cli import common, text


@click.group(invoke_without_command=True, short_help="What is registered, and by whom.")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Plugins: gradient estimators and more, from any installed package."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(listing)


@command.command(name="list", cls=common.Command)
@common.JSON
def listing(as_json: bool = False) -> None:
    """Every registered plugin: kind, name, package and what it does; warnings for those that cannot be used."""
    from hepppl.distributions import registry as distributions
    from hepppl.plugin import registry

    built_in = {distributions.GROUP: distributions.built_in()}
    found = [listed for group in registry.GROUPS for listed in registry.listing(group, built_in.get(group, ()))]
    problems = [listed.problem for listed in found if listed.problem is not None]
    if as_json:
        common.print_json(
            {"plugins": [row(listed) for listed in found], "warnings": common.diagnostics_as_dicts(problems)}
        )
    else:
        lines = [
            (r["kind"], r["name"], f"{r['package']} {r['version']}".strip(), r["summary"] or "cannot be used")
            for r in map(row, found)
        ]
        click.echo(text.table(("kind", "name", "package", "summary"), lines))
    common.show_diagnostics(problems)


def row(listed: Any) -> dict[str, Any]:
    from hepppl.plugin import registry

    entry = listed.entry
    target = None if listed.problem else registry.load(entry.group, entry.name)
    return {
        "kind": registry.GROUPS[entry.group],
        "name": entry.name,
        "package": entry.package,
        "version": entry.version,
        "target": entry.point.value,
        "summary": getattr(target, "summary", None),
        "usable": target is not None,
    }


@command.command(cls=common.Command)
@click.argument("name")
@common.JSON
def show(name: str, as_json: bool) -> None:
    """What one plugin says of itself: its arguments or options, its cost, the paper behind it."""
    from hepppl.plugin import registry

    group = next((g for g in registry.GROUPS if name in registry.names(g)), "hepppl.estimators")
    target = registry.load(group, name)
    entry = registry.find(group, name)
    about: dict[str, Any] = {
        "kind": registry.GROUPS[group],
        "name": name,
        "package": str(entry),
        "target": entry.point.value,
        "summary": getattr(target, "summary", ""),
        "signature": getattr(target, "signature", ""),
        "parameters": [p.name for p in getattr(target, "parameters", ())],
        "smooth": getattr(target, "smooth", None),
        "unbiased": getattr(target, "unbiased", None),
        "cost": getattr(target, "cost", ""),
        "options": dict(getattr(target, "options", {})),
        "citation": getattr(target, "citation", ""),
    }
    if as_json:
        common.print_json(about)
        return
    words = {True: "yes", False: "no", None: ""}
    options = ", ".join(f"{key} = {value!r}" for key, value in about["options"].items())
    shown = {
        **about,
        "parameters": ", ".join(about["parameters"]),
        "smooth": words[about["smooth"]],
        "unbiased": words[about["unbiased"]],
        "options": options or ("none" if group == "hepppl.estimators" else ""),
    }
    for key, value in shown.items():
        if value:
            click.echo(f"{click.style(key.ljust(10), dim=True)}{value}")


@command.command(cls=common.Command)
@click.argument("name")
@click.option(
    "--kind", type=click.Choice(["estimator", "distribution", "function"]), help="Where a name is of several."
)
@click.option("-n", "--events", "n", type=int, default=20_000, show_default=True, help="Events of a statistical run.")
@click.option("-s", "--seed", type=int, default=1, show_default=True, help="Seed, 0 to 2^64 - 1.")
@common.JSON
def check(name: str, kind: str | None, n: int, seed: int, as_json: bool) -> None:
    """Run the conformance kit (hepppl.testing) on one plugin; exit status 3 where it does not conform."""
    from hepppl import inputs, trust
    from hepppl.diagnostics import Diagnostic
    from hepppl.testing import check as run

    n, seed = inputs.check_run(n, seed)

    def told(found: Any) -> None:
        if not as_json:
            colour = {"passed": "green", "failed": "red"}.get(found.status, "yellow")
            status = click.style(found.status.ljust(8), fg=colour)
            click.echo(f"{found.name.ljust(28)}{status}{found.detail}")

    report = run(name, kind, told=told, events=n, seed=seed)
    failed = ", ".join(c.name for c in report.failed)
    message = f"{report.kind} '{name}' of package {report.package} does not conform: {failed}"
    if as_json and report.ok:
        common.print_json(report.to_dict())
    click.get_current_context().meta["hepppl.partial"] = report.to_dict()
    trust.agreed(report, [Diagnostic("E908", message)] if failed else [])
    if not as_json:
        click.echo(f"{report.kind} '{name}' of package {report.package} conforms")
