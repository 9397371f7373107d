"""Texts that staff may edit: Markdown around a small, closed part of Jinja.

The fence is an allow-list over the syntax tree, because a sandbox alone stops attribute escapes but not
`{{ 'a' * 10 ** 9 }}`. What passes `check` cannot loop, call, build long strings, or fail while it is filled.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dunning.mail.formats import Formats, Link

MAX_SOURCE = 64 * 1024
MAX_OUTPUT = 256 * 1024
MAX_DEPTH = 24

OPEN, CLOSE = "\ue000", "\ue001"
_HIDDEN = "\ue000"  # the key under which a filling travels in Jinja's context; no source can spell it

_ALLOWED = frozenset({
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.If, nodes.Compare,
    nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Const, nodes.Filter,
})  # fmt: skip
_WORDS: dict[type[nodes.Node], str] = {
    nodes.For: "a `for` loop",
    nodes.Call: "a call",
    nodes.Assign: "`set`",
    nodes.AssignBlock: "`set`",
    nodes.Include: "`include`",
    nodes.Getitem: "square brackets",
    nodes.Concat: "`~`",
    nodes.Mul: "arithmetic",
    nodes.Pow: "arithmetic",
    nodes.Test: "`is`",
    nodes.Keyword: "a named argument",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a text from being used, and the line (counted from 1) where it stands."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


class TextError(ValueError):
    """A message text that cannot be used; `problems` says where and why."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        super().__init__(f"{name}: " + "; ".join(str(problem) for problem in problems))
        self.problems = problems


Pieces = tuple[tuple[str, str], ...]  # name and text


@dataclass(frozen=True, slots=True)
class _Known:
    """The names that a text may use: of variables, and of pieces to include."""

    variables: frozenset[str]
    pieces: frozenset[str]


@dataclass(frozen=True, slots=True)
class Value:
    """One value that a text shows; kept out of the Markdown so that it can never become markup."""

    text: str
    is_link: bool = False


@dataclass(slots=True)
class Filled:
    """A text with numbered marks where its values belong, and the values by number."""

    text: str = ""
    values: list[Value] = field(default_factory=list)
    size: int = 0

    def grow(self, by: int) -> None:
        """Count `by` more characters of output; ValueError beyond MAX_OUTPUT."""
        self.size += by
        if self.size > MAX_OUTPUT:
            raise ValueError(f"the text grows beyond {MAX_OUTPUT // 1024} KB")

    def mark(self, value: Value) -> str:
        """Keep `value` and return the mark that stands for it."""
        self.grow(len(value.text))
        self.values.append(value)
        return f"{OPEN}{len(self.values) - 1}{CLOSE}"


def check(source: str, variables: Collection[str], pieces: Pieces = ()) -> list[Problem]:
    """Say what is wrong with a staff-edited text, line by line; an empty list means that it can be used.

    Args:
        source: Markdown with Jinja placeholders, at most 64 KB.
        variables: the names that a text may use; a part is written with a dot (`customer.name`).
        pieces: the texts of ours that it may include, by name.
    """
    if len(source.encode(errors="replace")) > MAX_SOURCE:
        return [Problem(1, f"the text is longer than {MAX_SOURCE // 1024} KB")]
    for number, line in enumerate(source.split("\n"), start=1):
        if OPEN in line or CLOSE in line:
            return [Problem(number, "the private-use characters U+E000 and U+E001 are not available")]
    try:
        tree = _ENVIRONMENT.parse(source)
        known = _Known(frozenset(variables), frozenset(name for name, _ in pieces))
        problems = list(_problems(tree, known, depth=0))
        if not problems:
            _ENVIRONMENT.compile(_with_pieces(tree, pieces))
    except TemplateSyntaxError as error:
        return [Problem(error.lineno, error.message or "cannot be read")]
    except (RecursionError, MemoryError, SyntaxError, ValueError):
        return [Problem(1, "too deeply nested or too large a number")]
    return problems


def fill(
    source: str,
    values: Mapping[str, object],
    variables: Collection[str],
    formats: Formats,
    pieces: Pieces = (),
) -> Filled:
    """Fill a text; every value becomes a mark.

    Raises:
        TextError: if `check` finds a problem.
        ValueError: if the text and its values together are longer than 256 KB.
    """
    filled, parts = Filled(), []
    template = _compiled(source, frozenset(variables), pieces)
    context = template.new_context({**values, _HIDDEN: (filled, formats)})
    for part in template.root_render_func(context):
        filled.grow(len(part))
        parts.append(part)
    filled.text = "".join(parts)
    return filled


def _problems(node: nodes.Node, known: _Known, *, depth: int) -> Iterator[Problem]:
    if depth > MAX_DEPTH:
        yield Problem(node.lineno, f"nested more than {MAX_DEPTH} deep")
    elif isinstance(node, nodes.Include) and known.pieces:
        yield from _piece_problems(node, known.pieces)
    elif type(node) not in _ALLOWED:
        what = _WORDS.get(type(node), f"`{type(node).__name__.lower()}`")
        yield Problem(node.lineno, f"{what} is not available in message texts")
    elif isinstance(node, nodes.Name | nodes.Getattr):
        yield from _variable_problems(node, known.variables)
    else:
        yield from _own_problems(node)
        for child in node.iter_child_nodes():
            yield from _problems(child, known, depth=depth + 1)


