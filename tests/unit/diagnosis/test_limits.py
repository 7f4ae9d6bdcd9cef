"""Limits of files, threads and local storage, in the words of runtimes and of the kubelet."""

from __future__ import annotations

import pytest

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Diagnosis
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import ago, event, log, meta, pod, running, told
from tests.unit.diagnosis.shop import Shop, shop

FILES = (
    "http: Accept error: accept tcp [::]:8080: accept4: too many open files; retrying in 1s",
    "java.net.SocketException: Too many open files (Accept failed)",
    "OSError: [Errno 24] Too many open files: '/tmp/x'",
    "Error: EMFILE: too many open files, open '/app/views/index.html'",
    "2026/03/03 11:59:00 [crit] 31#31: accept4() failed (24: Too many open files)",
    "System.IO.IOException: Too many open files",
    'thread panicked: Os { code: 24, kind: Uncategorized, message: "Too many open files" }',
)
THREADS = (
    "java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory or process limits reached",
    "runtime: failed to create new OS thread (have 2048 already; errno=11)",
    "RuntimeError: can't start new thread",
    "OpenBLAS blas_thread_init: pthread_create failed for thread 3 of 8: Resource temporarily unavailable",
    "ThreadError: can't create Thread: Resource temporarily unavailable",
    "sh: fork: retry: Resource temporarily unavailable",
)
WATCHES = (
    "Error: ENOSPC: System limit for number of file watchers reached, watch '/app/src'",
    "failed to create fsnotify watcher: too many open files",
    "System.IO.IOException: The configured user limit (128) on the number of inotify instances has been reached: "
    "inotify_init too many open files",
)


def says(made: Shop, line: str, times: int = 6) -> None:
    quiet = [f"INFO request {n} served" for n in range(20)]
    made.logs.append(log(made.pods["orders"], *quiet, *[line] * times, container="orders"))


def confident(found: Diagnosis) -> list[Cause]:
    return [h.cause for h in found.hypotheses if h.confidence >= BAR]


class TestWordsOfPrograms:
    @pytest.mark.parametrize(
        ("line", "resource"),
        [(line, "openFiles") for line in FILES]
        + [(line, "threads") for line in THREADS]
        + [(line, "fileWatches") for line in WATCHES],
    )
    def test_the_limit_is_named(self, line: str, resource: str) -> None:
        made = shop()
        says(made, line)
        found = made.diagnose()
        top = found.hypotheses[0]
        assert top.object is not None
        assert (top.cause, top.object.name, top.facts.get("resource")) == (
            Cause.RESOURCE_LIMIT_REACHED,
            "orders",
            resource,
        ), told(found)

    @pytest.mark.parametrize(
        "line",
        [
            "[Warning] Could not increase number of max_open_files to more than 1024 (request: 5000)",
            "INFO open files limit is 1048576",
            "INFO thread pool started with 8 threads",
            "WARN thread starvation or clock leap detected (housekeeper delta=1m3s)",
            "INFO forked worker 7",
            'INFO ticket opened subject="too many open files"',
        ],
    )
    def test_words_about_limits_that_hold_are_none(self, line: str) -> None:
        made = shop()
        says(made, line)
        assert confident(made.diagnose()) == []

    def test_once_and_never_again_is_none(self) -> None:
        made = shop()
        made.logs.append(
            log(made.pods["orders"], FILES[0], *[f"INFO request {n} served" for n in range(90)], container="orders")
        )
        assert confident(made.diagnose()) == []

    def test_watches_that_are_used_up_fill_no_volume(self) -> None:
        made = shop()
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": meta("data"),
            "status": {"phase": "Bound"},
        }
        made.more.append(claim)
        volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
        made.pods["orders"]["spec"]["volumes"] = [volume]
        says(made, WATCHES[0])
        assert Cause.VOLUME_FULL not in confident(made.diagnose())


def evicted(made: Shop, message: str, *, age: float = 120) -> Object:
    owner = next(o for o in made.more if o["metadata"]["name"].startswith("orders-"))
    gone = pod(owner, "evict", running("orders", ready=False), phase="Failed", age=age)
    gone["status"] = {
        "phase": "Failed",
        "reason": "Evicted",
        "message": message,
        "startTime": ago(seconds=age),
        "conditions": [
            {
                "type": "DisruptionTarget",
                "status": "True",
                "reason": "TerminationByKubelet",
                "lastTransitionTime": ago(seconds=age),
            }
        ],
    }
    made.more.append(gone)
    return gone


class TestEvictions:
    @pytest.mark.parametrize(
        ("message", "resource", "limit"),
        [
            (
                "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
                "ephemeralStorage",
                "1Gi",
            ),
            ('Container orders exceeded its local ephemeral storage limit "512Mi". ', "ephemeralStorage", "512Mi"),
            ('Usage of EmptyDir volume "cache" exceeds the limit "2Gi". ', "emptyDir", "2Gi"),
        ],
    )
    def test_who_wrote_too_much_is_named_with_the_limit(self, message: str, resource: str, limit: str) -> None:
        made = shop()
        evicted(made, message)
        found = made.diagnose()
        top = found.hypotheses[0]
        assert (top.cause, top.facts["resource"], top.facts["limit"]) == (
            Cause.RESOURCE_LIMIT_REACHED,
            resource,
            limit,
        ), told(found)

    @pytest.mark.parametrize(
        ("resource", "condition"), [("ephemeral-storage", "DiskPressure"), ("memory", "MemoryPressure")]
    )
    def test_a_node_that_ran_out_of_something_is_named(self, resource: str, condition: str) -> None:
        made = shop()
        evicted(
            made,
            f"The node was low on resource: {resource}. Threshold quantity: 10, available: 8. "
            "Container orders was using 9Gi, request is 0, has larger consumption of it.",
        )
        top = made.diagnose().hypotheses[0]
        assert top.object is not None
        assert (top.cause, top.object.name, top.facts["condition"]) == (Cause.NODE_PRESSURE, "node-a", condition)

    def test_an_event_tells_it_as_well(self) -> None:
        made = shop()
        words = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. "
        made.more.append(event(made.pods["orders"], "Evicted", words))
        assert made.diagnose().hypotheses[0].cause is Cause.RESOURCE_LIMIT_REACHED

    def test_old_evictions_whose_pods_were_left_lying_are_history(self) -> None:
        made = shop()
        evicted(made, "The node was low on resource: memory. ", age=90_000)
        evicted(made, "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ", age=90_000)
        assert confident(made.diagnose()) == []

    @pytest.mark.parametrize(
        "message", ["Pod was rejected: Predicate NodeAffinity failed", "Preempted in order to admit critical pod"]
    )
    def test_other_ends_are_no_evictions_for_want_of_something(self, message: str) -> None:
        made = shop()
        gone = evicted(made, message)
        gone["status"]["reason"] = "Preempting"
        assert Cause.NODE_PRESSURE not in confident(made.diagnose())
