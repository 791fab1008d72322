"""What every typed program must satisfy, whatever it was made from."""

from __future__ import annotations

from dataclasses import replace

from hepppl.semantics.ir import OPS, Dist, Node, Program, Region, Value
from hepppl.semantics.types import BOOL, INT, CollectionType, Tensor

ARRAY_OPS = {"index", "set_index", "slice", "fill", "stack", "sort", "argsort", "cumsum", "reverse", "concatenate"}


class Checker:
    def __init__(self, program: Program):
        self.program = program
        self.defined: set[Value] = set()
        self.ids: set[int] = set()
        self.numbers: list[int] = []
        self.region(program.body, frozenset())
        assert program.body.results == tuple(o.value for o in program.outputs)
        for process in program.processes.values():
            self.region(Region(process.formals, process.body.nodes, ()), frozenset())
        params = frozenset(p.value for p in program.params) | frozenset(d.value for d in program.data)
        for param in program.params:
            if param.prior is not None:
                self.region(param.prior, params)
                assert [n.op for n in param.prior.nodes].count("site") == 1
                assert param.prior.results == param.prior.nodes[-1].results
        assert sorted(self.numbers) == sorted(set(self.numbers))
        assert set(self.numbers) <= set(range(1, max(self.numbers, default=0) + 1))

    def define(self, value: Value) -> None:
        assert value not in self.defined, f"{value} is defined twice"
        assert value.id not in self.ids, f"{value} shares its id"
        self.defined.add(value)
        self.ids.add(value.id)

    def region(self, region: Region, outer: frozenset[Value]) -> None:
        visible = set(outer)
        for value in region.params:
            self.define(value)
            visible.add(value)
        for node in region.nodes:
            for value in node.inputs:
                assert value in visible, f"{node} uses {value}, which is not visible there"
            for value in node.results:
                self.define(value)
            for inner in node.regions:
                self.region(inner, frozenset(visible) if node.op != "reduce" else frozenset())
            self.node(node)
            visible.update(node.results)
        for value in region.results:
            assert value in visible, f"the region's result {value} is not visible there"

    def node(self, node: Node) -> None:
        check = getattr(self, f"on_{node.op}", None)
        if check is not None:
            check(node)
        else:
            assert node.op in OPS, node.op
            assert OPS[node.op] in (-1, len(node.inputs))
            assert len(node.results) == 1
            self.operation(node)

    def operation(self, node: Node) -> None:
        types = [v.type for v in node.inputs]
        (result,) = (v.type for v in node.results)
        assert all(isinstance(t, Tensor) for t in (*types, result))
        if node.op in ("add", "sub", "lt", "le", "gt", "ge", "eq", "ne", "min", "max", "mod"):
            assert types[0].kind == types[1].kind
            assert types[0].dim == types[1].dim or node.op in ("lt", "le", "gt", "ge", "eq", "ne")
        if node.op in ("and", "or", "not"):
            assert all(t.kind == "bool" for t in (*types, result))
        if node.op == "select":
            assert types[0].kind == "bool"
            assert types[1].kind == types[2].kind == result.kind
            assert types[1].dim == types[2].dim == result.dim
        if node.op == "div":
            assert types[0].kind == types[1].kind == result.kind == "real"
        if node.op == "index":
            assert all(t == INT for t in types[1:])
            assert result.shape == types[0].shape[len(types) - 1 :]
        if node.op == "set_index":
            assert types[0] == result
            assert (types[1].kind, types[1].dim) == (result.kind, result.dim)
        if node.op not in ARRAY_OPS and result.shape and node.op != "dot":
            assert any(t.shape == result.shape for t in types)

    # ------------------------------------------------------------ structural nodes

    def on_param(self, node: Node) -> None:
        assert node.attrs["name"] in [p.name for p in self.program.params]

    def on_data(self, node: Node) -> None:
        assert node.attrs["name"] in [d.name for d in self.program.data]

    def on_const(self, node: Node) -> None:
        (value,) = node.results
        wanted = {"bool": bool, "int": int, "real": float}[value.type.kind]

        def shape(x: object) -> tuple[int, ...]:
            if not isinstance(x, tuple):
                assert type(x) is wanted, f"{x!r} is no {wanted}"
                return ()
            assert len({shape(y) for y in x}) == 1
            return (len(x), *shape(x[0]))

        assert shape(node.attrs["value"]) == value.type.shape

    def on_site(self, node: Node) -> None:
        used: list[int] = []

        def collect(dist: Dist) -> None:
            for _, arg in dist.args:
                if isinstance(arg, Dist):
                    collect(arg)
                elif isinstance(arg, tuple):
                    for inner in arg:
                        collect(inner)
                else:
                    used.append(arg)

        collect(node.attrs["dist"])
        assert sorted(used) == list(range(len(node.inputs)))
        assert isinstance(node.attrs["observed"], bool)
        self.numbers.append(node.attrs["number"])

    def on_branch(self, node: Node) -> None:
        assert [v.type for v in node.inputs] == [BOOL]
        then, other = node.regions
        for region in (then, other):
            assert not region.params
            assert [v.type for v in region.results] == [v.type for v in node.results]

    def on_for(self, node: Node) -> None:
        (region,) = node.regions
        assert node.attrs["start"] < node.attrs["stop"]
        carried = [v.type for v in node.inputs]
        assert [v.type for v in region.params] == [INT, *carried]
        assert [v.type for v in region.results] == carried == [v.type for v in node.results]

    def on_while(self, node: Node) -> None:
        cond, body = node.regions
        carried = [v.type for v in node.inputs]
        assert node.attrs["limit"] >= 1
        assert [v.type for v in cond.params] == [v.type for v in body.params] == carried
        assert [v.type for v in cond.results] == [BOOL]
        assert [v.type for v in body.results] == carried == [v.type for v in node.results]

    def on_minimise(self, node: Node) -> None:
        (region,) = node.regions
        unknowns = [v.type for v in node.inputs]
        assert [v.type for v in region.params] == unknowns == [v.type for v in node.results]
        assert [(v.type.kind, v.type.shape) for v in region.results] == [("real", ())]

    def on_root(self, node: Node) -> None:
        (region,) = node.regions
        assert [v.type for v in node.inputs] == [region.params[0].type] * 2
        assert [v.type for v in region.params] == [v.type for v in node.results]
        assert [(v.type.kind, v.type.shape) for v in region.results] == [("real", ())]

    def on_plate(self, node: Node) -> None:
        (region,) = node.regions
        size = node.attrs["stop"] - node.attrs["start"]
        assert not node.inputs
        assert [v.type for v in region.params] == [INT]
        for inner, outer in zip(region.results, node.results, strict=True):
            assert outer.type == replace(inner.type, shape=(size, *inner.type.shape))

    def on_element(self, node: Node) -> None:
        collections, *indices = node.inputs
        (result,) = node.results
        assert all(v.type == INT for v in indices)
        assert result.type == replace(collections.type, shape=collections.type.shape[len(indices) :])

    def on_process(self, node: Node) -> None:
        process = self.program.processes[node.attrs["process"]]
        assert [v.type for v in node.inputs] == [v.type for v in process.formals]
        assert [v.type for v in node.results] == [CollectionType(process.fields)]
        assert node.attrs["limit"] >= 1
        self.numbers.append(node.attrs["number"])

    def on_reduce(self, node: Node) -> None:
        (region,) = node.regions
        collection, *captured = node.inputs
        assert isinstance(collection.type, CollectionType)
        fields = [t for _, t in collection.type.fields]
        assert [v.type for v in region.params] == [*fields, *(v.type for v in captured)]
        assert len(region.results) == (2 if node.attrs["kind"] == "hist" else 1)
        assert not any(n.regions for n in region.nodes)

    def on_spawn(self, node: Node) -> None:
        process = self.program.processes[node.attrs["process"]]
        assert [v.type for v in node.inputs] == [v.type for v in process.formals]
        assert not node.results

    def on_emit(self, node: Node) -> None:
        fields = {tuple(t for _, t in p.fields) for p in self.program.processes.values()}
        assert tuple(v.type for v in node.inputs) in fields

    def on_weight(self, node: Node) -> None:
        assert [v.type for v in node.inputs] == [Tensor("real")]

    def on_require(self, node: Node) -> None:
        assert [v.type for v in node.inputs] == [BOOL]


def verify(program: Program) -> None:
    """Every value is defined once and before it is used, and every node has the types its operation wants."""
    Checker(program)
