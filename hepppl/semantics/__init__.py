"""Names, types, dimensions and units: from the AST to the typed program."""

from hepppl.semantics.dims import readable_unit as readable_unit
from hepppl.semantics.dump import dump as dump
from hepppl.semantics.elaborate import check as check
from hepppl.semantics.units import parse_quantity as parse_quantity
from hepppl.semantics.units import parse_unit as parse_unit
