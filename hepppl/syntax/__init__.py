"""From text to the abstract syntax tree, and back to text."""

from hepppl.syntax.parser import parse as parse
