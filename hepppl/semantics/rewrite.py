"""Passes over finished IR: replacing nodes, removing what nothing uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hepppl.semantics.ir import Node, Region, Value, walk

#: Nodes that are kept whether or not their results are used.
EFFECTS = {"site", "process", "spawn", "emit", "weight", "require", "param", "data"}


def rewritten(region: Region, change: Callable[[Node], list[Node]]) -> Region:
    """A region with every node (inner regions first) replaced by what ``change`` makes of it."""
    nodes: list[Node] = []
    for node in region.nodes:
        if node.regions:
            inner = tuple(rewritten(r, change) for r in node.regions)
            node = Node(node.op, node.inputs, node.results, node.span, node.attrs, inner)
        nodes.extend(change(node))
    return Region(region.params, tuple(nodes), region.results)


class _Liveness:
    """Which values are needed by the roots: results that are kept, and the inputs of effects."""

    def __init__(self, region: Region, roots: Iterable[Value]):
        self.live: set[Value] = set()
        self.kept: set[Node] = set()
        self.made: dict[Value, tuple[Node, int]] = {}
        self.carried: dict[Value, tuple[Node, int]] = {}  # parameter of a loop's region -> (loop, carry)
        self.parent: dict[Node, Node] = {}
        self.todo: list[Value] = list(roots)
        effects = []
        for node in walk(region):
            for i, value in enumerate(node.results):
                self.made[value] = node, i
            for inner in node.regions:
                for child in inner.nodes:
                    self.parent[child] = node
                if node.op in ("for", "while"):
                    offset = len(inner.params) - len(node.results)
                    for i, value in enumerate(inner.params[offset:]):
                        self.carried[value] = node, i
            if node.op in EFFECTS:
                effects.append(node)
        for node in effects:
            self.keep(node)
        while self.todo:
            value = self.todo.pop()
            if value in self.live:
                continue
            self.live.add(value)
            if value in self.carried:
                self._carry(*self.carried[value])
            elif value in self.made:
                self._result(*self.made[value])

    def keep(self, node: Node) -> None:
        """A node that must run: what it reads, and the control flow around it."""
        while node not in self.kept:
            self.kept.add(node)
            if node.op == "while":
                self.todo.extend(node.regions[0].results)
            elif node.op == "branch":
                self.todo.extend(node.inputs)
            elif node.op not in ("for", "plate"):
                self.todo.extend(node.inputs)
                for region in node.regions:
                    self.todo.extend(region.results)
            if node not in self.parent:
                return
            node = self.parent[node]

    def _result(self, node: Node, i: int) -> None:
        self.keep(node)
        if node.op in ("for", "while"):
            self._carry(node, i)
        elif node.op in ("branch", "plate"):
            self.todo.extend(region.results[i] for region in node.regions)

    def _carry(self, node: Node, i: int) -> None:
        """A carry is needed: its initial value, what a turn leaves, and its parameter in every region."""
        self.todo.append(node.inputs[i])
        self.todo.append(node.results[i])
        for region in node.regions:
            self.todo.append(region.params[len(region.params) - len(node.results) + i])
        self.todo.append(node.regions[-1].results[i])


def pruned(region: Region) -> Region:
    """The region without pure nodes, branch results and loop carries that nothing needs."""
    found = _Liveness(region, region.results)
    return _sweep(region, found, region.params, region.results)


def _sweep(region: Region, found: _Liveness, params: tuple[Value, ...], results: tuple[Value, ...]) -> Region:
    nodes = []
    for node in region.nodes:
        if node not in found.kept:
            continue
        if node.op in ("branch", "for", "while", "plate"):
            node = _trim(node, found)
        elif node.regions:
            inner = tuple(_sweep(r, found, r.params, r.results) for r in node.regions)
            node = Node(node.op, node.inputs, node.results, node.span, node.attrs, inner)
        nodes.append(node)
    return Region(params, tuple(nodes), results)


def _trim(node: Node, found: _Liveness) -> Node:
    keep = [i for i, value in enumerate(node.results) if value in found.live]
    loop = node.op in ("for", "while")
    regions = []
    for region in node.regions:
        own = len(region.params) - (len(node.results) if loop else 0)
        params = (*region.params[:own], *(region.params[own + i] for i in keep)) if loop else region.params
        ends = (
            region.results
            if node.op == "while" and region is node.regions[0]
            else tuple(region.results[i] for i in keep)
        )
        regions.append(_sweep(region, found, params, ends))
    inputs = tuple(node.inputs[i] for i in keep) if loop else node.inputs
    return Node(node.op, inputs, tuple(node.results[i] for i in keep), node.span, node.attrs, tuple(regions))
