"""Where the absorber of `absorber.hep` must begin for its shower to interact at a mean radius of 2.

    python examples/design_absorber.py [steps]

The program's value is the squared distance from that, in each event; its expectation is searched by stochastic
gradients through the discrete choices of the shower (extra ``design``). The picture ``design_absorber.png`` shows the
search (extra ``plot``).
"""

from __future__ import annotations

import sys
from pathlib import Path

import hepppl


def main(steps: int = 150, picture: str | None = "design_absorber.png") -> None:
    model = hepppl.load(Path(__file__).with_name("absorber.hep"))
    found = model.optimize(
        lambda E: E["value"],
        steps=steps,
        params={"theta": 3.0},
        events=32,
        evaluate=10_000,
    )
    print(f"begin at       theta = {found.params['theta']:.3f} ± {found.error['theta']:.3f}")
    print(f"E[value]       {found.value:.4f} ± {found.se:.4f}")
    print(f"{found.reason}; {int(found.trace.events.sum()):,} events")
    if picture is not None:
        found.plot(picture)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
