"""What a node is called in texts and pictures."""

from __future__ import annotations

from hepppl.semantics.ir import Dist, Node

_KINDS = {"for": "loop", "while": "loop"}
_STRUCTURAL = ("site", "branch", "plate", "process", "reduce", "spawn", "emit", "weight", "require", "param", "data")


def kind_of(node: Node) -> str:
    if node.op == "site" and node.attrs.get("observed"):
        return "observe"
    return node.op if node.op in _STRUCTURAL else _KINDS.get(node.op, "value")


def title(node: Node) -> str:
    """A short text: ``phi ~ uniform``, ``while (at most 400)``, ``spawn shower``."""
    name = node.attrs.get("name", "")
    match node.op:
        case "site":
            observed = "observe " if node.attrs.get("observed") else ""
            return f"{observed}{name} ~ {law_text(node.attrs['dist'])}"
        case "process":
            return f"{name} ~ {node.attrs['process']}"
        case "for" | "plate":
            return f"{node.op} {node.attrs['start']}..{node.attrs['stop']}"
        case "while":
            return f"while (at most {node.attrs['limit']})"
        case "branch":
            return "if"
        case "spawn":
            return f"spawn {node.attrs['process']}"
        case "reduce" | "emit" | "weight" | "require":
            return excerpt(node)
        case "const":
            return f"{node.attrs['value']}"
    return next((value.name for value in node.results if value.name), node.op)


def law_text(dist: Dist) -> str:
    inner = []
    for _, argument in dist.args:
        if isinstance(argument, Dist):
            inner.append(law_text(argument))
        elif isinstance(argument, tuple):
            inner.extend(law_text(d) for d in argument)
    return f"{dist.name}({', '.join(inner)})" if inner else dist.name


def excerpt(node: Node, width: int = 36) -> str:
    """The source text of a node on one line, shortened; it begins with what the node is."""
    text = " ".join(node.span.text.split())
    if node.op != "reduce" and not text.startswith(node.op):
        text = f"{node.op} {text}"
    return text if len(text) <= width else text[: width - 1] + "…"
