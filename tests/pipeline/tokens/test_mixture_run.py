"""The mixture in whole runs: files, bytes, what training sees, and wishes that cannot be met."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny

from curate.errors import SpecError
from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.pipeline.spec.model import PipelineSpec
from curate.pipeline.tokens.mixture_jobs import factors_of
from curate.stages.language import Language
from curate.tokenizer.config import PackConfig, TokenizerConfig
from curate.tokenizer.files.reader import TrainingRows
from curate.tokenizer.files.verify import verify_tokens
from curate.tokenizer.mixture.config import MixtureConfig, Upsample
from curate.tokenizer.mixture.plan import MixturePlan

SCHEDULE = [
    {"until": 0.75, "weights": {"web": 0.4, "wiki": 0.2, "books": 0.3, "table": 0.1}},
    {"until": 1.0, "weights": {"web": 0, "wiki": 1, "books": 1, "table": 0}},
]


def mixed(spec: PipelineSpec, **fields: Any) -> PipelineSpec:
    """A chain of three filters, so that most of the documents stay."""
    stages = tuple(entry for entry in spec.stages if entry.name in ("language", "exact_dedup"))
    chained = (
        replace(stages[0], needs=tuple(spec.sources)),
        replace(stages[1], needs=(stages[0].name,)),
    )
    pack = PackConfig(
        validation_fraction=0.1, test_fraction=0.1, max_file_bytes=30_000, sequence_length=128
    )
    return replace(spec, stages=chained, mixture=MixtureConfig.model_validate(fields), pack=pack)


def read_plan(output: Path) -> MixturePlan:
    folder = output / "tokens" / "train"
    table = pq.read_table(folder / "mixture.parquet")
    return MixturePlan.read((folder / "mixture.json").read_bytes(), table, str(folder))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_corpus(tmp_path_factory.mktemp("corpus"), tiny.SMALL)


@pytest.fixture(scope="module")
def annealed(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[PipelineSpec, Path]:
    output = tmp_path_factory.mktemp("annealed")
    spec = mixed(
        tiny.small_spec(corpus, output),
        schedule=SCHEDULE,
        language_temperature=2,
        upsample=[{"signal": "language_score", "at_least": 0.9, "times": 2}],
    )
    tiny.run(spec)
    return spec, output


def test_what_training_sees_is_the_plan(annealed: tuple[PipelineSpec, Path]) -> None:
    _, output = annealed
    plan = read_plan(output)
    documents = pq.read_table(output / "tokens" / "train" / "documents.parquet")
    assert len(plan.copies[0]) == documents.num_rows
    lengths = documents["length"].to_numpy()
    sources = np.array(documents["source"].to_pylist())
    for phase in (0, 1):
        rows = plan.rows(phase)
        facts = plan.content["phases"][phase]
        assert facts["documents"] == len(rows)
        for source, own in facts["sources"].items():
            assert own["tokens"] == lengths[rows[sources[rows] == source]].sum()
    assert plan.content["phases"][1]["sources"]["web"]["tokens"] == 0
    # Every token of a phase stands in its training rows, and in no other one's.
    training = TrainingRows(output / "tokens")
    assert len(training.plan.phases) == 2
    first = 0
    for phase, count in enumerate(training.plan.phases):
        seen: Counter[int] = Counter()
        for row in range(first, first + count):
            for document, _, length in training.pieces(row).tolist():
                seen[document] += length
        wanted = {
            row: int(plan.copies[phase][row]) * int(lengths[row])
            for row in np.flatnonzero(plan.copies[phase]).tolist()
        }
        assert seen == wanted
        first += count


def test_the_files_are_named_in_the_manifest_and_the_run(
    annealed: tuple[PipelineSpec, Path],
) -> None:
    _, output = annealed
    manifest = orjson.loads((output / "tokens" / "manifest.json").read_bytes())
    named = {file["path"] for file in manifest["files"]}
    assert {"train/mixture.json", "train/mixture.parquet"} <= named
    assert set(manifest["splits"]) == {"train", "validation", "test"}
    record = orjson.loads((output / "run.json").read_bytes())
    assert record["mixture"]["tokens"] == read_plan(output).content["tokens"]


def test_same_bytes_in_any_disorder_and_another_weight_repeats_one_job(
    annealed: tuple[PipelineSpec, Path], tmp_path: Path
) -> None:
    spec, output = annealed
    again = replace(spec, output=str(tmp_path / "again"))
    tiny.run(again, SimulatedExecutor(seed=5, twice=0.2, lost=0.1))
    assert tiny.digest(again.output) == tiny.digest(output)
    assert spec.mixture is not None
    assert verify_tokens(output / "tokens", None).faults == []
    warmer = spec.mixture.model_copy(update={"max_epochs": 3.0})
    assert spec.pack is not None
    windows = spec.pack.model_copy(update={"strategy": "concat"})
    result = tiny.run(replace(again, mixture=warmer, pack=windows))
    assert {name for name, jobs in result.executed.items() if jobs} <= {
        "tokens.mixture",
        "tokens.pack",
    }
    assert verify_tokens(Path(again.output) / "tokens", None).faults == []


def test_a_wish_that_cannot_be_met_is_a_spec_error(corpus: Path, tmp_path: Path) -> None:
    spec = mixed(
        tiny.small_spec(corpus, tmp_path / "out"), tokens=10**9, weights=SCHEDULE[0]["weights"]
    )
    with pytest.raises(SpecError, match=r"is asked for .* tokens; there are .* raise max_epochs"):
        tiny.run(spec)
    unknown = mixed(spec, upsample=[{"signal": "nothing", "at_least": 1, "times": 2}])
    with pytest.raises(SpecError, match="documents have no number 'nothing'"):
        tiny.run(unknown)


def test_a_domain_is_held_down(corpus: Path, tmp_path: Path) -> None:
    tiny.run(mixed(tiny.small_spec(corpus, tmp_path / "out"), max_share_per_domain=0.05))
    plan = read_plan(tmp_path / "out")
    (held,) = [stratum for stratum in plan.content["strata"] if stratum["domain"]]
    assert (held["source"], held["domain"]) == ("table", "example.org")
    table = plan.content["sources"]["table"]
    assert table["tokens"] == pytest.approx(0.05 * plan.content["tokens"], rel=0.2)
    assert plan.content["sources"]["web"]["epochs"] == 1


def test_the_tokenizer_is_trained_on_the_mixture(corpus: Path, tmp_path: Path) -> None:
    spec = mixed(
        tiny.small_spec(corpus, tmp_path / "out"), tokens={"web": 0, "wiki": 0, "table": 0}
    )
    spec = replace(spec, stages=spec.stages[:1])
    tiny.run(spec)
    evaluation = orjson.loads((tmp_path / "out" / "tokenizer" / "evaluation.json").read_bytes())
    shares = {"web": "0/1", "wiki": "0/1", "books": "1/1", "table": "0/1"}
    assert evaluation["trained_on"]["shares"] == shares
    assert read_plan(tmp_path / "out").content["sources"]["web"]["tokens"] == 0
    alone = replace(
        spec,
        output=str(tmp_path / "alone"),
        sources={"books": spec.sources["books"]},
        stages=(replace(spec.stages[0], needs=("books",)),),
        mixture=None,
    )
    tiny.run(alone)
    name = "tokenizer/tokenizer.json"
    assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def test_a_tokenizer_of_languages_in_balance(corpus: Path, tmp_path: Path) -> None:
    spec = mixed(tiny.small_spec(corpus, tmp_path / "a"))
    language = replace(spec.stages[0], stage=Language(keep={"en": 0.0, "de": 0.0}))
    tokenizer = TokenizerConfig(vocab_size=400, language_temperature=3)
    spec = replace(spec, stages=(language, spec.stages[1]), tokenizer=tokenizer, mixture=None)
    tiny.run(spec)
    tiny.run(replace(spec, output=str(tmp_path / "b")), SimulatedExecutor(seed=3, twice=0.2))
    tiny.run(replace(spec, output=str(tmp_path / "c"), tokenizer=TokenizerConfig(vocab_size=400)))
    name = "tokenizer/tokenizer.json"
    balanced = (tmp_path / "a" / name).read_bytes()
    assert balanced == (tmp_path / "b" / name).read_bytes()
    assert balanced != (tmp_path / "c" / name).read_bytes()
    counted = [
        orjson.loads((tmp_path / run / "tokenizer" / "evaluation.json").read_bytes())["trained_on"]
        for run in ("a", "c")
    ]
    assert counted[0]["documents"] < counted[1]["documents"]


def test_numbers_that_no_float_holds_are_compared_all_the_same() -> None:
    columns = pa.table({"signal": pa.array([2**60 + 1, None, 3], pa.int64())})
    steps = (Upsample(signal="signal", at_least=10, times=2),)
    assert factors_of(columns, steps, 3).tolist() == [2, 1, 1]
