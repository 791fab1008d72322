"""Runs that are larger than one call: divided into parts by the numbers of the events, wherever the parts are run."""

from hepppl.scale.runs import Spread as Spread
from hepppl.scale.runs import differentiate as differentiate
from hepppl.scale.runs import simulate as simulate
from hepppl.scale.streams import stream as stream
