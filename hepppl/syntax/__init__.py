"""From text to the abstract syntax tree, and back to text."""

from hepppl.syntax.files import read_source as read_source
from hepppl.syntax.parser import parse as parse
