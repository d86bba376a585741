"""On a Ray cluster: `ray job submit` and `--address` give the same bytes; without the token there
is a clear error.

The head node runs in a process group of its own, with its own ports, temporary folder and token,
and is ended by ending that group.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import tiny
from curate_test_commands import curate, descendants, environment, wait_until_gone

TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "c0ffee" * 8}
RAY = str(Path(sys.executable).with_name("ray"))


@dataclass(frozen=True)
class Head:
    """A running head node. home_with_token: a home folder that holds another cluster's token."""

    address: str
    dashboard: str
    home_with_token: Path
    fresh_home: Path


def _home(folder: Path, token: str | None) -> Path:
    (folder / ".ray").mkdir(parents=True)
    if token is not None:
        (folder / ".ray" / "auth_token").write_text(token)
    return folder


def _free_ports(count: int) -> list[str]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [str(one.getsockname()[1]) for one in sockets]


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    homes = tmp_path_factory.mktemp("homes")
    # Ray's sockets need a short path.
    temporary = tempfile.mkdtemp(prefix="curate-ray-", dir="/tmp")
    port, dashboard, *agents = _free_ports(6)
    options = (
        "--num-cpus=2",
        "--object-store-memory=83886080",
        f"--temp-dir={temporary}",
        f"--port={port}",
        "--include-dashboard=true",
        f"--dashboard-port={dashboard}",
        f"--dashboard-agent-listen-port={agents[0]}",
        f"--dashboard-agent-grpc-port={agents[1]}",
        f"--runtime-env-agent-port={agents[2]}",
        f"--ray-client-server-port={agents[3]}",
        "--disable-usage-stats",
    )
    log = homes / "head.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [RAY, "start", "--head", "--block", *options],
            env=environment(
                HOME=str(_home(homes / "head", None)),
                RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",
                **TOKEN,
            ),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_for_job_server(f"http://127.0.0.1:{dashboard}", process, log)
        head = Head(
            f"127.0.0.1:{port}", f"http://127.0.0.1:{dashboard}", homes / "known", homes / "fresh"
        )
        _home(head.home_with_token, "another cluster's token, 0123456789")
        _home(head.fresh_home, None)
        yield head
    finally:
        family = descendants(process.pid)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        left = wait_until_gone(family, 70)
        shutil.rmtree(temporary, ignore_errors=True)
        assert not left


def _wait_for_job_server(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 90
    request = urllib.request.Request(
        f"{url}/api/jobs/", headers={"Authorization": f"Bearer {TOKEN['RAY_AUTH_TOKEN']}"}
    )
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=5):
            return
        time.sleep(0.1)
    raise AssertionError(f"no job server: {log.read_text()}")


def _submit(
    head: Head, project: Path, output: Path, home: Path
) -> subprocess.CompletedProcess[str]:
    command = [
        RAY,
        "job",
        "submit",
        "--address",
        head.dashboard,
        "--working-dir",
        str(project),
        "--",
    ]
    command += [
        sys.executable,
        "-m",
        "curate",
        "run",
        "pipeline.yaml",
        "--no-report",
        "--set",
        f"output={output}",
    ]
    return subprocess.run(
        command,
        env=environment(HOME=str(home), **TOKEN),
        cwd=project,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.fixture(scope="module")
def shipped(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project without its results, as it is sent to the cluster."""
    ignored = shutil.ignore_patterns("out*", "*.log", "table.parquet")
    return shutil.copytree(project, tmp_path_factory.mktemp("shipped") / "project", ignore=ignored)


def test_a_submitted_job_gives_the_same_bytes_on_a_fresh_home(head, shipped, finished, tmp_path):
    submitted = _submit(head, shipped, tmp_path / "out", head.fresh_home)
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr
    assert "succeeded" in submitted.stdout
    assert "ray: 2 cpus (joined)" in submitted.stdout
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(finished.output)


def _assert_refused(
    head: Head, arguments: tuple[str, ...], project: Path, token: dict[str, str]
) -> None:
    home = environment(HOME=str(head.home_with_token), **token)
    refused = curate(*arguments, cwd=project, env=home, timeout_s=60)
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert "RAY_AUTH_TOKEN" in refused.stderr and head.address in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_command_joins_with_the_token_and_not_without(head, shipped, finished, tmp_path):
    arguments = (
        "run",
        "pipeline.yaml",
        "--no-report",
        "--address",
        head.address,
        "--set",
        f"output={tmp_path / 'out'}",
    )
    _assert_refused(head, arguments, shipped, {})
    assert not (tmp_path / "out").exists()
    joined = curate(
        *arguments, cwd=shipped, env=environment(HOME=str(head.home_with_token), **TOKEN)
    )
    assert joined.returncode == 0, joined.stderr
    assert tiny.final_files(tmp_path / "out") == tiny.final_files(finished.output)


@pytest.mark.slow
def test_homes_the_other_way_round(head, shipped, finished, tmp_path):
    submitted = _submit(head, shipped, tmp_path / "submitted", head.home_with_token)
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr
    arguments = (
        "run",
        "pipeline.yaml",
        "--no-report",
        "--address",
        head.address,
        "--set",
        f"output={tmp_path / 'joined'}",
    )
    _assert_refused(head, arguments, shipped, TOKEN | {"RAY_AUTH_TOKEN": "wrong" * 8})
    joined = curate(*arguments, cwd=shipped, env=environment(HOME=str(head.fresh_home), **TOKEN))
    assert joined.returncode == 0, joined.stderr
    for name in ("submitted", "joined"):
        assert tiny.final_files(tmp_path / name) == tiny.final_files(finished.output)


def test_a_wrong_address_is_an_error_and_no_wait(shipped, tmp_path):
    (port,) = _free_ports(1)
    arguments = (
        "run",
        "pipeline.yaml",
        "--address",
        f"127.0.0.1:{port}",
        "--set",
        f"output={tmp_path / 'out'}",
    )
    refused = curate(*arguments, cwd=shipped, timeout_s=90)
    assert refused.returncode == 1
    assert (
        f"cannot join the Ray cluster at 127.0.0.1:{port}" in refused.stderr
        and "Traceback" not in refused.stderr
    )
    assert not (tmp_path / "out").exists()
