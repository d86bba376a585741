r"""MathML to LaTeX.

The source that a formula carries wins: an annotation of TeX (KaTeX, Wikipedia, LaTeXML), the
attribute `data-latex` (MathJax 4), an `alttext` that is TeX. Only without one is presentation
MathML translated, element by element, so that a reader finds the formula again: `\frac{a}{b}` and
not `ab`. Libraries were tried and left: they add brackets that change the meaning of `(a+b)^2`, and
recurse without a bound. Cost: some 10 µs per element; formulas above 100 kB or nested deeper than
150 elements give their text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from curate.stages.extract.latex_symbols import ACCENTS, FUNCTIONS, LARGE, SYMBOLS, UNDER_ACCENTS

_ATTRIBUTES = r"((?:[^\">]|\"[^\"]*\")*)"
_TOKEN = re.compile(rf"<(/?)(?:[\w.\-]+:)?([A-Za-z][\w.\-]*){_ATTRIBUTES}>|([^<]+)|<")
_ANNOTATION = re.compile(
    r"<(?:[\w.\-]+:)?annotation\b[^>]*?encoding=\"[^\"]*tex[^\"]*\"[^>]*>([^<]*)<", re.IGNORECASE
)
_ROOT = re.compile(rf"<(?:[\w.\-]+:)?math\b{_ATTRIBUTES}>")
_STATED = (re.compile(r"\bdata-latex=\"([^\"]+)\""), re.compile(r"\balttext=\"([^\"]+)\""))
_LOOKS_LIKE_TEX = re.compile(r"[\\^_{}]|^\S{1,20}$")
_COMMENT = re.compile(r"(?<!\\)%[^\n]*\n\s*")
_STYLE = re.compile(r"^\{?\\(?:displaystyle|textstyle|scriptstyle)\b\s*")
_DELIMITED = re.compile(r"^(?:\$\$?|\\\(|\\\[)(.*?)(?:\$\$?|\\\)|\\\])$", re.DOTALL)
_SPECIAL = {c: f"\\{c}" for c in "{}%#&$_"} | {"\\": "\\backslash", "^": "\\hat{}", "~": "\\sim"}
_ATOM = re.compile(r"^(?:.|\([^()]*\)|\\[A-Za-z]+|\\.|\\[A-Za-z]+\{[^{}]*\})$", re.DOTALL)
_VARIANTS = {
    "normal": "mathrm", "bold": "mathbf", "double-struck": "mathbb", "script": "mathcal",
    "fraktur": "mathfrak", "sans-serif": "mathsf", "monospace": "mathtt",
    "bold-italic": "boldsymbol", "bold-script": "mathcal", "bold-fraktur": "mathfrak",
}  # fmt: skip
_NAMED_STYLES = (
    ("DOUBLE-STRUCK", "mathbb"), ("FRAKTUR", "mathfrak"), ("BLACK-LETTER", "mathfrak"),
    ("SCRIPT", "mathcal"), ("BOLD ITALIC", "boldsymbol"), ("BOLD", "mathbf"),
    ("MONOSPACE", "mathtt"), ("SANS-SERIF", "mathsf"),
)  # fmt: skip
_MATRICES = {
    ("(", ")"): "pmatrix", ("[", "]"): "bmatrix", ("{", "}"): "Bmatrix", ("|", "|"): "vmatrix",
    ("‖", "‖"): "Vmatrix", ("{", ""): "cases",
}  # fmt: skip
MAX_BYTES, MAX_DEPTH = 100_000, 150


@dataclass(slots=True)
class _Node:
    name: str
    attributes: str = ""
    children: list[_Node] = field(default_factory=list)
    text: str = ""

    def attribute(self, name: str, default: str = "") -> str:
        found = re.search(rf"(?<![\w\-]){name}=\"([^\"]*)\"", self.attributes)
        return html.unescape(found.group(1)) if found else default


def latex_of(markup: str) -> str:
    """LaTeX of one `<math>` element as an HTML serialiser writes it, on one line, without
    delimiters; "" where it holds nothing.

    Never raises for content.
    """
    root = _ROOT.search(markup)
    annotation = _ANNOTATION.search(markup)
    stated = [annotation.group(1)] if annotation else []
    if root is not None:
        found = (form.search(root.group(1)) for form in _STATED)
        stated += [each.group(1) for each in found if each is not None]
    for index, source in enumerate(stated):
        tex = clean(html.unescape(source))
        if tex and ((index == 0 and annotation) or _LOOKS_LIKE_TEX.search(tex)):
            return tex
    try:
        return clean(_row(_parse(markup)))
    except _TooDeep:
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup[:MAX_BYTES])).split())


def clean(tex: str) -> str:
    r"""TeX on one line, without comments, `\displaystyle` around everything, and delimiters."""
    tex = " ".join(_COMMENT.sub("", tex + "\n").split())
    delimited = _DELIMITED.match(tex)
    if delimited is not None:
        tex = delimited.group(1).strip()
    style = _STYLE.match(tex)
    if style is None:
        return tex
    if not style.group().startswith("{"):
        return tex[style.end() :].strip()
    return tex[style.end() : -1].strip() if _closes_at_end(tex) else tex


def _closes_at_end(tex: str) -> bool:
    """Whether the brace at the beginning is closed by the last character."""
    depth = 0
    for brace in re.finditer(r"\\.|[{}]", tex):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0:
            return brace.end() == len(tex)
    return False


class _TooDeep(Exception):
    pass


def _parse(markup: str) -> list[_Node]:
    if len(markup) > MAX_BYTES:
        raise _TooDeep
    root = _Node("root")
    open_nodes = [root]
    for end, name, attributes, text in _TOKEN.findall(markup):
        if text:
            open_nodes[-1].text += html.unescape(text)
        elif end:
            names = [node.name for node in open_nodes]
            if name in names[1:]:
                del open_nodes[len(names) - 1 - names[::-1].index(name) :]
        elif name:
            node = _Node(name, attributes)
            open_nodes[-1].children.append(node)
            open_nodes.append(node)
            if len(open_nodes) > MAX_DEPTH:
                raise _TooDeep
    return root.children


def _row(nodes: Sequence[_Node]) -> str:
    """Nodes behind each other; a table between fences is a matrix."""
    made: list[str] = []
    index = 0
    while index < len(nodes):
        table = _fenced_table(nodes, index)
        if table is not None:
            latex, used = table
            made.append(latex)
            index += used
        else:
            made.append(_latex(nodes[index]))
            index += 1
    return _joined(made)


def _fenced_table(nodes: Sequence[_Node], index: int) -> tuple[str, int] | None:
    if nodes[index].name != "mo" or index + 1 >= len(nodes) or not _is_table(nodes[index + 1]):
        return None
    opening = nodes[index].text.strip()
    closing = ""
    if index + 2 < len(nodes) and nodes[index + 2].name == "mo":
        closing = nodes[index + 2].text.strip()
    for end, used in ((closing, 3), ("", 2)):
        name = _MATRICES.get((opening, end))
        if name is not None:
            return _matrix(nodes[index + 1], name), min(used, len(nodes) - index)
    return None


def _is_table(node: _Node) -> bool:
    while node.name in ("mrow", "mstyle", "mpadded") and len(node.children) == 1:
        node = node.children[0]
    return node.name == "mtable"


def _matrix(node: _Node, name: str) -> str:
    while node.name != "mtable":
        node = node.children[0]
    rows = []
    for row in node.children:
        cells = row.children[1:] if row.name == "mlabeledtr" else row.children
        rows.append(" & ".join(_row(cell.children) or cell.text.strip() for cell in cells))
    return f"\\begin{{{name}}} " + " \\\\ ".join(rows) + f" \\end{{{name}}}"


def _joined(pieces: Sequence[str]) -> str:
    """Pieces behind each other, with a blank where a command would swallow the next letter."""
    made = ""
    for piece in filter(None, pieces):
        if piece[0].isalpha() and re.search(r"\\[A-Za-z]+$", made[-40:]):
            made += " "
        made += piece
    return made


def _latex(node: _Node) -> str:
    make = _ELEMENTS.get(node.name)
    if make is not None:
        return make(node)
    return _row(node.children) if node.children else _characters(node.text.strip())


def _arguments(node: _Node, count: int) -> list[str]:
    made = [_latex(child) for child in node.children]
    return (made + [""] * count)[: max(count, len(made))]


def _group(latex: str) -> str:
    """Braced unless it is one unit."""
    return latex if _ATOM.match(latex) else f"{{{latex}}}"


def _characters(text: str) -> str:
    return _joined([_character(character) for character in text])


def _character(character: str) -> str:
    known = SYMBOLS.get(character)
    if known is not None:
        return known
    if character in _SPECIAL:
        return _SPECIAL[character]
    if "\U0001d400" <= character <= "\U0001d7ff" or "\u2100" <= character <= "\u214f":
        plain = unicodedata.normalize("NFKC", character)
        plain = SYMBOLS.get(plain, plain)
        name = unicodedata.name(character, "")
        style = next((command for word, command in _NAMED_STYLES if word in name), None)
        return plain if style is None else f"\\{style}{{{plain}}}"
    return character


def _identifier(node: _Node) -> str:
    text = node.text.strip()
    if text in FUNCTIONS:
        return f"\\{text}"
    latex = _characters(text)
    variant = _VARIANTS.get(node.attribute("mathvariant"))
    if variant == "mathrm" and latex.startswith("\\"):
        return latex
    if variant is not None:
        return f"\\{variant}{{{latex}}}"
    return f"\\mathrm{{{latex}}}" if len(text) > 1 and text.isalpha() else latex


def _operator(node: _Node) -> str:
    text = node.text.strip()
    if text in FUNCTIONS:
        return f"\\{text}"
    if len(text) > 2 and text.isalpha():
        return f"\\operatorname{{{text}}}"
    return _characters(text)


def _text(node: _Node) -> str:
    inner = "".join(child.text for child in node.children) + node.text
    if not inner.strip():
        return "\\ " if inner else ""
    escaped = "".join(f"\\{c}" if c in "{}%#&$_" else c for c in inner.replace("\\", ""))
    return f"\\text{{{' '.join(escaped.replace(chr(0xA0), ' ').split(' '))}}}"


def _space(node: _Node) -> str:
    found = re.match(r"\s*(\d*\.?\d+)", node.attribute("width"))
    width = float(found.group(1)) if found else 0.0
    return "\\quad " if width >= 1 else "\\," if width > 0 else ""


def _fraction(node: _Node) -> str:
    top, bottom = _arguments(node, 2)[:2]
    if node.attribute("bevelled") == "true":
        return f"{_group(top)}/{_group(bottom)}"
    if re.match(r"0(?:\D|$)", node.attribute("linethickness")):
        return f"{{{top} \\atop {bottom}}}"
    return f"\\frac{{{top}}}{{{bottom}}}"


def _root(node: _Node) -> str:
    base, index = _arguments(node, 2)[:2]
    return f"\\sqrt[{index}]{{{base}}}"


def _scripts(base: str, sub: str, sup: str) -> str:
    primes = sup.replace("\\prime", "'")
    made = _group(base) if base else "{}"
    if sub:
        made += f"_{{{sub}}}"
    if sup:
        made += primes if set(primes) == {"'"} else f"^{{{sup}}}"
    return made


def _sub(node: _Node) -> str:
    base, sub = _arguments(node, 2)[:2]
    return _scripts(base, sub, "")


def _sup(node: _Node) -> str:
    base, sup = _arguments(node, 2)[:2]
    return _scripts(base, "", sup)


def _subsup(node: _Node) -> str:
    base, sub, sup = _arguments(node, 3)[:3]
    return _scripts(base, sub, sup)


def _under(node: _Node) -> str:
    base, under = _arguments(node, 2)[:2]
    return _stacked(base, under, "")


def _over(node: _Node) -> str:
    base, over = _arguments(node, 2)[:2]
    return _stacked(base, "", over)


def _underover(node: _Node) -> str:
    base, under, over = _arguments(node, 3)[:3]
    return _stacked(base, under, over)


def _stacked(base: str, under: str, over: str) -> str:
    if base in LARGE or base.startswith("\\operatorname"):
        return _scripts(base, under, over)
    for script, accents, command in ((under, UNDER_ACCENTS, "under"), (over, ACCENTS, "over")):
        if script:
            accent = accents.get(script)
            base = f"\\{accent}{{{base}}}" if accent else f"\\{command}set{{{script}}}{{{base}}}"
    return base


def _multiscripts(node: _Node) -> str:
    if not node.children:
        return ""
    base, before, scripts = _latex(node.children[0]), "", node.children[1:]
    names = [child.name for child in scripts]
    cut = names.index("mprescripts") if "mprescripts" in names else len(scripts)
    pre = [_latex(child) for child in scripts[cut + 1 :]]
    post = [_latex(child) for child in scripts[:cut]]
    if pre:
        before = _scripts("", "".join(pre[0::2]), "".join(pre[1::2]))
    return before + _scripts(base, "".join(post[0::2]), "".join(post[1::2]))


def _fenced(node: _Node) -> str:
    opening, closing = node.attribute("open", "("), node.attribute("close", ")")
    if len(node.children) == 1 and _is_table(node.children[0]):
        name = _MATRICES.get((opening, closing))
        if name is not None:
            return _matrix(node.children[0], name)
    separators = "".join(node.attribute("separators", ",").split())
    made = [_characters(opening)]
    for index, child in enumerate(node.children):
        if index and separators:
            made.append(_characters(separators[min(index, len(separators)) - 1]))
        made.append(_latex(child))
    return _joined([*made, _characters(closing)])


def _enclosed(node: _Node) -> str:
    inner, notation = _row(node.children), node.attribute("notation")
    for word, command in (
        ("box", "boxed"), ("strike", "cancel"), ("radical", "sqrt"), ("top", "overline"),
        ("bottom", "underline"),
    ):  # fmt: skip
        if word in notation:
            return f"\\{command}{{{inner}}}"
    return inner


_ELEMENTS: dict[str, Callable[[_Node], str]] = {
    "mi": _identifier,
    "mo": _operator,
    "mn": lambda node: _characters(node.text.strip()),
    "mtext": _text,
    "ms": _text,
    "mspace": _space,
    "mfrac": _fraction,
    "msqrt": lambda node: f"\\sqrt{{{_row(node.children)}}}",
    "mroot": _root,
    "msub": _sub,
    "msup": _sup,
    "msubsup": _subsup,
    "munder": _under,
    "mover": _over,
    "munderover": _underover,
    "mmultiscripts": _multiscripts,
    "mtable": lambda node: _matrix(node, "matrix"),
    "mfenced": _fenced,
    "menclose": _enclosed,
    "mphantom": lambda node: f"\\phantom{{{_row(node.children)}}}",
    "semantics": lambda node: _row(node.children[:1]),
    "maction": lambda node: _row(node.children[:1]),
    "annotation": lambda node: "",
    "annotation-xml": lambda node: "",
    "none": lambda node: "",
    "mprescripts": lambda node: "",
}
