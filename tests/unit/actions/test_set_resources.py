"""SetResources: within the bounds, above the request, on the container that was meant."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.actions.action import Bounds
from incident_commander.api.plan import ActionName, Risk
from incident_commander.api.quantity import parse_quantity
from incident_commander.errors import Refusal
from incident_commander.ports import Object
from tests.unit.actions.workloads import container, plan, pod, refusal, template, workload

SET = ActionName.SET_RESOURCES


def with_resources(**resources: Any) -> Object:
    return workload(spec={"template": template(container("web", **resources))})


def written(target: Object, **parameters: Any) -> dict[str, str | None]:
    step = plan(SET, target, **parameters)
    return {op.path.split("/resources/")[1]: op.value for op in step.operations}


class TestTemplates:
    def test_a_limit_is_raised_and_the_container_pinned_by_name(self) -> None:
        target = workload(spec={"template": template(container("web"), container("log"))})
        step = plan(SET, target, container="log", memory="256Mi")
        (operation,) = step.operations
        assert operation.path == "/spec/template/spec/containers/1/resources/limits/memory"
        assert ("/spec/template/spec/containers/1/name", '"log"') in [(f.path, f.value) for f in step.pre_image]
        assert "memory limit 128Mi → 256Mi" in step.summary

    def test_quantities_are_written_as_the_api_server_stores_them(self) -> None:
        assert written(with_resources(limits={"memory": "1Gi", "cpu": "1"}), memory="1.5Gi", cpu="1.2505") == {
            "limits/memory": '"1536Mi"',
            "limits/cpu": '"1251m"',
        }

    def test_a_request_that_equals_its_limit_moves_with_it(self) -> None:
        same = {"memory": "128Mi"}
        assert written(with_resources(limits=same, requests=same), memory="256Mi") == {
            "limits/memory": '"256Mi"',
            "requests/memory": '"256Mi"',
        }
        lower = with_resources(limits=same, requests={"memory": "64Mi"})
        assert written(lower, memory="256Mi") == {"limits/memory": '"256Mi"'}

    def test_a_limit_never_falls_below_the_request(self) -> None:
        target = with_resources(limits={"memory": "256Mi"}, requests={"memory": "128Mi"})
        assert refusal(SET, target, memory="64Mi") == "BelowRequest"
        assert refusal(SET, target, memoryRequest="512Mi") == "BelowRequest"
        assert written(target, memory="128Mi") == {"limits/memory": '"128Mi"'}

    def test_sidecars_among_the_init_containers_can_be_meant(self) -> None:
        target = workload()
        target["spec"]["template"]["spec"]["initContainers"] = [container("proxy")]
        step = plan(SET, target, container="proxy", cpu="1")
        assert step.operations[0].path.startswith("/spec/template/spec/initContainers/0/")
        assert plan(SET, target, cpu="1").pre_image[0].value == '"web"'

    @pytest.mark.parametrize(
        ("parameters", "reason"),
        [
            ({}, "MissingParameter"),
            ({"memory": "lots"}, "BadParameter"),
            ({"memory": "0"}, "BadParameter"),
            ({"memory": "-1Gi"}, "BadParameter"),
            ({"memory": "128Mi"}, "NothingToChange"),
            ({"memory": "134217728"}, "NothingToChange"),
            ({"memory": "5Gi"}, "AboveBound"),
            ({"cpu": "5"}, "AboveBound"),
            ({"memory": "1Gi", "container": "nobody"}, "NoSuchContainer"),
            ({"disk": "1Gi"}, "UnknownParameter"),
        ],
    )
    def test_it_is_refused(self, parameters: dict[str, Any], reason: str) -> None:
        assert refusal(SET, workload(), **parameters) == reason

    def test_the_container_must_be_named_when_there_are_several(self) -> None:
        target = workload(spec={"template": template(container("web"), container("log"))})
        assert refusal(SET, target, memory="256Mi") == "MissingParameter"

    def test_a_limit_that_was_never_set_is_not_introduced(self) -> None:
        assert refusal(SET, with_resources(requests={"memory": "64Mi"}), memory="1Gi") == "NoLimitSet"

    def test_what_is_above_the_bound_already_may_come_down_but_not_go_up(self) -> None:
        target = with_resources(limits={"memory": "8Gi"})
        assert refusal(SET, target, memory="9Gi") == "AboveBound"
        assert written(target, memory="6Gi") == {"limits/memory": '"6Gi"'}

    def test_a_bound_that_cannot_be_read_allows_nothing(self) -> None:
        assert refusal(SET, workload(), bounds=Bounds(max_memory="plenty"), memory="256Mi") == "BadBound"

    @given(limit=st.integers(1, 8192), request=st.none() | st.integers(1, 8192), wanted=st.integers(1, 8192))
    def test_whatever_is_written_keeps_request_below_limit_and_limit_within_the_bound(
        self, limit: int, request: int | None, wanted: int
    ) -> None:
        requests = {} if request is None else {"requests": {"memory": f"{min(request, limit)}Mi"}}
        target = with_resources(limits={"memory": f"{limit}Mi"}, **requests)
        try:
            values = written(target, memory=f"{wanted}Mi")
        except Refusal:
            return
        new = {key: parse_quantity((text or "").strip('"')) for key, text in values.items()}
        old_request = min(request, limit) * 1024**2 if request is not None else 0
        assert new.get("requests/memory", old_request) <= new["limits/memory"]
        assert new["limits/memory"] <= max(4096, limit) * 1024**2


class TestPods:
    def test_a_pod_is_resized_in_place(self) -> None:
        step = plan(SET, pod(), resize=True, memory="256Mi")
        assert (step.subresource, step.risk) == ("resize", Risk.LOW)
        assert step.operations[0].path == "/spec/containers/0/resources/limits/memory"
        assert "in place" in step.summary

    def test_risk_is_medium_when_the_container_restarts_for_it(self) -> None:
        target = pod()
        target["spec"]["containers"][0]["resizePolicy"] = [
            {"resourceName": "memory", "restartPolicy": "RestartContainer"}
        ]
        assert plan(SET, target, resize=True, memory="256Mi").risk is Risk.MEDIUM

    def test_it_is_refused_where_resize_is_not_offered_or_the_pod_does_not_run(self) -> None:
        assert refusal(SET, pod(), memory="256Mi") == "ResizeNotOffered"
        assert refusal(SET, pod(phase="Pending"), resize=True, memory="256Mi") == "PodNotRunning"
