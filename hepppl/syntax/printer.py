"""The canonical layout of a program: `hepppl fmt`.

Four blanks a level, one statement a line, lines of at most `WIDTH` columns where a bracket allows to break them,
one blank line at most, one around every item that has a block. Comments stay where they are: above, beside or below
the statement they belong to, and beside the element of a list. Formatting twice changes nothing more, and the text
means the same: its tree is that of the author's, parentheses included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hepppl.syntax import ast
from hepppl.syntax.phrases import Comments, Phrases
from hepppl.syntax.pretty import INDENT, Doc, render

WIDTH = 120


def format_file(file: ast.File) -> str:
    """The text of a program in canonical layout, with a newline at its end (empty for an empty program)."""
    lines = _Printer(file).body(file.items, file.span.end, 0, 0)
    return "".join(line + "\n" for line in lines)


@dataclass(frozen=True)
class _Entry:
    """A statement, an item or a comment, laid out; and the lines of the source that it took."""

    lines: list[str]
    first: int
    last: int
    item: bool = False
    apart: bool = False  # wants a blank line before and after it


class _Printer:
    def __init__(self, file: ast.File):
        self.source = file.span.source
        self.comments = Comments(file.comments)
        self.phrases = Phrases(self.comments)

    # ------------------------------------------------------------ one below the other

    def body(self, nodes: Sequence[ast.Node], end: int, level: int, line: int) -> list[str]:
        """The lines of statements or items, and of the comments among them, up to the offset ``end``. ``line`` is
        that of the brace before them."""
        entries = list(self._entries(nodes, end, level, line))
        lines: list[str] = []
        for i, entry in enumerate(entries):
            if i and (entry.first > entries[i - 1].last + 1 or _set_apart(entries, i)):
                lines.append("")
            lines += entry.lines
        return lines

    def _entries(self, nodes: Sequence[ast.Node], end: int, level: int, line: int) -> Iterator[_Entry]:
        for i, node in enumerate(nodes):
            for comment in self.comments.before(node.span.start):
                yield _comment(comment, level, line)
            lines = self._node(node, level)
            first = node.span.line
            for comment in self.comments.before(node.span.end):  # there was no place for these inside
                yield _Entry([" " * (level * INDENT) + comment.text], first, first - 1)
            beside = self.comments.beside(node.span.end, nodes[i + 1].span.start if i + 1 < len(nodes) else end)
            if beside is not None:
                lines[-1] += f"  {beside.text}"
            last = self.source.position(node.span.end - 1)[0]
            yield _Entry(lines, first, last, level == 0, level == 0 and _block(node) is not None)
        for comment in self.comments.before(end):
            yield _comment(comment, level, line)

    # ------------------------------------------------------------ one statement or item

    def _node(self, node: ast.Node, level: int) -> list[str]:
        if isinstance(node, ast.IfStmt):
            return self._if(node, level)
        head, block = self.phrases.head(node), _block(node)
        if block is None:
            return self._lines(head, level, WIDTH)
        return self._with_block(self._lines(head, level, WIDTH - 2), block, level)

    def _if(self, node: ast.IfStmt, level: int) -> list[str]:
        lines: list[str] = []
        word = "if "
        for cond, block in node.branches:
            lines += self._with_block(self._lines((word, self.phrases.expr(cond)), level, WIDTH - 2), block, level)
            word = f"{lines.pop().strip()} else if "
        lines.append(" " * (level * INDENT) + word.removesuffix(" else if "))
        if node.other is not None:
            lines += self._with_block([f"{lines.pop()} else"], node.other, level)
        return lines

    def _with_block(self, lines: list[str], block: ast.Block, level: int) -> list[str]:
        """The head of a block, its body and its end."""
        start = block.span.start
        beside = self.comments.beside(start + 1, block.stmts[0].span.start if block.stmts else block.span.end)
        inside = self.body(block.stmts, block.span.end, level + 1, self.source.position(start)[0])
        if not inside and beside is None:
            return [*lines[:-1], f"{lines[-1]} {{ }}"]
        opening = f"{lines[-1]} {{" + (f"  {beside.text}" if beside is not None else "")
        return [*lines[:-1], opening, *inside, " " * (level * INDENT) + "}"]

    def _lines(self, doc: Doc, level: int, width: int) -> list[str]:
        indent = level * INDENT
        return (" " * indent + render(doc, indent, width)).split("\n")


def _comment(comment: ast.Comment, level: int, line: int) -> _Entry:
    place = max(comment.span.line, line)
    return _Entry([" " * (level * INDENT) + comment.text], place, place)


def _set_apart(entries: list[_Entry], i: int) -> bool:
    """Whether the layout wants a blank line here that the author did not write: after an item, where it or the next
    has a block, and no blank line stands between the two."""
    if not entries[i - 1].item:
        return False
    following = next((k for k in range(i, len(entries)) if entries[k].item), None)
    if following is None or not (entries[i - 1].apart or entries[following].apart):
        return False
    return not any(b.first > a.last + 1 for a, b in pairwise(entries[i - 1 : following + 1]))


def _block(node: ast.Node) -> ast.Block | None:
    """The block that ends a statement or item (of an ``if``, the first)."""
    match node:
        case ast.IfStmt():
            return node.branches[0][1]
        case ast.ForStmt() | ast.WhileStmt() | ast.PlateStmt() | ast.ProcessItem() | ast.ModelItem():
            return node.body
        case ast.FnItem(body=ast.Block() as body):
            return body
    return None
