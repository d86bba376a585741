"""The contract of a store, the same for a local folder and for S3 (moto)."""

from __future__ import annotations

import gc
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import xxhash

from curate.storage.store import DamagedFile, FileRef, Store


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "local":
        yield Store(str(tmp_path / "store"))
    else:
        yield Store(f"{request.getfixturevalue('bucket')}/store")


class NoPower(BaseException):
    """The process ends here."""


def write_until_the_power_goes(store: Store, name: str, size: int) -> None:
    with store.create(name) as file:
        file.write(b"x" * size)
        raise NoPower


def test_a_file_appears_whole_with_size_and_checksum(store: Store) -> None:
    pieces = [b"one", b"", b"two" * 100_000]
    with store.create("a/b/file.bin") as file:
        for piece in pieces:
            file.write(piece)
        assert not store.exists("a/b/file.bin"), "not before the block ends"
    data = b"".join(pieces)
    assert store.read("a/b/file.bin") == data
    assert (file.size_bytes, file.checksum) == (len(data), xxhash.xxh3_64_intdigest(data))
    assert store.size("a/b/file.bin") == len(data)
    assert store.checksum("a/b/file.bin") == file.checksum
    assert store.sizes("") == {"a/b/file.bin": len(data)}


@pytest.mark.parametrize("size", [10, 12 * 2**20], ids=["one put", "multipart"])
def test_a_crash_in_the_middle_leaves_nothing_and_spoils_nothing(store: Store, size: int) -> None:
    store.publish("file", b"before")
    for name in ("file", "new"):
        with pytest.raises(NoPower):
            write_until_the_power_goes(store, name, size)
        gc.collect()
    assert store.read("file") == b"before"
    assert store.sizes("") == {"file": 6}


def test_what_a_library_sends_after_a_failure_goes_nowhere(store: Store) -> None:
    with pytest.raises(ValueError, match="broken"), store.create("file") as file:
        raise ValueError("broken")
    assert file.write(b"a late footer") == 13
    assert not store.exists("file")


def test_publishing_again_replaces_the_file(store: Store) -> None:
    store.publish("file", b"first, longer")
    ref = store.publish("file", b"second")
    assert store.read("file") == b"second"
    assert ref == FileRef("file", 6, xxhash.xxh3_64_intdigest(b"second"))


def test_of_writers_that_must_be_alone_one_wins_and_nobody_reads_half_a_file(
    tmp_path: Path,
) -> None:
    store, seen = Store(str(tmp_path)), set()

    def claim(number: int) -> bool:
        won = store.create_exclusively("folder/lock", str(number).encode() * 100)
        seen.add(len(store.read("folder/lock")))
        return won

    with ThreadPoolExecutor(8) as threads:
        for _ in range(100):
            assert sum(threads.map(claim, range(8))) == 1
            assert store.sizes("") == {"folder/lock": 100}
            store.delete("folder/lock")
    assert seen == {100}


def test_appending(store: Store) -> None:
    store.append("logs/log", b"one\n")
    store.append("logs/log", b"two\n")
    assert store.read("logs/log") == b"one\ntwo\n"


def test_moving_replaces_the_target_and_makes_folders(store: Store) -> None:
    store.publish("from/file", b"new")
    store.publish("to/deep/file", b"old")
    store.move("from/file", "to/deep/file")
    assert store.sizes("") == {"to/deep/file": 3}
    assert store.read("to/deep/file") == b"new"


def test_deleting(store: Store) -> None:
    for name in ("folder/a", "folder/sub/b", "other"):
        store.publish(name, b"x")
    store.delete("folder/a")
    store.delete("folder/a")
    assert set(store.sizes("")) == {"folder/sub/b", "other"}
    store.delete_folder("folder")
    store.delete_folder("folder")
    assert set(store.sizes("")) == {"other"}


def test_sizes_are_sorted_and_below_the_folder_only(store: Store) -> None:
    for name in ("b/2", "b/10", "b/é ü#%20", "bb/1", "a/1"):
        store.publish(name, name.encode())
    assert list(store.sizes("b")) == sorted(["b/2", "b/10", "b/é ü#%20"])
    assert store.sizes("nowhere") == {}
    assert store.read("b/é ü#%20") == "b/é ü#%20".encode()


def test_a_missing_file_is_damage_and_not_a_crash(store: Store) -> None:
    assert not store.exists("nothing")
    assert store.size("nothing") is None
    with pytest.raises(DamagedFile, match="nothing: the file is missing"):
        store.read("nothing")


def test_verify_reads_every_byte(store: Store) -> None:
    ref = store.publish("file", b"0123456789" * 1000)
    store.verify(ref)
    changed = bytearray(store.read("file"))
    changed[5000] ^= 1
    store.publish("file", bytes(changed))
    with pytest.raises(DamagedFile, match="do not match the recorded checksum"):
        store.verify(ref)
    store.publish("file", bytes(changed)[:-1])
    with pytest.raises(DamagedFile, match="9999 bytes, recorded were 10000"):
        store.verify(ref)
    store.delete("file")
    with pytest.raises(DamagedFile, match="missing"):
        store.verify(ref)


def test_seeking_in_an_open_file(store: Store) -> None:
    store.publish("file", bytes(range(256)) * 100)
    with store.open("file") as file:
        assert file.seek(0, 2) == 25_600
        file.seek(-10, 2)
        assert file.read() == bytes(range(246, 256))
        file.seek(256)
        assert file.read(3) == b"\x00\x01\x02"


def test_parts_of_a_file(store: Store) -> None:
    with store.create("file.bin") as file:
        file.write(bytes(range(200)))
    assert store.read_range("file.bin", 0, 3) == b"\x00\x01\x02"
    assert store.read_range("file.bin", 198, 2, whole_bytes=200) == b"\xc6\xc7"
    for offset, size, whole in ((198, 3, None), (0, 3, 201)):
        with pytest.raises(DamagedFile):
            store.read_range("file.bin", offset, size, whole_bytes=whole)
    with pytest.raises(DamagedFile, match="missing"):
        store.read_range("nothing.bin", 0, 1)


def test_a_store_travels_to_another_process(store: Store) -> None:
    store.publish("file", b"here")
    assert pickle.loads(pickle.dumps(store)).read("file") == b"here"


def test_a_local_file_is_on_disk_before_its_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File, name, folder: synced in this order, or a power cut leaves a name without its bytes."""
    events: list[str] = []
    sync, rename = os.fsync, os.replace

    def synced(handle: int) -> None:
        path = os.readlink(f"/proc/self/fd/{handle}")
        events.append("sync folder" if os.path.isdir(path) else "sync file")
        sync(handle)

    def renamed(source: str, target: str) -> None:
        events.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    Store(str(tmp_path)).publish("file", b"x")
    assert events == ["sync file", "rename", "sync folder"]


def test_temporary_files_are_invisible_and_can_be_swept(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.publish("folder/file", b"x")
    (tmp_path / "folder" / ".file.0123456789ab.tmp").write_bytes(b"half")
    assert store.sizes("") == {"folder/file": 1}
    assert store.delete_temporaries("") == 1
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["file"]


def test_a_range_that_the_system_gives_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Linux does above 2 GiB."""
    store, pread = Store(str(tmp_path)), os.pread
    store.publish("file", bytes(range(100)))
    monkeypatch.setattr(os, "pread", lambda file, size, start: pread(file, min(size, 7), start))
    assert store.read_range("file", 5, 90) == bytes(range(5, 95))
    with pytest.raises(DamagedFile, match="ends before byte 101"):
        store.read_range("file", 5, 96)
