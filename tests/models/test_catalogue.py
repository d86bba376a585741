from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from curate.errors import SpecError
from curate.models import catalogue


def test_the_packaged_model_is_found_without_any_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(catalogue.MODELS_VARIABLE, raising=False)
    found = catalogue.find("lid.176.ftz")
    assert found.sha256 == hashlib.sha256(Path(found.path).read_bytes()).hexdigest()
    assert Path(found.path).is_absolute()
    assert (Path(found.path).parent / "NOTICE.md").is_file(), "CC-BY-SA asks for its notice"


def test_the_build_knows_the_same_digest(repository: Path) -> None:
    entry = catalogue.known("lid.176.ftz")
    assert entry is not None
    assert entry.sha256 in (repository / "setup.py").read_text()


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "own.bin"
    own.write_bytes(b"anything")
    found = catalogue.find(str(own))
    assert (found.name, found.path) == ("own.bin", str(own))
    assert found.sha256 == hashlib.sha256(b"anything").hexdigest()


def test_a_changed_file_gets_a_new_digest(tmp_path: Path) -> None:
    own = tmp_path / "own.bin"
    own.write_bytes(b"one")
    before = catalogue.find(str(own))
    own.write_bytes(b"other")
    assert catalogue.find(str(own)).sha256 != before.sha256


def test_the_folder_of_the_user_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(catalogue.find("lid.176.ftz").path, tmp_path / "lid.176.ftz")
    monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(tmp_path))
    assert catalogue.find("lid.176.ftz").path == str(tmp_path / "lid.176.ftz")


def test_a_damaged_known_model_is_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "lid.176.ftz"
    damaged.write_bytes(Path(catalogue.find("lid.176.ftz").path).read_bytes()[:-1])
    with pytest.raises(SpecError, match=r"not the published lid\.176\.ftz"):
        catalogue.find(str(damaged))


def test_a_missing_full_model_says_where_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(catalogue.MODELS_VARIABLE, raising=False)
    with pytest.raises(SpecError, match=r"131 MB, CC-BY-SA-3\.0.*https://.*CURATE_MODELS"):
        catalogue.find("lid.176.bin")


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"Did you mean 'lid\.176\.ftz'"):
        catalogue.find("lid176.ftz")


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_a_folder_is_no_model(name: str) -> None:
    with pytest.raises(SpecError, match="no such file"):
        catalogue.find(name)
