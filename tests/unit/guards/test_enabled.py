"""What the installation does not enable is not done, whatever a policy allows."""

from incident_commander.api.plan import ActionName
from incident_commander.guards.chain import CHAIN
from incident_commander.guards.enabled import enabled
from tests.unit.guards.scene import scene

RESTART = frozenset({ActionName.RESTART_ROLLOUT})


def test_a_disabled_action_is_refused_for_good_and_the_message_says_how_to_enable_it() -> None:
    verdict = enabled(scene(disabled_actions=RESTART))
    assert (verdict.allowed, verdict.reason, verdict.retry_at) == (False, "ActionDisabled", None)
    assert "the fix is: restart" in verdict.message
    assert "actions.RestartRollout=true" in verdict.message


def test_other_actions_are_none_of_its_business() -> None:
    assert enabled(scene(disabled_actions={ActionName.DELETE_POD})).allowed


def test_what_was_done_before_it_was_disabled_may_be_taken_back() -> None:
    assert enabled(scene(disabled_actions=RESTART, undoing=True)).allowed


def test_the_executor_asks_it_first() -> None:
    assert CHAIN[0] == ("enabled", enabled)
