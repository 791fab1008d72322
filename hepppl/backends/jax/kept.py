"""Collections that must outlive the run that fills them, as arrays.

A reduction is accumulated while its process runs, and what was emitted is gone. That is not possible where the
reduction needs a value that is known only later, or where the collection is joined over branches, carried by a loop or
used by another process. The program is then rewritten: such a collection becomes its number of elements and, for each
field that is read, an array with room for ``capacity`` of them; its reductions become ``fold`` nodes over these arrays.
A run in which an event has more elements is repeated with more room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hepppl.graph import CollectionType, Node, Process, Program, Region, Tensor, Value, unknown, walk

BOOL = Tensor("bool")


def with_kept(program: Program, capacity: int) -> Program:
    """The program with such collections as arrays; the program itself where there are none."""
    kept = Kept(program, capacity)
    return kept.rewritten() if kept.roots else program


class Kept:
    def __init__(self, program: Program, capacity: int):
        self.program, self.capacity = program, capacity
        self.parent: dict[Value, Value] = {}
        self.runs: dict[Value, tuple[Node, Region]] = {}  # collection -> the process node and its region
        self.late: set[Node] = set()  # reductions that cannot be accumulated
        self.moved: dict[Node, list[Node]] = {}  # process -> reductions to place right after it
        self.next = 1 + max((v.id for b in self._bodies() for n in walk(b) for v in n.results), default=0)
        for body in self._bodies():
            self._region(body)
        self.roots = {self._root(v) for v in self.parent}
        self._reductions()
        self.fields = {root: self._fields(root) for root in self.roots}
        self.arrays: dict[Value, tuple[Value, ...]] = {}

    def _bodies(self) -> Iterator[Region]:
        yield self.program.body
        yield from (p.body for p in self.program.processes.values())

    # ------------------------------------------------------------ which collections

    def _root(self, value: Value) -> Value:
        while value in self.parent and self.parent[value] is not value:
            value = self.parent[value]
        return value

    def _same(self, *groups: Iterable[Value]) -> None:
        """Position by position, these are one collection."""
        for values in zip(*groups, strict=True):
            if isinstance(values[0].type, CollectionType):
                first = self._root(values[0])
                for value in values:
                    self.parent[self._root(value)] = first
                self.parent[first] = first

    def _region(self, region: Region) -> None:
        for node in region.nodes:
            if node.op == "process":
                self.runs[node.results[0]] = node, region
            match node.op:
                case "branch":
                    self._same(node.results, *(r.results for r in node.regions))
                case "plate":
                    self._same(node.results, node.regions[0].results)
                case "element":
                    self._same(node.inputs[:1], node.results)
                case "for":
                    (body,) = node.regions
                    self._same(node.inputs, node.results, body.params[1:], body.results)
                case "while":
                    cond, body = node.regions
                    self._same(node.inputs, node.results, cond.params, body.params, body.results)
                case "process" | "spawn":
                    self._same(node.inputs, self.program.processes[node.attrs["process"]].formals)
            for inner in node.regions:
                self._region(inner)

    def _reductions(self) -> None:
        """Those of a run's own collection that are late, and those that stand in a block after it."""
        for body in self._bodies():
            for node in walk(body):
                if node.op == "reduce":
                    self._reduction(node)

    def _reduction(self, node: Node) -> None:
        collection = node.inputs[0]
        if collection not in self.runs:
            self.late.add(node)
            return
        process, region = self.runs[collection]
        if unknown(process, region) & set(node.inputs[1:]):
            self.late.add(node)
            self.parent.setdefault(collection, collection)
            self.roots.add(self._root(collection))
        elif node not in region.nodes:
            self.moved.setdefault(process, []).append(node)

    def _fields(self, root: Value) -> tuple[int, ...]:
        """The fields that late reductions of a collection read."""
        used: set[int] = set()
        for node in self.late:
            if self._root(node.inputs[0]) is root:
                (region,) = node.regions
                read = {v for n in region.nodes for v in n.inputs} | set(region.results)
                assert isinstance(root.type, CollectionType)
                used |= {i for i in range(len(root.type.fields)) if region.params[i] in read}
        return tuple(sorted(used))

    # ------------------------------------------------------------ the new program

    def rewritten(self) -> Program:
        processes = {
            key: Process(key, self._expand(p.formals), self._rewrite(p.body), p.fields, p.span)
            for key, p in self.program.processes.items()
        }
        return replace(self.program, body=self._rewrite(self.program.body), processes=processes)

    def _fresh(self, type_: Tensor | CollectionType, name: str | None) -> Value:
        self.next += 1
        return Value(self.next, type_, name)

    def _of(self, value: Value) -> tuple[Value, ...]:
        """The number of elements and the arrays of a collection."""
        if value not in self.arrays:
            assert isinstance(value.type, CollectionType)
            shape = value.type.shape
            types = [value.type.fields[i][1] for i in self.fields[self._root(value)]]
            room = [Tensor(t.kind, t.dim, (*shape, self.capacity, *t.shape)) for t in types]
            self.arrays[value] = tuple(self._fresh(t, value.name) for t in (Tensor("int", shape=shape), *room))
        return self.arrays[value]

    def _kept(self, value: Value) -> bool:
        return isinstance(value.type, CollectionType) and self._root(value) in self.roots

    def _expand(self, values: Iterable[Value]) -> tuple[Value, ...]:
        return tuple(v for value in values for v in (self._of(value) if self._kept(value) else (value,)))

    def _rewrite(self, region: Region) -> Region:
        nodes = [new for node in region.nodes for new in self._node(node)]
        return Region(self._expand(region.params), tuple(nodes), self._expand(region.results))

    def _node(self, node: Node) -> list[Node]:
        if node.op == "reduce":
            if node in self.late:
                return [self._fold(node)]
            return [] if any(node in moved for moved in self.moved.values()) else [node]
        if node.op == "process":
            new = Node("process", self._expand(node.inputs), node.results, node.span, node.attrs)
            keeps = self._keeps(node) if self._kept(node.results[0]) else []
            return [new, *self.moved.get(node, []), *keeps]
        if node.op == "element":
            pairs = zip(self._of(node.inputs[0]), self._of(node.results[0]), strict=True)
            return [Node("index", (a, *node.inputs[1:]), (b,), node.span, node.attrs) for a, b in pairs]
        regions = tuple(map(self._rewrite, node.regions))
        return [Node(node.op, self._expand(node.inputs), self._expand(node.results), node.span, node.attrs, regions)]

    def _fold(self, node: Node) -> Node:
        collection, *captured = node.inputs
        (region,) = node.regions
        fields = self.fields[self._root(collection)]
        first = len(region.params) - len(captured)
        params = (*(region.params[i] for i in fields), *region.params[first:])
        inner = Region(params, region.nodes, region.results)
        attrs: Mapping[str, Any] = {**node.attrs, "fields": len(fields)}
        return Node("fold", (*self._of(collection), *captured), node.results, node.span, attrs, (inner,))

    def _keeps(self, node: Node) -> list[Node]:
        """The reductions that fill the arrays of what a process emits."""
        (collection,) = node.results
        assert isinstance(collection.type, CollectionType)
        count, *arrays = self._of(collection)
        true = self._fresh(BOOL, None)
        const = Node("const", (), (true,), node.span, {"value": True})

        def elements() -> tuple[Value, ...]:
            assert isinstance(collection.type, CollectionType)
            return tuple(self._fresh(t, name) for name, t in collection.type.fields)

        counting = Region(elements(), (const,), (true,))
        made = [Node("reduce", (collection,), (count,), node.span, {"kind": "count"}, (counting,))]
        for array, i in zip(arrays, self.fields[self._root(collection)], strict=True):
            params = elements()
            filling = Region(params, (), (params[i],))
            made.append(Node("reduce", (collection,), (array,), node.span, {"kind": "keep"}, (filling,)))
        return made
