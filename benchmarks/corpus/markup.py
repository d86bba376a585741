"""Text out of manual pages, Mallard pages and Perl's POD, by the few rules that prose needs.

Not typeset: macros of manual pages are dropped and their words kept, lines of a paragraph joined.
That leaves what a reader would see, without the line breaks and hyphens of a terminal.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

_ESCAPES = {
    r"\-": "-",
    r"\e": "\\",
    r"\~": " ",
    r"\ ": " ",
    r"\(aq": "'",
    r"\(cq": "’",
    r"\(oq": "‘",
    r"\(lq": "“",
    r"\(rq": "”",
    r"\(dq": '"',
    r"\(bu": "•",
    r"\(em": "—",
    r"\(en": "–",
    r"\(co": "©",
    r"\(ha": "^",
    r"\(ti": "~",
}
_ESCAPE = re.compile(
    r"\\(?:f(?:\(..|\[[^\]]*\]|.)|s[+-]?\d+|\[u([0-9A-F]{4,6})\]|\(..|\*?\[[^\]]*\]|.)"
)
_SPACED = frozenset(("SH", "SS", "TH", "B", "I", "SM", "SB", "IP", "TP", "Sh", "Ss", "Nm", "Nd"))
_JOINED = frozenset(("BR", "RB", "IR", "RI", "BI", "IB"))
_OWN_LINE = frozenset(("SH", "SS", "TH", "Sh", "Ss"))
_BREAK = frozenset(("PP", "P", "LP", "sp", "TP", "IP", "RS", "RE", "Pp", "br", "TQ", "HP"))
_ARGUMENT = re.compile(r'"((?:[^"]|"")*)"|(\S+)')
_POD_CODE = re.compile(r"[BCFILSXZ]<+ ?([^<>]*?) ?>+")
_POD_ENTITY = {"lt": "<", "gt": ">", "verbar": "|", "sol": "/"}


def manual_page(source: str) -> str:
    """The words of a manual page (man or mdoc macros)."""
    paragraphs: list[str] = []
    line: list[str] = []

    def end() -> None:
        if line:
            paragraphs.append(_filled(line))
            line.clear()

    for raw in source.splitlines():
        if raw.startswith(('.\\"', "'\\\"", '\\"', ".so ")):
            continue
        if not raw.startswith((".", "'")):
            if raw.strip():
                line.append(_plain(raw))
            else:
                end()
            continue
        name, _, rest = raw[1:].strip().partition(" ")
        if name in _OWN_LINE or name in _BREAK:
            end()
        words = [_plain(quoted or bare) for quoted, bare in _ARGUMENT.findall(rest)]
        if name in _JOINED:
            line.append("".join(words))
        elif name in _SPACED and words:
            line.append(" ".join(words))
        if name in _OWN_LINE:
            end()
    end()
    return "\n".join(paragraph for paragraph in paragraphs if paragraph)


def mallard_page(source: bytes) -> str:
    """Titles and paragraphs of a Mallard page (GNOME's help)."""
    found = []
    for element in ElementTree.fromstring(source).iter():
        if element.tag.rpartition("}")[2] in ("title", "p", "desc"):
            words = " ".join("".join(element.itertext()).split())
            if words:
                found.append(words)
    return "\n".join(found)


def pod(source: str) -> str:
    """Paragraphs of Perl documentation, without its commands and codes."""
    found = []
    for raw in re.split(r"\n\s*\n", source):
        paragraph = raw.strip("\n")
        if paragraph.startswith("="):
            command, _, paragraph = paragraph.partition(" ")
            if not command.startswith(("=head", "=item")):
                continue
        before = ""
        while before != paragraph:
            before, paragraph = paragraph, _POD_CODE.sub(r"\1", paragraph)
        paragraph = re.sub(
            r"E<(\w+)>", lambda found: _POD_ENTITY.get(found.group(1), ""), paragraph
        )
        if paragraph.strip():
            found.append(paragraph)
    return "\n\n".join(found)


def _plain(text: str) -> str:
    def replaced(found: re.Match[str]) -> str:
        if found.group(1):
            return chr(int(found.group(1), 16))
        return _ESCAPES.get(found.group(0), "")

    return _ESCAPE.sub(replaced, text)


def _filled(lines: list[str]) -> str:
    """Lines of a paragraph as one; no space between two letters of a script without spaces."""
    joined = ""
    for line in (line.strip() for line in lines):
        wide = joined[-1:] >= "\u2e80" and line[:1] >= "\u2e80" and joined[-1:] < "\uac00"
        joined += line if not joined or wide else f" {line}"
    return joined
