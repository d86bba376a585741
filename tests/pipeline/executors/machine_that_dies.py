"""A program for a test: a pipeline on a Ray cluster of three nodes, one of which dies under a
running job.

Standard input: JSON with `output`, `texts`, `attempts`. The head runs no jobs; the node that names
itself in `attempts` is removed.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from pathlib import Path

import ray
from curate_test_failures import FailsAtFirst
from ray.cluster_utils import Cluster

from curate.pipeline.engine import Run
from curate.pipeline.executors.ray import RayExecutor
from curate.pipeline.spec.model import (
    EngineConfig,
    PipelineSpec,
    RemovedConfig,
    ReportConfig,
    StageEntry,
)
from curate.stages.dedup.exact import ExactDedup
from curate.stages.sources.jsonl import Jsonl

STORE_BYTES = 80 * 2**20


def main() -> None:
    given = json.load(sys.stdin)
    head = {"num_cpus": 0, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES) for _ in range(2)]
    ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)

    def remove_the_node_that_lingers() -> None:
        attempts = Path(given["attempts"])
        while not attempts.exists() or not attempts.read_text().endswith("\n"):
            time.sleep(0.01)
        named = attempts.read_text().strip()
        (node,) = [node for node in nodes if node.node_id == named]
        cluster.remove_node(node, allow_graceful=False)

    threading.Thread(target=remove_the_node_that_lingers, daemon=True).start()
    stage = FailsAtFirst(attempts=given["attempts"], how="linger")
    stages = (
        StageEntry(stage.name, stage, ("web",)),
        StageEntry("exact_dedup", ExactDedup(), (stage.name,)),
    )
    pipeline = PipelineSpec(
        name="troubled",
        output=given["output"],
        seed=1,
        sources={"web": Jsonl(paths=(f"{given['texts']}/*.jsonl",))},
        stages=stages,
        tokenizer=None,
        pack=None,
        engine=EngineConfig(shard_input_bytes=4_000, document_timeout_s=20),
        removed=RemovedConfig(),
        report=ReportConfig(),
        max_bad_fraction=0.1,
        keep_intermediates="extracted",
        path="",
        folder=given["texts"],
        text="",
    )
    Run(pipeline, RayExecutor()).execute()
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main()