def _piece_problems(node: nodes.Include, pieces: frozenset[str]) -> Iterator[Problem]:
    name = node.template.value if isinstance(node.template, nodes.Const) else None
    if name not in pieces:
        hint = _hint(str(name), pieces) or f"; there are `{'`, `'.join(sorted(pieces))}`"
        yield Problem(node.lineno, f"no piece of ours has that name{hint}")


def _own_problems(node: nodes.Node) -> Iterator[Problem]:
    if isinstance(node, nodes.Operand) and node.op not in {"eq", "ne"}:
        # an ordering may fail while a message is sent (None < date); equality cannot
        yield Problem(node.lineno, "only `==` and `!=` compare in message texts")
    if isinstance(node, nodes.Filter):
        yield from _filter_problems(node)


def _filter_problems(node: nodes.Filter) -> Iterator[Problem]:
    known = _FILTERS.get(node.name)
    if known is None:
        yield Problem(node.lineno, f"unknown filter `{node.name}`{_hint(node.name, _FILTERS)}")
    elif len(node.args) not in known.arguments:
        yield Problem(node.lineno, f"filter `{node.name}` does not take {len(node.args)} arguments")
    elif not all(isinstance(arg, nodes.Const) for arg in node.args):
        yield Problem(node.lineno, f"filter `{node.name}` takes only a text in quotes")


def _variable_problems(node: nodes.Name | nodes.Getattr, variables: frozenset[str]) -> Iterator[Problem]:
    path = _path(node)
    if path is None:
        yield Problem(node.lineno, "only a variable has parts")
    elif any(part.startswith("_") for part in path.split(".")):
        yield Problem(node.lineno, f"`{path}`: names that begin with an underscore are not available")
    elif path not in variables:
        parts = sorted(known for known in variables if known.startswith(path + "."))
        hint = f"; it has parts: `{'`, `'.join(parts)}`" if parts else _hint(path, variables)
        yield Problem(node.lineno, f"unknown variable `{path}`{hint}")


def _path(node: nodes.Node) -> str | None:
    parts: list[str] = []
    while isinstance(node, nodes.Getattr):
        parts.append(node.attr)
        node = node.node
    return ".".join([node.name, *reversed(parts)]) if isinstance(node, nodes.Name) else None


def _hint(word: str, known: Collection[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"; did you mean `{near[0]}`?" if near else ""


@lru_cache(maxsize=256)
def _compiled(source: str, variables: frozenset[str], pieces: Pieces) -> Template:
    problems = check(source, variables, pieces)
    if problems:
        raise TextError("text", problems)
    tree = _with_pieces(_ENVIRONMENT.parse(source), pieces)
    return Template.from_code(_ENVIRONMENT, _ENVIRONMENT.compile(tree), _ENVIRONMENT.make_globals(None))


def _with_pieces(tree: nodes.Template, pieces: Pieces) -> nodes.Template:
    """Put our pieces where a checked text includes them: no loader is there that could find anything else."""
    sources = dict(pieces)
    for parent in (tree, *tree.find_all(nodes.If)):
        for name in ("body", "elif_", "else_"):
            children = getattr(parent, name, None)
            if children:
                setattr(parent, name, [new for child in children for new in _instead_of(child, sources)])
    return tree


def _instead_of(child: nodes.Node, sources: Mapping[str, str]) -> list[nodes.Node]:
    if not isinstance(child, nodes.Include):
        return [child]
    return list(_ENVIRONMENT.parse(sources[child.template.value]).body)  # type: ignore[attr-defined]  # a Const


@dataclass(frozen=True, slots=True)
class _Filter:
    arguments: tuple[int, ...]
    apply: Callable[..., object]


def _default(formats: Formats, value: object, other: object) -> object:
    return value if formats.show(value) else other


_FILTERS = {
    "money": _Filter((0,), lambda formats, value: formats.show(value)),
    "date": _Filter((0, 1), lambda formats, value, width="long": formats.show(value, width=str(width))),
    "default": _Filter((1,), _default),
    "title": _Filter((0,), lambda formats, value: formats.show(value).title()),
    "upper": _Filter((0,), lambda formats, value: formats.show(value).upper()),
    "lower": _Filter((0,), lambda formats, value: formats.show(value).lower()),
    "trim": _Filter((0,), lambda formats, value: formats.show(value).strip()),
}


def _with_formats(apply: Callable[..., object]) -> Callable[..., object]:
    @pass_context
    def run(context: Context, value: object, *arguments: object) -> object:
        return apply(context[_HIDDEN][1], value, *arguments)

    return run


@pass_context
def _as_mark(context: Context, value: object) -> str:
    filled, formats = context[_HIDDEN]
    text = formats.show(value)
    mark: str = filled.mark(Value(text, is_link=isinstance(value, Link)))
    return mark


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        finalize=_as_mark,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.clear()
    environment.tests.clear()
    environment.filters.clear()
    environment.filters.update({name: _with_formats(known.apply) for name, known in _FILTERS.items()})
    return environment


_ENVIRONMENT = _environment()
