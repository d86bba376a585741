"""Formulas become LaTeX exactly once, whatever wrote them and whichever engine reads the page."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.extract.engines import engine
from curate.stages.extract.formulas import formulas_as_latex
from curate.stages.extract.mathml import clean, latex_of
from curate.stages.extract.metadata import page_metadata


def _math(inside: str, attributes: str = "") -> str:
    return f"<math {attributes}>{inside}</math>"


def _row(*items: str) -> str:
    return "<mrow>" + "".join(items) + "</mrow>"


A, B, N, X = "<mi>a</mi>", "<mi>b</mi>", "<mi>n</mi>", "<mi>x</mi>"
PLUS, EQUALS, ONE, TWO = "<mo>+</mo>", "<mo>=</mo>", "<mn>1</mn>", "<mn>2</mn>"


@pytest.mark.parametrize(
    ("inside", "latex"),
    [
        (_row(A, PLUS, B), "a+b"),
        (f"<msup>{X}{TWO}</msup>", "x^{2}"),
        (f"<msup>{_row('<mo>(</mo>', A, PLUS, B, '<mo>)</mo>')}{TWO}</msup>", "(a+b)^{2}"),
        (f"<msup>{_row(A, PLUS, B)}{TWO}</msup>", "{a+b}^{2}"),
        (f"<msubsup>{X}{N}{TWO}</msubsup>", "x_{n}^{2}"),
        (f"<msup>{A}<mo>′</mo></msup>", "a'"),
        (f"<mfrac>{_row(A, PLUS, ONE)}{B}</mfrac>", r"\frac{a+1}{b}"),
        (f"<mfrac linethickness='0'>{A}{B}</mfrac>".replace("'", '"'), r"{a \atop b}"),
        (f"<msqrt>{A}{PLUS}{B}</msqrt>", r"\sqrt{a+b}"),
        (f"<mroot>{A}<mn>3</mn></mroot>", r"\sqrt[3]{a}"),
        (f"<munderover><mo>∑</mo>{_row(N, EQUALS, ONE)}<mi>∞</mi></munderover>{N}",
         r"\sum_{n=1}^{\infty}n"),
        (f"<munder><mo>lim</mo>{_row(X, '<mo>→</mo>', ONE)}</munder>{X}",
         r"\lim_{x\rightarrow1}x"),
        (f"<mover>{X}<mo>¯</mo></mover>", r"\bar{x}"),
        (f"<mover>{X}<mo>⏞</mo></mover>", r"\overbrace{x}"),
        (f"<mover>{X}<mi>def</mi></mover>", r"\overset{\mathrm{def}}{x}"),
        ("<mi>α</mi><mi>β</mi><mi>x</mi>", r"\alpha\beta x"),
        ("<mi>sin</mi><mo>\u2061</mo><mi>θ</mi>", r"\sin\theta"),
        ("<mi>speed</mi>", r"\mathrm{speed}"),
        ('<mi mathvariant="bold">v</mi><mi>ℝ</mi><mi>𝐱</mi>', r"\mathbf{v}\mathbb{R}\mathbf{x}"),
        ("<mi>𝑥</mi>", "x"),
        ("<mn>50</mn><mo>%</mo><mo>{</mo><mo>&amp;</mo>", r"50\%\{\&"),
        ("<mtext>if a_1 &lt; b</mtext>", r"\text{if a\_1 < b}"),
        (f"{A}<mspace width='2em'></mspace>{B}".replace("'", '"'), r"a\quad b"),
        (f"<mfenced open='[' close=')'>{A}{B}</mfenced>".replace("'", '"'), "[a,b)"),
        (f"<mo>[</mo><mtable><mtr><mtd>{A}</mtd><mtd>{B}</mtd></mtr></mtable><mo>]</mo>",
         r"\begin{bmatrix} a & b \end{bmatrix}"),
        (f"<mmultiscripts>{X}{ONE}{TWO}<mprescripts></mprescripts>{N}<none></none>"
         "</mmultiscripts>", "{}_{n}x_{1}^{2}"),
        (f"<semantics>{A}<annotation encoding='application/x-tex'>x &lt; 1</annotation>"
         "</semantics>".replace("'", '"'), None),
        ("<mfrac></mfrac>", r"\frac{}{}"),
        ("<unknown><mi>a</mi></unknown></mrow></mi>", "a"),
        ("", ""),
    ],
)  # fmt: skip
def test_mathml(inside, latex):
    markup = _math(inside)
    if latex is None:
        markup, latex = markup.replace("'", '"'), "x < 1"
    assert latex_of(markup) == latex


def test_the_source_in_an_attribute_wins_where_it_is_tex():
    assert latex_of(_math(A, 'alttext="\\frac{a}{b}"')) == r"\frac{a}{b}"
    assert latex_of(_math(A, 'alttext="a over b, in words"')) == "a"
    assert latex_of(_math(A, 'data-latex="a^2" alttext="x"')) == "a^2"


@pytest.mark.parametrize(
    ("written", "latex"),
    [
        (r"{\displaystyle E=mc^{2}}", "E=mc^{2}"),
        (r"{\displaystyle a}{b}", r"{\displaystyle a}{b}"),
        (r"\displaystyle a", "a"),
        ("a % note\n + b", "a + b"),
        ("a%\nb", "ab"),
        (r"50\% \n", r"50\% \n"),
        ("$x$", "x"),
        (r"\[x\]", "x"),
        (r"\begin{a} x \\" + "\n y", r"\begin{a} x \\ y"),
    ],
)
def test_clean(written, latex):
    assert clean(written) == latex


TEX = r"e^{i\pi} + 1 = 0"
ANNOTATED = _math(
    f"<semantics>{_row(X)}<annotation encoding='application/x-tex'>{TEX}</annotation></semantics>"
)
PLAIN = _math(
    "<msup><mi>e</mi><mrow><mi>i</mi><mi>π</mi></mrow></msup><mo>+</mo><mn>1</mn><mo>=</mo>"
    "<mn>0</mn>"
)
PRINTED = "eiπ+1=0"
FORMS = {
    "mathml": ANNOTATED,
    "prefixed": PLAIN.replace("</", "</m:").replace("<m", "<m:m").replace("<m:m:", "<m:"),
    "katex": "<span class='katex'><span class='katex-mathml'>" + ANNOTATED + "</span>"
    f"<span class='katex-html' aria-hidden=true><span>{PRINTED}</span></span></span>",
    "mathjax 2, typeset": "<span class=MathJax_Preview></span><span class=MathJax><nobr>"
    f"<span>{PRINTED}</span></nobr><span class=MJX_Assistive_MathML>{PLAIN}</span></span>"
    f"<script type='math/tex'>{TEX}</script>",
    "mathjax 2, not typeset": f"<span class=MathJax_Preview>{PRINTED}</span>"
    f"<script type='math/tex'>{TEX}</script>",
    "mathjax 2, without its script": f"<span class=MathJax data-mathml='{PLAIN}'>{PRINTED}</span>",
    "mathjax 3": f"<mjx-container class=MathJax><mjx-math><mjx-c></mjx-c></mjx-math>"
    f"<mjx-assistive-mml>{PLAIN}</mjx-assistive-mml></mjx-container>",
    "mathjax 4": f"<mjx-container class=MathJax data-latex='{TEX}'><svg></svg></mjx-container>",
    "wikipedia": f"<span class='mwe-math-element'><span style='display: none'>{ANNOTATED}</span>"
    f"<img class='mwe-math-fallback-image-inline' alt='{{\\displaystyle {TEX}}}'></span>",
    "image": f"<img class='mwe-math-fallback-image-inline' alt='{TEX}'>",
    "wordpress": f"<img src='https://s0.wp.com/latex.php?latex=x' class='latex' alt='{TEX}'>",
}
PROSE = (
    "The committee met in the afternoon and decided that the old bridge should be repaired "
    "before the winter comes, "
)


@pytest.mark.parametrize("name", ["curate", "resiliparse", "trafilatura", "justext"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_one_formula_in_every_engine(form, name):
    if name in ("trafilatura", "justext"):
        pytest.importorskip(name)
    page = (
        f"<html><body><article><p>{PROSE * 4}</p><p>{PROSE} and it found {FORMS[form]} by chance, "
        f"{PROSE} which costs $5 or \\(x\\).</p><p>{PROSE * 4}</p></article></body></html>"
    )
    assert page_metadata(page, None).has_formulas
    text = engine(name).extract(formulas_as_latex(page), None).text.replace(" ", "")
    assert text.count("$e^{i\\pi}+1=0$") == 1
    assert text.count("$") == 3 and PRINTED not in text
    assert "\\(x\\)" in text


def test_a_displayed_formula_stands_on_its_own_line():
    display = FORMS["katex"].replace("class='katex'", "class='katex-display'", 1)
    page = f"<article><p>{PROSE * 3}{display} and {PROSE * 3}</p></article>"
    lines = engine("curate").extract(formulas_as_latex(page), None).text.splitlines()
    assert f"$${TEX}$$" in lines


@pytest.mark.parametrize(
    "page",
    ["<span class=katex>only text</span>", "<img class=photo alt='x^2'>", "<p>$x$ \\(y\\)",
     "<script type='math/asciimath'>x^2</script>", "<span class=MathJax_Preview>x</span>"],
)  # fmt: skip
def test_what_holds_no_formula_stays(page):
    assert "$$" not in formulas_as_latex(page)
    assert formulas_as_latex(page) == formulas_as_latex(formulas_as_latex(page))


TAGS = "math mi mo mn mrow mfrac msup msub munder mtable mtr mtd mtext semantics annotation span"
PIECES = st.sampled_from(
    [f"<{name}>" for name in TAGS.split()]
    + [f"</{name}>" for name in TAGS.split()]
    + ["<span class='katex'>", "<mjx-container>", "<script type='math/tex'>", "</script>",
       "x", "∑", "\\", "{", "}", "$", "%", "&", "<", "\"", "′", "\u0301", "א", "\0"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_no_markup_raises(markup):
    formulas_as_latex(markup).encode()
    assert "\n" not in latex_of(markup)


@pytest.mark.parametrize(
    "unit",
    ["<math>", "<math><mrow>", "<span class=katex>", "<mrow>", "<math><mi>x</mi></math>",
     "<img class=latex alt='x'>", "<span class=katex><math>", "<script type='math/tex'>x</script>",
     "<mjx-container>"],
)  # fmt: skip
def test_a_hostile_page_costs_its_bytes(unit, assert_linear_time):
    assert_linear_time(formulas_as_latex, lambda size: unit * (size // len(unit)), size=400_000)
