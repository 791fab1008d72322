"""What XLA is told of a CPU beside the program: whether it may use the widest vectors.

It keeps to 256 bits unless told, which costs a shower a tenth of its speed. But its arctangent for vectors of 512 bits
is wrong (0 for most arguments, in jaxlib 0.10.2, without a word), so a program is only widened if all its operations
are known to give the same numbers at both widths (tests/backend/test_compile_options.py). Nor is it where there are
log1p, erf_inv or lgamma (the first is in the others): XLA writes those for one number at a time, and LLVM turns a
kernel of wide vectors around them into sixteen copies, at a third of the speed.

Another option, `xla_cpu_copy_insertion_use_region_analysis`, spares loops a third of the copies of their state, and a
shower's gradient 3 % of its time. It is not to be used: with it jaxlib 0.12 overwrites states that are still needed,
and gives gradients of 0 (tests/backend/test_tape.py finds it).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jax

if TYPE_CHECKING:  # importing it imports Pallas too
    from jax.extend.core import Jaxpr

#: Functions of one number that the tests compare at both widths.
FUNCTIONS = frozenset("cbrt erf exp exp2 expm1 log logistic rsqrt sqrt tanh".split())
#: Arithmetic and structure.
PLAIN = frozenset(
    """abs add add_any and argmax argmin bitcast_convert_type broadcast_in_dim ceil clamp concatenate
    convert_element_type copy copy_p cummax cummin cumsum custom_jvp_call custom_vjp_call div dot_general
    dynamic_slice dynamic_update_slice eq floor gather ge gt integer_pow iota is_finite jit le lt max min mul mul_hi
    ne neg not or pow reduce_and reduce_max reduce_min reduce_or reduce_prod reduce_sum rem reshape rev round scan
    scatter scatter-add scatter-max scatter-min select_n shift_left shift_right_arithmetic shift_right_logical sign
    slice sort split square squeeze stack stop_gradient sub transpose while xor""".split()
)


def primitives(jaxpr: Jaxpr) -> Iterator[str]:
    """Names of the operations of a traced program, those of its loops and calls included."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for value in jax.tree.leaves(equation.params, is_leaf=lambda x: hasattr(x, "eqns") or hasattr(x, "jaxpr")):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from primitives(inner)


def compile_options(jaxpr: Jaxpr) -> dict[str, Any] | None:
    """What to tell the compiler of a program."""
    if jax.default_backend() != "cpu":
        return None
    return {"xla_cpu_prefer_vector_width": 512} if set(primitives(jaxpr)) <= FUNCTIONS | PLAIN else None
