"""Text of the installed distributions: real, deterministic, without a path of this machine."""

from __future__ import annotations

import sys
import sysconfig

import pytest

from curate.errors import SpecError
from curate.stages.sources.installed import InstalledPackages, kind_of


def test_prose_and_licences_are_real_text_of_this_environment(read):
    reading = read(InstalledPackages(what=("prose", "licenses")))
    by_path = {record.path: record.text for record in reading.documents}
    assert "pyarrow/METADATA" in by_path
    assert len(by_path) > 50 and not reading.bad
    topics = [record for record in reading.documents if record.meta.get("topic")]
    assert len(topics) > 60
    assert topics[0].locator == "standard-library/pydoc_data/topics.py#0.0"
    assert any("MIT" in text for path, text in by_path.items() if kind_of(path) == "licenses")


def test_ids_hold_no_path_and_no_version(read):
    files = InstalledPackages(what=("prose", "licenses", "html")).files(".")
    assert [file.path for file in files] == sorted((file.path for file in files), key=str.encode)
    for file in files:
        assert not file.path.startswith("/") and sys.prefix not in file.path
        assert ".dist-info" not in file.path.split("/")[1]
    assert sysconfig.get_paths()["stdlib"] not in "".join(file.path for file in files)


def test_code_of_one_distribution(read):
    reading = read(
        InstalledPackages(
            what=("code",), include=("distributions",), only_distributions=("Hypothesis",)
        )
    )
    assert {record.meta["kind"] for record in reading.documents} == {"code"}
    assert {record.path.split("/")[0] for record in reading.documents} == {"hypothesis"}
    assert all(record.path.endswith(".py") for record in reading.documents)


def test_html_help_of_the_standard_library_is_extracted(read):
    reading = read(InstalledPackages(what=("html",), include=("standard_library",)))
    pages = {record.path: record for record in reading.documents}
    if "standard-library/idlelib/help.html" not in pages:
        pytest.skip("this Python comes without idlelib")
    page = pages["standard-library/idlelib/help.html"]
    assert "<" not in page.text[:200] and "IDLE" in page.text
    assert page.meta["kind"] == "html" and page.title


def test_long_files_are_skipped_and_counted(read):
    reading = read(InstalledPackages(what=("licenses",), max_bytes=1000))
    assert reading.skipped["larger_than_max_bytes"] > 10
    assert all(len(record.text.encode()) <= 1000 for record in reading.documents)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("numpy/METADATA", "prose"),
        ("numpy/licenses/LICENSE.txt", "licenses"),
        ("a/COPYING", "licenses"),
        ("a/NOTICE.md", "licenses"),
        ("a/LICENSE-APACHE", "licenses"),
        ("a/a/licenses.py", "code"),
        ("a/README.rst", "prose"),
        ("a/top_level.txt", None),
        ("a/data.json", None),
        ("a/page.HTML", "html"),
        ("spacy/spacy/lang/de/examples.py", "prose"),
        ("standard-library/pydoc_data/topics.py", "prose"),
    ],
)
def test_kinds_of_file(path, kind):
    assert kind_of(path) == kind


def test_paths_are_refused_and_an_empty_choice_is_an_error():
    with pytest.raises(SpecError, match="takes none"):
        InstalledPackages(paths=("a",)).files(".")
    with pytest.raises(SpecError, match="no file of the wanted kinds"):
        InstalledPackages(include=("distributions",), only_distributions=("no-such-thing",)).files(
            "."
        )


def test_what_another_package_brings_along_is_not_installed(tmp_path, monkeypatch):
    """Ray and setuptools put copies of other packages on the path when they are imported."""

    def install(folder, name):
        (folder / f"{name}-1.dist-info").mkdir(parents=True)
        for file, text in (
            ("METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n\nA text."),
            ("RECORD", f"{name}-1.dist-info/METADATA,,\n"),
        ):
            (folder / f"{name}-1.dist-info" / file).write_text(text)

    def seen():
        source = InstalledPackages(what=("prose",), include=("distributions",))
        return [file.path for file in source.files(".")]

    place = tmp_path / "site-packages"
    install(place, "outer")
    install(place / "outer" / "_vendor", "brought")
    monkeypatch.setattr(sys, "path", [str(place)])
    alone = seen()
    monkeypatch.setattr(sys, "path", [str(place / "outer" / "_vendor"), str(place)])
    assert seen() == alone == ["outer/METADATA"]
