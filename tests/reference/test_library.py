"""The standard library, `hepppl/std`, against closed forms and against SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import hepppl
from hepppl.backends import reference
from hepppl.syntax.imports import LIBRARY, library

MZ, MC, MB, MT = 91188.0, 1273.0, 4183.0, 172570.0  # MeV


def values(file: str, *expressions: str) -> list[Any]:
    """What expressions are worth, with `lib` the imported file."""
    fields = ", ".join(f"v{i} = {e}" for i, e in enumerate(expressions))
    model = hepppl.parse(f'import "std/{file}" as lib\nmodel m {{\n    zero ~ delta(0)\n    return ({fields})\n}}')
    outputs = reference.simulate(model.program, 1).outputs
    return [outputs[f"v{i}"][0] for i in range(len(expressions))]


def beta(nf: int) -> tuple[float, float]:
    return (33 - 2 * nf) / (12 * np.pi), (153 - 19 * nf) / (24 * np.pi**2)


def integrated(alpha: float, start: float, end: float, nf: int, loops: int) -> float:
    b0, b1 = beta(nf)

    def slope(t: float, a: Any) -> Any:
        return -(b0 * a**2 + (b1 * a**3 if loops == 2 else 0))

    span = (2 * np.log(start), 2 * np.log(end))
    return float(solve_ivp(slope, span, [alpha], rtol=1e-11, atol=1e-13).y[0, -1])


def coupling(q: float, loops: int) -> float:
    """The flow from the mass of the Z, quark mass by quark mass."""
    alpha, scale, nf = 0.118, MZ, 5
    down = [(MB, 4), (MC, 3)]
    for mass, below in down if q < MZ else []:
        if q < mass:
            alpha, scale, nf = integrated(alpha, scale, mass, nf, loops), mass, below
    if q > MT:
        alpha, scale, nf = integrated(alpha, scale, MT, nf, loops), MT, 6
    return integrated(alpha, scale, q, nf, loops)


@pytest.mark.parametrize("q", [1500.0, 3000.0, 10_000.0, MZ, 160_000.0, 1e6, 1e7])
def test_the_running_coupling_solves_its_equation(q: float) -> None:
    one, two = values("qcd.hep", f"lib.alpha_s_one_loop({q} MeV + zero * MeV)", f"lib.alpha_s({q} MeV + zero * MeV)")
    assert one == pytest.approx(coupling(q, 1), rel=1e-8)
    assert two == pytest.approx(coupling(q, 2), rel=1e-8)


def test_the_coupling_from_another_value_and_its_pole() -> None:
    b0, _ = beta(5)
    (given, pole) = values(
        "qcd.hep", "lib.alpha_s_one_loop(20 GeV, at_mz = 0.13)", "lib.lambda_one_loop(0.118, 91.188 GeV, 5)"
    )
    assert given == pytest.approx(0.13 / (1 + 2 * b0 * 0.13 * np.log(20_000 / MZ)))
    assert pole == pytest.approx(MZ * np.exp(-1 / (2 * b0 * 0.118)))


def test_splitting_functions() -> None:
    """Momentum is conserved: of a quark (with its plus prescription) and of a gluon (with n = 3 flavours)."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    z, w = (nodes + 1) / 2, weights / 2
    qq, gq, gg, qg = (
        np.array(values("qcd.hep", *(form.format(z=x) for x in z)))
        for form in (
            "lib.p_qq({z}) * (1 - {z})",
            "lib.p_qq(1 - {z}) * {z}",
            "lib.p_gg({z}) * (1 - {z})",
            "lib.p_qg({z})",
        )
    )
    # A plus distribution integrates (g(z) - g(1)) / (1 - z); at z = 1 add 3/2 c_f, or the first coefficient of beta.
    quark = (w * (z * qq - 8 / 3) / (1 - z)).sum() + 4 / 3 * 3 / 2 + (w * gq).sum()
    gluon = (w * (z * gg - 6) / (1 - z)).sum() + (33 - 2 * 3) / 6 + 2 * 3 * (w * z * qg).sum()
    assert quark == pytest.approx(0, abs=1e-9)
    assert gluon == pytest.approx(0, abs=1e-9)


