r"""Formulas of a page as LaTeX in its text, each exactly once, before any engine sees the page.

A formula stands on a page up to three times: as MathML for screen readers, as boxes or an image for
the eye, as TeX in a script or an attribute. Engines take all of them or none. Here every formula's
element is replaced by its LaTeX, inline as `$…$`, displayed as `$$…$$` on a line of its own:
MathML, KaTeX, MathJax 2 (scripts), 3 and 4 (containers), Wikipedia's images, images of WordPress.
Text in dollars or \(…\) is left as it is. Only pages with signs of formulas come here, as told by
`PageMetadata.has_formulas`; the page is parsed and written once more for it.
"""

from __future__ import annotations

import html
import re

from resiliparse.parse.html import HTMLTree

from curate.stages.extract.base import tidy
from curate.stages.extract.mathml import clean, latex_of

_ATTRIBUTES = r"((?:[^\">]|\"[^\"]*\")*)"
_START = re.compile(rf"<(span|div|img|script|mjx-container|(?:[\w.\-]+:)?math)\b{_ATTRIBUTES}>")
_NAMED = {
    name: re.compile(rf"(?<![\w\-]){name}=\"([^\"]*)\"")
    for name in ("class", "type", "alt", "src", "display", "mode", "data-mathml", "data-latex")
}
_MATH = re.compile(r"<(?:[\w.\-]+:)?math\b.*?</(?:[\w.\-]+:)?math>", re.DOTALL)
_FALLBACK = re.compile(r"<img\b[^>]*?mwe-math-fallback[^>]*>")
_MATHJAX_2 = frozenset(
    """MathJax MathJax_Display MathJax_SVG MathJax_SVG_Display MathJax_CHTML MathJax_MathML
    MJXc-display mjx-chtml MathJax_CHTML_Display""".split()
)
_DISPLAYED = re.compile(r"isplay")


def formulas_as_latex(page: str) -> str:
    """The page, written again by the parser, with LaTeX in place of its formulas. Linear in the
    page; never raises for content."""
    return _Rewriter(str(HTMLTree.parse(page))).run()


class _Rewriter:
    def __init__(self, markup: str) -> None:
        self._markup = markup
        self._scripted = '<script type="math/' in markup
        self._budget = 3 * len(markup) + 200_000
        """Bytes that looking for end tags may read: nested elements must not cost their square."""

    def run(self) -> str:
        made: list[str] = []
        done = at = 0
        while self._budget > 0:
            start = _START.search(self._markup, at)
            if start is None:
                break
            at = start.end()
            name = start.group(1)
            if name == "script":
                at = self._end(start)
            elif name in ("span", "div") and 'class="' not in start.group(2):
                continue
            found = self._formula(start)
            if found is not None:
                latex, at = found
                made += [self._markup[done : start.start()], latex]
                done = at
        made.append(self._markup[done:])
        return "".join(made)

    def _formula(self, start: re.Match[str]) -> tuple[str, int] | None:
        """(what to write, where the element ends); None where the element is no formula."""
        name, attributes = start.groups()
        if name == "img":
            latex = _image(attributes)
            display = "fallback-image-display" in attributes
            return (_written(latex, display), start.end()) if latex else None
        if name == "script":
            return self._script(start, attributes)
        if name == "mjx-container":
            return self._container(start, _value(attributes, "display") == "true")
        if name not in ("span", "div"):
            end = self._end(start)
            markup = self._markup[start.start() : end]
            display = "block" in _value(attributes, "display") or "display" in _value(
                attributes, "mode"
            )
            return _written(latex_of(markup), display), end
        return self._classed(start, _value(attributes, "class").split(), attributes)

    def _script(self, start: re.Match[str], attributes: str) -> tuple[str, int] | None:
        kind = _value(attributes, "type").lower()
        if not kind.startswith(("math/tex", "math/mml")):
            return None
        end = self._end(start)
        inside = self._markup[start.end() : end].removesuffix("</script>")
        latex = clean(inside) if kind.startswith("math/tex") else latex_of(inside)
        return _written(latex, "display" in kind), end

    def _classed(
        self, start: re.Match[str], classes: list[str], attributes: str
    ) -> tuple[str, int] | None:
        if "MathJax_Preview" in classes:
            return ("", self._end(start)) if self._scripted else None
        if "katex" in classes or "katex-display" in classes:
            return self._container(start, "katex-display" in classes)
        if "mwe-math-element" in classes:
            return self._wikipedia(start)
        if not _MATHJAX_2.isdisjoint(classes):
            if self._scripted:
                return "", self._end(start)
            stated = _value(attributes, "data-mathml")
            display = any(map(_DISPLAYED.search, classes))
            if stated:
                latex = latex_of(html.unescape(stated))
                return _written(latex, display or 'display="block"' in stated), self._end(start)
            return self._container(start, display)
        return None

    def _container(self, start: re.Match[str], display: bool) -> tuple[str, int] | None:
        """An element that holds MathML, or names its TeX, beside what the eye sees."""
        end = self._end(start)
        markup = self._markup[start.start() : end]
        stated = _value(markup[:2000], "data-latex")
        inside = _MATH.search(markup)
        if inside is not None:
            latex = latex_of(inside.group())
        elif stated:
            latex = clean(html.unescape(stated))
        else:
            return None
        return _written(latex, display), end

    def _wikipedia(self, start: re.Match[str]) -> tuple[str, int] | None:
        end = self._end(start)
        markup = self._markup[start.start() : end]
        display = "mathml-display" in markup or "image-display" in markup
        inside, image = _MATH.search(markup), _FALLBACK.search(markup)
        latex = latex_of(inside.group()) if inside else _image(image.group()) if image else ""
        return (_written(latex, display), end) if latex else None

    def _end(self, start: re.Match[str]) -> int:
        """Behind the element's end tag; the end of the page where it has none."""
        name = re.escape(start.group(1))
        depth, at = 1, start.end()
        for tag in re.compile(rf"<(/?){name}\b").finditer(self._markup, start.end()):
            depth += -1 if tag.group(1) else 1
            at = tag.end()
            if depth == 0 or at - start.end() > self._budget:
                break
        end = self._markup.find(">", at) + 1 if depth == 0 else len(self._markup)
        self._budget -= end - start.end() + 100
        return end or len(self._markup)


def _value(attributes: str, name: str) -> str:
    found = _NAMED[name].search(attributes)
    return found.group(1) if found else ""


def _image(attributes: str) -> str:
    """TeX of an image that stands for a formula, "" for other images."""
    classes, source = _value(attributes, "class"), _value(attributes, "src")
    if (
        "mwe-math-fallback" in classes
        or not {"tex", "latex"}.isdisjoint(classes.split())
        or "latex.php?" in source
        or "latex.codecogs.com/" in source
    ):
        return clean(html.unescape(_value(attributes, "alt")))
    return ""


def _written(latex: str, display: bool) -> str:
    if not latex:
        return " "
    escaped = html.escape(tidy(latex), quote=False)
    return f"<br>$${escaped}$$<br>" if display else f"${escaped}$"
