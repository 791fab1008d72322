"""Programs with a likelihood as NumPyro models, for HMC, variational inference and fits."""

from hepppl.backends.numpyro.model import NumpyroModel as NumpyroModel
