"""From text to the abstract syntax tree, and back to text."""

from hepppl.syntax.dump import dump as dump
from hepppl.syntax.files import read_source as read_source
from hepppl.syntax.imports import link as link
from hepppl.syntax.parser import parse as parse
from hepppl.syntax.printer import format_file as format_file
