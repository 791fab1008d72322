"""The pure operations: every one of `ir.OPS`, its kind of number, and the cases where NumPy alone would differ."""

import numpy as np
import pytest

from hepppl.backends.reference.operations import ARRAYS, ELEMENTWISE, Numbers, RangeFault
from hepppl.semantics.ir import OPS

N64, N32 = Numbers(64), Numbers(32)


def test_every_operation_is_there():
    assert set(ELEMENTWISE) | set(ARRAYS) == set(OPS) - {"extern"}  # asked of a plugin


@pytest.mark.parametrize(
    ("op", "inputs", "kind", "attrs", "value"),
    [
        ("add", [True, True], "int", {}, 2),
        ("add", [True, 0.5], "real", {}, 1.5),
        ("div", [1, 4], "real", {}, 0.25),
        ("mod", [-7, 3], "int", {}, 2),
        ("pow", [2, 10], "int", {}, 1024),
        ("pow", [2, -1], "real", {}, 0.5),
        ("pow", [-2.0, 3], "real", {}, -8.0),
        ("neg", [True], "int", {}, -1),
        ("round", [2.5], "real", {}, 2.0),
        ("sign", [-3.0], "real", {}, -1.0),
        ("to_int", [3.0], "int", {}, 3),
        ("select", [False, 1, 0.5], "real", {}, 0.5),
        ("sigmoid", [-800.0], "real", {}, 0.0),
        ("softplus", [800.0], "real", {}, 800.0),
        ("lgamma", [5.0], "real", {}, np.log(24.0)),
        ("digamma", [1.0], "real", {}, -np.euler_gamma),
        ("erf", [0.5], "real", {}, 0.5204998778130465),
        ("stack", [1, 0.5], "real", {}, [1.0, 0.5]),
        ("index", [[[1, 2], [3, 4]], 1], "int", {}, [3, 4]),
        ("index", [[[1, 2], [3, 4]], 1, 0], "int", {}, 3),
        ("set_index", [[1, 2, 3], 9, 1], "int", {}, [1, 9, 3]),
        ("slice", [[1, 2, 3, 4]], "int", {"start": 1, "stop": 3}, [2, 3]),
        ("fill", [7], "int", {"size": 3}, [7, 7, 7]),
        ("fill", [7], "int", {"size": 0}, []),
        ("amin", [[[3, 1], [2, 5]]], "int", {}, [2, 1]),
        ("argsort", [[2.0, 1.0, 2.0, 0.0]], "int", {}, [3, 1, 0, 2]),
        ("reverse", [[1, 2, 3]], "int", {}, [3, 2, 1]),
        ("dot", [[1.0, 2.0], [3, 4]], "real", {}, 11.0),
        ("concatenate", [[1], [2, 3]], "int", {}, [1, 2, 3]),
        ("searchsorted", [[0.0, 1.0, 2.0], 1.0], "int", {}, 2),
        ("interp", [0.5, [0, 1], [10, 20]], "real", {}, 15.0),
    ],
)
@pytest.mark.parametrize("numbers", [N64, N32], ids=["64", "32"])
def test_value_and_kind(op, inputs, kind, attrs, value, numbers):
    kinds = {"f": "real", "i": "int", "b": "bool"}
    held = [numbers.of(kinds[np.asarray(x).dtype.kind], x) for x in inputs]
    result = numbers.apply(op, held, kind, attrs)
    assert np.asarray(result).dtype == getattr(numbers, kind)
    np.testing.assert_allclose(result, value, rtol=1e-6 if numbers is N32 else 1e-14)


@pytest.mark.parametrize(("index", "value"), [(-1, 10), (3, 30), (99, 30)])
def test_an_index_out_of_range_says_so_and_goes_on_with_the_nearest(index, value):
    with pytest.raises(RangeFault) as caught:
        N64.apply("index", [np.array([10, 20, 30]), index], "int", {})
    assert caught.value.value == value


def test_an_assignment_out_of_range_says_so_and_changes_nothing():
    array = np.array([10, 20, 30])
    with pytest.raises(RangeFault) as caught:
        N64.apply("set_index", [array, 5, 3], "int", {})
    assert caught.value.value.tolist() == [10, 20, 30]


def test_assignment_leaves_the_old_array_alone():
    array = np.array([10, 20, 30])
    N64.apply("set_index", [array, 5, 0], "int", {})
    assert array[0] == 10
