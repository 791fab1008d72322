"""A package that adds to hepppl: an estimator, a distribution and a function."""
