"""What is allowed but should be known: a filter on a kind of source it was not made for, a recipe
that this version cannot follow to the end.
"""

from __future__ import annotations

from curate.kernels import dictionary
from curate.pipeline.dag import resolve
from curate.pipeline.spec.model import PipelineSpec, StageEntry
from curate.pipeline.spec.problems import list_of
from curate.stages.base import Filter
from curate.tokenizer.normal_forms import NFKC_WARNING

NO_DICTIONARY = (
    f"the words of {list_of(dictionary.SCRIPTS)} are not known without a dictionary: rules on "
    "words keep such documents; `pip install 'curate[segmentation]'` judges them too"
)


def warnings(spec: PipelineSpec) -> tuple[str, ...]:
    """`file:line: …` for every stage that a source passes although it is made for other kinds, and
    the steps that recipes lack.
    """
    found = []
    for name, chain in resolve(spec.stages, tuple(spec.sources)).chains.items():
        kind = spec.sources[name].kind
        found += [
            (
                entry.line,
                f"{spec.path}:{entry.line}: warning: stage '{entry.name}' is made for "
                f"{list_of(entry.stage.made_for)}, but source '{name}' is of kind {kind}; "
                "leave it out with `only:` if that is not meant",
            )
            for entry in chain
            if kind is not None
            and entry.stage.made_for
            and kind not in (*entry.stage.made_for, *(entry.kinds or ()))
        ]
    if (measuring := _measures_words(spec)) and not dictionary.is_installed():
        found.append((measuring[0].line, f"{spec.path}:{measuring[0].line}: note: {NO_DICTIONARY}"))
    if spec.tokenizer is not None and spec.tokenizer.normalization == "nfkc":
        found.append((0, f"{spec.path}: warning: {NFKC_WARNING}"))
    notes = (f"{spec.path}: note: {note}" for note in spec.notes)
    return (*dict.fromkeys(text for _, text in sorted(found)), *notes)


def _measures_words(spec: PipelineSpec) -> list[StageEntry]:
    """Entries with rules on words that would be found by dictionaries."""
    return [
        entry
        for entry in spec.stages
        if isinstance(entry.stage, Filter)
        and any(
            dictionary.DISTRIBUTION in annotator.used_distributions()
            for annotator in entry.stage.annotators()
        )
    ]