def test_decays_and_masses() -> None:
    m, a, b = 5279.0, 493.7, 3096.9
    kallen, k, e, phase, threshold = values(
        "kinematics.hep",
        f"lib.kallen({m**2!r}, {a**2!r}, {b**2!r})",
        f"lib.decay_momentum({m} MeV, {a} MeV, {b} MeV)",
        f"lib.decay_energy({m} MeV, {a} MeV, {b} MeV)",
        "lib.two_body_phase_space(10 GeV, 0 GeV, 0 GeV)",
        "lib.decay_momentum(1 GeV, 1 GeV, 1 GeV)",
    )
    triangle = (m**2 - (a + b) ** 2) * (m**2 - (a - b) ** 2)
    assert kallen == pytest.approx(triangle)
    assert k == pytest.approx(np.sqrt(triangle) / (2 * m))
    assert np.hypot(k, a) == pytest.approx(e)
    assert e + np.hypot(k, b) == pytest.approx(m)
    assert phase == pytest.approx(1 / (8 * np.pi))
    assert threshold == 0


def test_transverse_quantities_and_angles() -> None:
    mt, w, y, eta, across = values(
        "kinematics.hep",
        "lib.transverse_mass(3 GeV, 4 GeV)",
        "lib.transverse_mass_with_missing(40 GeV, 40 GeV, pi)",
        "lib.rapidity(5 GeV, 3 GeV)",
        "lib.pseudorapidity(1 GeV, 2 GeV)",
        "lib.delta_phi(3, -3)",
    )
    assert mt == pytest.approx(5000)
    assert w == pytest.approx(80_000)
    assert y == pytest.approx(0.5 * np.log(8 / 2))
    assert eta == pytest.approx(-np.log(np.tan(np.arctan2(1, 2) / 2)))
    assert across == pytest.approx(6 - 2 * np.pi)


def test_four_vectors() -> None:
    p = "lib.from_pt_eta_phi_mass(40 GeV, 1.2, 0.4, 91 GeV)"
    q = "p4(e = 30 GeV, px = 1 GeV, py = -20 GeV, pz = 5 GeV)"
    pt, eta, phi, mass, rest, back, both, s, gamma, beta_ = values(
        "kinematics.hep", f"{p}.pt", f"{p}.eta", f"{p}.phi", f"{p}.mass", f"lib.in_rest_frame({p}, {p}).e",
        f"boost(lib.in_rest_frame({q}, {p}), {p}).py", f"lib.invariant_mass({p}, {q})", f"lib.mandelstam({p}, {q})",
        f"lib.lorentz_gamma({p})", f"lib.lorentz_beta({p})",
    )  # fmt: skip
    assert (pt, eta, phi, mass) == pytest.approx((40_000, 1.2, 0.4, 91_000))
    assert rest == pytest.approx(91_000)
    assert back == pytest.approx(-20_000)
    assert both**2 == pytest.approx(s)
    assert gamma == pytest.approx(1 / np.sqrt(1 - beta_**2))


def test_the_isotropic_decay() -> None:
    """Its products make up the parent and have their masses; the direction in the rest frame is uniform."""
    model = hepppl.parse(
        'import "std/kinematics.hep" as lib\n'
        "model m {\n    parent = lib.from_pt_eta_phi_mass(40 GeV, 1.2, 0.4, 91 GeV)\n"
        "    d ~ lib.isotropic_decay(parent, 10 GeV, 20 GeV)\n    sum = d.first + d.second\n"
        "    return (m1 = d.first.mass, m2 = d.second.mass, pt = sum.pt, mass = sum.mass, "
        "c = lib.in_rest_frame(d.first, parent).pz / lib.decay_momentum(91 GeV, 10 GeV, 20 GeV))\n}\n"
    )
    out = reference.simulate(model.program, 400).outputs
    assert np.asarray(out["m1"]) == pytest.approx(10_000)
    assert np.asarray(out["m2"]) == pytest.approx(20_000)
    assert np.asarray(out["pt"]) == pytest.approx(40_000)
    assert np.asarray(out["mass"]) == pytest.approx(91_000)
    c = np.sort(np.asarray(out["c"]))
    assert np.abs((c + 1) / 2 - (np.arange(400) + 0.5) / 400).max() < 1.63 / 20  # Kolmogorov, 1 %


def test_every_file_of_the_library_is_checked_and_formatted() -> None:
    from hepppl.syntax import format_file, parse, read_source

    assert library() == ("std/kinematics.hep", "std/qcd.hep")
    for path in LIBRARY.glob("*.hep"):
        assert format_file(parse(read_source(path))) == path.read_text(encoding="utf-8")
        hepppl.parse(f'import "std/{path.name}"\nmodel m {{ return 1 }}')
