"""Waiting ends: with an answer, with the reason why not, or with what was seen last."""

from __future__ import annotations

import asyncio

import pytest

from e2e.harness.waiting import Failure, NotYet, Teller, meanwhile, wait_for


class TestWaiting:
    async def test_answers_as_soon_as_there_is_an_answer(self) -> None:
        answers = iter([NotYet("none"), NotYet("one"), "two"])

        async def ask() -> str:
            answer = next(answers)
            if isinstance(answer, NotYet):
                raise answer
            return str(answer)

        assert await wait_for("two", ask, seconds=60, say=Teller(), every=0) == "two"

    async def test_gives_up_with_what_it_saw_last(self) -> None:
        async def ask() -> None:
            raise NotYet("1 of 2 available")

        with pytest.raises(Failure, match=r"waited 0 s for web; found: 1 of 2 available"):
            await wait_for("web", ask, seconds=0, say=Teller())

    async def test_a_failure_is_not_waited_out(self) -> None:
        async def ask() -> None:
            raise Failure("it ended otherwise")

        with pytest.raises(Failure, match="it ended otherwise"):
            await wait_for("the end", ask, seconds=3600, say=Teller())


class TestMeanwhile:
    async def test_it_goes_on_during_the_block_and_ends_with_it(self) -> None:
        counted: list[int] = []

        async def count() -> None:
            while True:
                counted.append(len(counted))
                await asyncio.sleep(0)

        async with meanwhile(count()):
            await asyncio.sleep(0.01)
        ended_at = len(counted)
        assert ended_at > 1
        await asyncio.sleep(0.01)
        assert len(counted) == ended_at

    async def test_what_it_failed_of_is_told_at_the_end(self) -> None:
        async def fail() -> None:
            raise Failure("the disk is gone")

        with pytest.raises(Failure, match="the disk is gone"):
            async with meanwhile(fail()):
                await asyncio.sleep(0)
