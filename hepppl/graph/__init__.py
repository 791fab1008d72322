"""The model graph: a checked program with everything that can be known of it before it runs.

`ModelGraph` is where front ends and back ends meet. It knows no text and no arrays.
"""

from hepppl.graph.flow import Flow, RoughUse
from hepppl.graph.model import ModelGraph
from hepppl.graph.processes import ProcessFacts
from hepppl.graph.scope import Enclosing, SiteContext
from hepppl.semantics.ir import Dist, Node, Process, Program, Region, Value, walk
from hepppl.semantics.types import Tensor

__all__ = [
    "Dist",
    "Enclosing",
    "Flow",
    "ModelGraph",
    "Node",
    "Process",
    "ProcessFacts",
    "Program",
    "Region",
    "RoughUse",
    "SiteContext",
    "Tensor",
    "Value",
    "walk",
]
