"""What every recipe keeps of text that people wrote: C4, Wikipedia, novels, StackExchange answers,
Python files.

    python benchmarks/keep_rates/run.py ../shared/data

Runs each recipe as a pipeline of its own (inline) and prints the table of README.md: the share of
documents kept per kind of text, and the rule that removes most. Cost: a minute per recipe.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml
from resiliparse.extract.html2text import extract_plain_text

from curate.pipeline.engine import Run
from curate.pipeline.executors.inline import InlineExecutor
from curate.pipeline.spec import load
from curate.pipeline.spec.recipes import recipe_names

WIKIPEDIA_CHARACTERS = 400
"""Shorter articles are stubs."""
PYTHON_FILES = 600


def json_lines(paths: Iterable[Path]) -> Iterator[str]:
    """The texts of JSON lines."""
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            for line in lines:
                yield json.loads(line)["text"]


def answers(posts: Path) -> Iterator[str]:
    """Answers of a StackExchange dump as plain text."""
    with gzip.open(posts) as file:
        for _, row in ElementTree.iterparse(file):
            if row.tag == "row" and row.get("PostTypeId") == "2":
                yield extract_plain_text(row.get("Body", ""), main_content=False, links=False)
            row.clear()


def python_files() -> Iterator[str]:
    """Modules of the standard library, in path order."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted(path for path in folder.rglob("*.py") if "site-packages" not in path.parts)
    for path in paths[:: max(1, len(paths) // PYTHON_FILES)]:
        text = path.read_text(encoding="utf-8", errors="replace")
        if text.strip():
            yield text


def write_sources(data: Path, folder: Path) -> dict[str, dict[str, Any]]:
    """Write every kind of text as JSON lines; returns the `sources:` of a pipeline file."""
    wikipedia = json_lines(sorted((data / "wikipedia").glob("en-*.jsonl.gz")))
    texts: dict[str, tuple[str, Iterable[str]]] = {
        "c4": ("web", json_lines(sorted((data / "c4").glob("*.jsonl.gz")))),
        "wikipedia": ("encyclopedia", (t for t in wikipedia if len(t) > WIKIPEDIA_CHARACTERS)),
        "stackexchange": (
            "forum",
            answers(data / "conversations" / "stackexchange" / "Posts.xml.gz"),
        ),
        "python": ("code", python_files()),
    }
    sources: dict[str, dict[str, Any]] = {}
    for name, (kind, found) in texts.items():
        with open(folder / f"{name}.jsonl", "w", encoding="utf-8") as file:
            for text in found:
                file.write(json.dumps({"text": text}) + "\n")
        sources[name] = {"format": "jsonl", "kind": kind, "paths": [f"{name}.jsonl"]}
    books = [str((data / "books" / language).resolve() / "*") for language in ("en", "de")]
    sources["books"] = {"format": "text", "kind": "book", "paths": books}
    return sources


def keep_rates(recipe: str, sources: dict[str, Any], folder: Path) -> dict[str, dict[str, Any]]:
    """By source: documents read and kept, and the rules that removed most."""
    path = folder / f"{recipe}.yaml"
    pipeline = {"name": recipe, "output": recipe, "sources": sources}
    path.write_text(yaml.safe_dump({**pipeline, "stages": [{"recipe": recipe}]}))
    record: Any = Run(load(path), InlineExecutor()).execute().record
    found: dict[str, dict[str, Any]] = {}
    for name, facts in record["sources"].items():
        rules = {
            f"{stage['name']}.{rule}": count
            for stage in record["stages"]
            for rule, count in stage["by_source"].get(name, {}).get("rules", {}).items()
        }
        worst = max(rules, key=lambda rule: rules[rule], default="")
        read = facts["read"]
        found[name] = {"read": read, "kept": facts["kept"], "worst": worst}
        found[name]["worst_share"] = rules.get(worst, 0) / max(1, read)
    return found


def table(rates: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Markdown: a row per recipe, a column per source."""
    names = list(next(iter(rates.values())))
    first = next(iter(rates.values()))
    heads = [f"{name} ({first[name]['read']:,})" for name in names]
    lines = ["| recipe | " + " | ".join(heads) + " |", "|---|" + "---|" * len(names)]
    for recipe, found in rates.items():
        cells = []
        for name in names:
            facts = found[name]
            cell = f"{facts['kept'] / max(1, facts['read']):.1%}"
            if facts["worst"]:
                cell += f" (`{facts['worst']}` {facts['worst_share']:.1%})"
            cells.append(cell)
        lines.append(f"| {recipe} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of real texts")
    parser.add_argument("--recipes", nargs="*", default=list(recipe_names()))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="curate-keep-rates-") as name:
        folder = Path(name)
        sources = write_sources(arguments.data, folder)
        rates = {recipe: keep_rates(recipe, sources, folder) for recipe in arguments.recipes}
    print(table(rates))


if __name__ == "__main__":
    main()
