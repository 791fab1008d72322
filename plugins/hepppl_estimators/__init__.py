"""hepppl's own gradient estimators, written against the public plugin interface alone."""
