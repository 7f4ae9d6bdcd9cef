"""Runbooks: the shipped ones are right, and mistakes are told with file, field and mend."""

from pathlib import Path

import pytest

from incident_agents.diagnosis.facts import COMMON, OF_CAUSE
from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.api.causes import Cause
from incident_commander.api.plan import ActionName
from incident_commander.api.runbook import Runbook
from incident_commander.errors import InvalidPayload
from incident_commander.planning.runbooks import builtin_runbooks, load_folder, load_text, runbooks_of
from incident_commander.planning.template import references

BOOKS = builtin_runbooks()
GOOD = """
apiVersion: incidentcommander.io/v1alpha1
kind: Runbook
metadata: {name: r, labels: {team: shop}}
spec:
  match: {causes: [CrashLoop]}
  steps:
    - {name: restart, action: RestartRollout, actOn: Object}
"""


class TestBuiltIns:
    def test_every_cause_has_one_that_asks_people(self) -> None:
        asking = [b for b in BOOKS if [s.action for s in b.spec.steps] == [ActionName.ESCALATE]]
        assert {cause for book in asking for cause in book.spec.match.causes} == set(Cause)
        assert all(book.spec.match.min_confidence == 0 for book in asking)

    @pytest.mark.parametrize("book", BOOKS, ids=lambda b: b.metadata.name)
    def test_each_refers_to_facts_that_the_diagnosis_publishes(self, book: Runbook) -> None:
        for step in book.spec.steps:
            names = {r.removeprefix("facts.") for t in step.parameters.values() for r in references(t) if "facts." in r}
            for cause in book.spec.match.causes:
                known = COMMON | OF_CAUSE[cause]
                # What is only read may name what one of its causes does not carry; what is written may not.
                assert names <= known or (step.action is ActionName.ESCALATE and names & known), (cause, names - known)

    @pytest.mark.parametrize("book", BOOKS, ids=lambda b: b.metadata.name)
    def test_each_is_complete(self, book: Runbook) -> None:
        assert book.spec.description
        window = book.spec.verification
        assert window.settle_seconds < window.window_seconds
        for step in book.spec.steps:
            if step.action is not ActionName.ESCALATE and step.on == "Object":
                assert set(book.spec.match.kinds) <= CATALOGUE[step.action].kinds, step.name

    def test_file_and_name_agree(self) -> None:
        folder = Path(__file__).parents[3] / "runbooks"
        assert {f.stem for f in folder.glob("*.yaml")} == {b.metadata.name for b in BOOKS}


class TestMistakes:
    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            ("CrashLoop", "CrashLop", r"mine\.yaml: spec\.match\.causes\[0\]: .*CrashLoop"),
            ("RestartRollout", "Reboot", r"spec\.steps\[0\]\.action"),
            ("actOn: Object", "on: Object", r"spec\.steps\[0\]\.True: is not known"),
            ("actOn: Object", "act: Object", r"spec\.steps\[0\]\.act: is not known here; known: actOn"),
            ("  match:", "  priorities: 5\n  match:", r"spec\.priorities: is not known"),
            ("{name: r, labels", "{labels", r"metadata\.name: a Runbook needs a name"),
            ("kind: Runbook", "kind: Incident", r"kind: "),
            ("spec:", "speck:", r"speck: is not a field"),
            ("apiVersion: incidentcommander.io/v1alpha1", "apiVersion: v1", r"apiVersion: "),
            (
                "actOn: Object}",
                "actOn: Object}\n    - {name: restart, action: Escalate}",
                r"steps\[1\]\.name: there are two steps called 'restart'",
            ),
            (
                "actOn: Object}",
                "actOn: Object}\n    - {name: again, action: RestartRollout, actOn: Object}",
                r"steps\[1\]\.actOn: an earlier step writes to the same Object",
            ),
            (
                "- {name: restart",
                "- {name: ask, action: Escalate}\n    - {name: restart",
                r"steps\[0\]\.action: Escalate .* last step",
            ),
            (
                "actOn: Object}",
                "actOn: Object, parameters: {x: '${fact.pod}'}}",
                r"steps\[0\]\.parameters\.x: \$\{fact\.pod\} is not a reference",
            ),
            (
                "actOn: Object}",
                "actOn: Object, parameters: {x: '${object.uid}'}}",
                r"object has apiVersion, kind, namespace, name",
            ),
            ("spec:", "spec: [", r"mine\.yaml, line \d+: not YAML"),
        ],
    )
    def test_a_mistake_is_told_with_its_place(self, old: str, new: str, told: str) -> None:
        assert old in GOOD
        with pytest.raises(InvalidPayload, match=told):
            load_text(GOOD.replace(old, new, 1), "mine.yaml")

    def test_something_else_altogether(self) -> None:
        with pytest.raises(InvalidPayload, match="this is a str"):
            load_text("hello", "mine.yaml")

    def test_two_of_one_name(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_text(GOOD + "---\n" + GOOD.replace("name: r,", "name: s,"))
        assert [b.metadata.name for b in load_folder(tmp_path)] == ["r", "s"]
        (tmp_path / "b.yaml").write_text(GOOD)
        with pytest.raises(InvalidPayload, match=r"b\.yaml: metadata\.name: there are two runbooks called 'r'"):
            load_folder(tmp_path)


def test_from_the_api_server_the_good_ones_are_taken_and_the_others_told() -> None:
    (good,) = load_text(GOOD, "r.yaml")
    stored = good.to_json()
    broken = {**stored, "metadata": {"name": "broken"}, "spec": {"match": {"causes": ["Gremlins"]}, "steps": []}}
    twice = {**stored, "metadata": {"name": "twice"}, "spec": {**stored["spec"], "steps": stored["spec"]["steps"] * 2}}
    found, problems = runbooks_of([stored, broken, twice])
    assert found == [good]
    assert [p.split(":")[0] for p in problems] == ["Runbook broken", "Runbook twice"]
