"""Characters of formulas and what LaTeX calls them."""

from __future__ import annotations

_COMMANDS = """
α alpha β beta γ gamma δ delta ε varepsilon ϵ epsilon ζ zeta η eta θ theta ϑ vartheta ι iota κ kappa
ϰ varkappa λ lambda μ mu ν nu ξ xi π pi ϖ varpi ρ rho ϱ varrho σ sigma ς varsigma τ tau υ upsilon
φ varphi ϕ phi χ chi ψ psi ω omega Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Υ Upsilon
Φ Phi Ψ Psi Ω Omega µ mu
∑ sum ∏ prod ∐ coprod ∫ int ∬ iint ∭ iiint ∮ oint ⋃ bigcup ⋂ bigcap ⨁ bigoplus ⨂ bigotimes
⋁ bigvee ⋀ bigwedge
± pm ∓ mp × times ÷ div · cdot ⋅ cdot ∗ ast ⋆ star ∘ circ ∙ bullet • bullet ⊕ oplus ⊖ ominus
⊗ otimes ⊙ odot ∧ wedge ∨ vee ∩ cap ∪ cup ⊎ uplus ⊓ sqcap ⊔ sqcup ∖ setminus † dagger ‡ ddagger
≤ leq ≥ geq ⩽ leqslant ⩾ geqslant ≠ neq ≡ equiv ∼ sim ≃ simeq ≈ approx ≅ cong ∝ propto ≪ ll ≫ gg
≺ prec ≻ succ ⪯ preceq ⪰ succeq ⊂ subset ⊃ supset ⊆ subseteq ⊇ supseteq ⊊ subsetneq ∈ in ∉ notin
∋ ni ⊢ vdash ⊨ models ⊥ perp ∥ parallel ∣ mid ∤ nmid ≔ coloneqq ≜ triangleq ≐ doteq ≲ lesssim
≳ gtrsim ⊏ sqsubset ⊑ sqsubseteq ⋈ bowtie
← leftarrow → rightarrow ↔ leftrightarrow ⇐ Leftarrow ⇒ Rightarrow ⇔ Leftrightarrow ↑ uparrow
↓ downarrow ⟵ longleftarrow ⟶ longrightarrow ⟹ implies ⟺ iff ⟸ impliedby ↦ mapsto ⟼ longmapsto
↪ hookrightarrow ↩ hookleftarrow ⇌ rightleftharpoons ↗ nearrow ↘ searrow ⇀ rightharpoonup
∀ forall ∃ exists ∄ nexists ¬ neg ∅ emptyset ∞ infty ∂ partial ∇ nabla ℏ hbar ℓ ell ℜ Re ℑ Im
ℵ aleph ℘ wp ∠ angle ∡ measuredangle △ triangle □ square ◻ square ⊤ top ′ prime ″ prime\\prime
… ldots ⋯ cdots ⋮ vdots ⋱ ddots ⟨ langle ⟩ rangle 〈 langle 〉 rangle ⌈ lceil ⌉ rceil ⌊ lfloor
⌋ rfloor ∴ therefore ∵ because √ surd ° degree ⟦ llbracket ⟧ rrbracket
"""
_WORDS = _COMMANDS.split()
SYMBOLS: dict[str, str] = {
    character: f"\\{command}" for character, command in zip(_WORDS[::2], _WORDS[1::2], strict=True)
} | {
    "\u2212": "-", "‐": "-", "‑": "-", "–": "-", "⁄": "/", "∕": "/", "‖": "\\|", "’": "'",
    "\u00a0": "\\ ", "\u2003": "\\quad ", "\u2009": "\\,", "\u200a": "\\,", "\u2002": "\\ ",
    "\u2061": "", "\u2062": "", "\u2063": "", "\u2064": "", "\u200b": "", "\u200e": "",
    "\ufeff": "",
    "Α": "A", "Β": "B", "Ε": "E", "Ζ": "Z", "Η": "H", "Ι": "I", "Κ": "K", "Μ": "M", "Ν": "N",
    "Ο": "O", "ο": "o", "Ρ": "P", "Τ": "T", "Χ": "X",
}  # fmt: skip
"""A character of MathML as LaTeX in math mode; the invisible ones are nothing."""

FUNCTIONS = frozenset(
    """arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf
    limsup ln log max min Pr sec sin sinh sup tan tanh""".split()
)

LARGE = frozenset(
    f"\\{name}"
    for name in """sum prod coprod int iint iiint oint bigcup bigcap bigoplus bigotimes bigvee
    bigwedge lim liminf limsup max min sup inf det gcd Pr""".split()
)
"""What stands above and below these is written as limits."""

ACCENTS: dict[str, str] = {
    "¯": "bar", "‾": "overline", "ˉ": "bar", "_": "overline", "\\_": "overline", "-": "bar",
    "^": "hat", "ˆ": "hat", "\\hat{}": "hat", "~": "tilde", "˜": "tilde", "\\sim": "tilde",
    "˙": "dot", ".": "dot", "¨": "ddot", "..": "ddot", "\\rightarrow": "vec", "⃗": "vec",
    "⏞": "overbrace", "ˇ": "check", "˘": "breve", "´": "acute", "`": "grave", "\\leftarrow":
    "overleftarrow", "\\leftrightarrow": "overleftrightarrow",
}  # fmt: skip
UNDER_ACCENTS: dict[str, str] = {
    "_": "underline", "\\_": "underline", "‾": "underline", "¯": "underline", "̲": "underline",
    "⏟": "underbrace",
}  # fmt: skip
