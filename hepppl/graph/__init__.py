"""The model graph: a checked program with everything that can be known of it before it runs.

`ModelGraph` is where front ends and back ends meet. It knows no text and no arrays. The typed program's own classes are
re-exported, so that back ends and the planner depend on this room alone.
"""

from hepppl.graph.crossings import INVERTIBLE, Case, Crossing, Obstacle, Step
from hepppl.graph.expressions import Expr, constant
from hepppl.graph.flow import Flow, RoughUse, differentiable
from hepppl.graph.model import ModelGraph
from hepppl.graph.processes import ProcessFacts
from hepppl.graph.scope import Enclosing, Place, SiteContext, places
from hepppl.graph.survey import unknown
from hepppl.semantics.ir import (
    OPS,
    By,
    Data,
    Dist,
    Node,
    Output,
    Param,
    Process,
    Program,
    Region,
    Support,
    Value,
    walk,
)
from hepppl.semantics.types import CollectionType, Tensor

__all__ = [
    "INVERTIBLE",
    "OPS",
    "By",
    "Case",
    "CollectionType",
    "Crossing",
    "Data",
    "Dist",
    "Enclosing",
    "Expr",
    "Flow",
    "ModelGraph",
    "Node",
    "Obstacle",
    "Output",
    "Param",
    "Place",
    "Process",
    "ProcessFacts",
    "Program",
    "Region",
    "RoughUse",
    "SiteContext",
    "Step",
    "Support",
    "Tensor",
    "Value",
    "constant",
    "differentiable",
    "places",
    "unknown",
    "walk",
]
