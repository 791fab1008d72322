"""Codes of faults in plugins (E8xx)."""

from __future__ import annotations

from hepppl.diagnostics.code import Code

PLUGINS: dict[str, Code] = {
    "E801": Code(
        "no such plugin",
        "Nothing is registered under this name. A plugin is found when its package is installed in the same "
        "environment as hepppl.",
        "model m {\n    param p: real = 0.5\n    b ~ bernoulli(p) by scoer\n    return b\n}",
        "`hepppl plugins list` shows what is registered, and by which package.",
    ),
    "E802": Code(
        "one name from two packages",
        "Two installed packages register the same name, and hepppl does not guess which one is meant.",
        "hepppl grad m.hep --by b=smooth_jumps",
        "Uninstall one of the two packages that the message names.",
    ),
    "E803": Code(
        "a plugin that cannot be imported",
        "The plugin is registered, but importing it failed for the reason given.",
        "hepppl grad m.hep --by b=broken",
        "Repair, upgrade or uninstall the package that the message names.",
    ),
    "E804": Code(
        "a plugin that does not fit",
        "The plugin was written for another version of the plugin interface, or is not what its entry point says.",
        "hepppl grad m.hep --by b=outdated",
        "Install a version of the package that fits this hepppl.",
    ),
    "E805": Code(
        "a plugin that failed",
        "The implementation of a plugin's function or distribution failed when it was called, or gave a value of "
        "another shape than its metadata says.",
        "hepppl simulate m.hep",
        "Repair, upgrade or uninstall the package that the message names.",
    ),
    "E806": Code(
        "a plugin that gave no number",
        "The estimator of a package gave NaN or infinity in some events: a value, its state, an offer, or the "
        "derivative of one of them. What it adds to the gradient is worthless.",
        "hepppl grad m.hep --by b=nan",
        "Take another estimator for the site (`--by`), and report it to the package that the message names.",
    ),
}
