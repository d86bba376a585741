"""The bundled profile `multilingual` and the table that verifies it, from FLORES-200 dev.

    python benchmarks/profiles/run.py ../shared/data/flores200/dev.jsonl.gz

FLORES-200 (NLLB team 2022, arXiv 2207.04672; CC-BY-SA 4.0): 997 sentences of human translation in
each of 204 languages. Blocks of 20 lines are documents. Bounds come from the even blocks of every
language (mean ± 4 standard deviations, only widened; repeated lines as in FineWeb-2); the table
counts the blocks that each filter keeps of the odd blocks and of all, with the dictionaries and
without them.
Writes stages/profile_data/multilingual.toml and benchmarks/profiles/table.md. 3 minutes.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from curate.kernels import dictionary
from curate.pipeline.calibrate import calibrate
from curate.pipeline.spec import load
from curate.stages.base import Filter
from curate.stages.calibration import Method
from curate.stages.profiles import DEFAULT, Profile, RuleBounds
from curate.stages.quality.fineweb import FineWebQuality
from curate.stages.quality.gopher import GopherQuality
from curate.stages.quality.gopher_repetition import GopherRepetition
from curate.stages.rules import evaluate

HERE = Path(__file__).parent
PROFILE = HERE.parents[1] / "stages" / "profile_data" / "multilingual.toml"
FILTERS: tuple[type[Filter], ...] = (GopherRepetition, GopherQuality, FineWebQuality)
LINES_PER_BLOCK = 20
METHOD = Method("mean_sd", deviations=4.0)
FINEWEB_2_DUPLICATES = 0.1

LID_176 = dict(
    pair.split("=")
    for pair in (
        "afr=af amh=am arb=ar asm=as azj=az bak=ba bel=be ben=bn bod=bo bos=bs bul=bg cat=ca "
        "ces=cs cym=cy dan=da deu=de ell=el eng=en epo=eo est=et eus=eu fin=fi fra=fr gla=gd "
        "gle=ga glg=gl grn=gn guj=gu hat=ht heb=he hin=hi hrv=hr hun=hu hye=hy ind=id isl=is "
        "ita=it jav=jv jpn=ja kan=kn kat=ka kaz=kk khk=mn khm=km kir=ky kor=ko kmr=ku lao=lo "
        "lim=li lit=lt ltz=lb lvs=lv mal=ml mar=mr mkd=mk mlt=mt mya=my nld=nl nno=nn nob=no "
        "npi=ne oci=oc ory=or pan=pa pbt=ps pes=fa plt=mg pol=pl por=pt quy=qu ron=ro rus=ru "
        "san=sa sin=si slk=sk slv=sl snd=sd som=so spa=es als=sq srd=sc srp=sr sun=su swe=sv "
        "swh=sw tam=ta tat=tt tel=te tgk=tg tgl=tl tha=th tuk=tk tur=tr uig=ug ukr=uk urd=ur "
        "uzn=uz vie=vi ydd=yi yor=yo zho=zh zsm=ms"
    ).split()
)
"""ISO 639-3 of FLORES to what lid.176 says; other languages keep their ISO 639-3 code."""


def language_key(flores_code: str) -> str:
    """`zho_Hans` -> `zh`; scripts of one language share a key, as lid.176 has them."""
    code = flores_code.partition("_")[0]
    return LID_176.get(code, code)


def read_blocks(path: Path) -> dict[str, list[str]]:
    """Blocks of 20 lines by FLORES code; the rest of the lines makes a last, shorter block."""
    lines: dict[str, list[str]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            lines[row["language"]].append(row["text"])
    return {
        code: [
            "\n".join(found[start : start + LINES_PER_BLOCK])
            for start in range(0, len(found), LINES_PER_BLOCK)
        ]
        for code, found in sorted(lines.items())
    }


def derive(blocks: Mapping[str, list[str]]) -> Profile:
    """What `curate calibrate` makes of the even blocks."""
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/flores.jsonl", "w", encoding="utf-8") as file:
            for code, found in blocks.items():
                for text in found[::2]:
                    row = {"text": text, "language": language_key(code)}
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
        stages = ", ".join(kind.name for kind in FILTERS)
        Path(folder, "pipeline.yaml").write_text(
            "name: profile\noutput: run\n"
            "sources: {flores: {format: jsonl, paths: [flores.jsonl]}}\n"
            f"stages: [{stages}]\n",
            encoding="utf-8",
        )
        spec = load(f"{folder}/pipeline.yaml")
        made = calibrate(spec, "flores", METHOD, language_field="language")
    source = "FLORES-200 dev, even blocks of 20 lines (arXiv 2207.04672)"
    return made.model_copy(update={"source": source, "filters": with_fineweb_2(made.filters)})


def with_fineweb_2(
    filters: Mapping[str, Mapping[str, RuleBounds]],
) -> dict[str, Mapping[str, RuleBounds]]:
    """FineWeb-2 allows ten times FineWeb's repeated lines in every language but English (README);
    what FLORES shows of them is chance: a language has a repeated sentence or none.
    """
    name, rule = FineWebQuality.name, "duplicate_line_characters"
    own = FineWebQuality().max_duplicate_line_characters
    assert own is not None
    measured = filters[name][rule].high or {}
    table = {DEFAULT: FINEWEB_2_DUPLICATES, "en": own} | {
        language: bound for language, bound in measured.items() if bound > FINEWEB_2_DUPLICATES
    }
    return {**filters, name: {**filters[name], rule: RuleBounds(high=table)}}


def kept(stage: Filter, texts: list[str], language: str) -> list[bool]:
    """Which texts a filter keeps when they are in `language`."""
    batch = pa.record_batch(
        {
            "text": pa.array(texts, pa.large_string()),
            "language": pa.array([language] * len(texts), pa.string()),
        }
    )
    columns: dict[str, pa.Array] = {"language": batch.column("language")}
    for annotator in stage.annotators():
        made = annotator.annotate(batch)
        for signal, column in zip(annotator.signals(), made.columns, strict=True):
            columns[f"{annotator.name}.{signal.name}"] = column
    rules = stage.judged_rules()
    judged = evaluate(rules, pa.RecordBatch.from_pydict(columns))
    return [bool(index < 0) for index in judged.first_broken()]


def shares(blocks: Mapping[str, list[str]], profile: Profile | None) -> dict[str, list[float]]:
    """Per FLORES code and filter: share kept of the odd blocks, then of all blocks."""
    result = {}
    for code, texts in blocks.items():
        row = []
        for kind in FILTERS:
            passed = kept(kind(profile=profile), texts, language_key(code))
            row += [sum(passed[1::2]) / len(passed[1::2]), sum(passed) / len(passed)]
        result[code] = row
    return result


def main() -> None:
    """Derive, verify, write."""
    blocks = read_blocks(Path(sys.argv[1]))
    profile = derive(blocks)
    PROFILE.write_text(
        "# Made by benchmarks/profiles/run.py; do not edit.\n" + profile.as_toml(),
        encoding="utf-8",
    )
    found = shares(blocks, profile)
    before = shares(blocks, None)
    segmenter = dictionary.segmenter_name()
    # As where the extra `segmentation` is not installed.
    dictionary._data_file = lambda: None  # type: ignore[assignment]
    dictionary.load.cache_clear()
    without = shares(blocks, profile)
    names = [kind.name for kind in FILTERS]
    lines = [
        "# What the profile `multilingual` keeps of FLORES-200 dev",
        "",
        f"`python benchmarks/profiles/run.py dev.jsonl.gz`, {datetime.now(UTC):%Y-%m-%d}, words of "
        f"`{segmenter}`. Blocks of 20 lines, bounds from the even blocks. Cells: share of the odd "
        "blocks kept / of all blocks; in brackets all blocks under the filters' own bounds; last, "
        "all blocks by all filters without dictionaries.",
        "",
        f"Lowest: with dictionaries {min(map(min, found.values())):.1%}, without "
        f"{min(map(min, without.values())):.1%}; own bounds {min(map(min, before.values())):.1%}.",
        "",
        f"| FLORES | key | {' | '.join(names)} | without dictionaries |",
        f"|---|---|{'---|' * (len(names) + 1)}",
    ]
    for code, row in found.items():
        cells = [
            f"{row[2 * index]:.0%} / {row[2 * index + 1]:.0%} ({before[code][2 * index + 1]:.0%})"
            for index in range(len(names))
        ]
        lowest = min(without[code][1::2])
        lines.append(f"| {code} | {language_key(code)} | {' | '.join(cells)} | {lowest:.0%} |")
    (HERE / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(lines[4])


if __name__ == "__main__":
    main()
