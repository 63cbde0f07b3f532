"""The process that finds names: real Presidio over a real spaCy pipeline, killed, stopped and given nonsense."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from names_model import made
from narthex.limits import ner_call_bytes_max
from narthex.model.ner import NerConfig
from narthex.upstream.recogniser import Gone, Recogniser, TooLong
from narthex.upstream.stdio.spawner import Spawner

SECONDS_MAX = 60.0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(made(tmp_path_factory.mktemp("recogniser")))


class Life:
    """A recogniser that runs, what it said, and its process."""

    def __init__(self, config: NerConfig, *program: tuple[str, ...]) -> None:
        self.said: list[str] = []
        self.spawner = Spawner()
        self.recogniser = Recogniser(config, self.spawner, lambda _, sentence: self.said.append(sentence), *program)

    @property
    def pid(self) -> int:
        (child,) = self.spawner.children
        return child.pid

    async def until(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS_MAX):
            while not what():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def living(config: NerConfig, *program: tuple[str, ...]) -> AsyncIterator[Life]:
    life = Life(config, *program)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(life.recogniser.run())
        try:
            yield life
        finally:
            running.cancel()
            await life.recogniser.aclose()
            await life.spawner.aclose()


async def test_names_are_found_with_their_places_and_everything_else_is_not(model: str) -> None:
    config = NerConfig(model=model, entities=("PERSON", "LOCATION"), seconds=30)
    texts = ["Anna Schmidt lives in Berlin.", "Nobody lives here.", "¡José García! in São Paulo 🙂 Berlin"]
    async with living(config) as life:
        found = await life.recogniser.find(config, texts)

    named = {text: [(text[start:end], entity) for start, end, entity in spans] for text, spans in found.items()}
    assert named == {
        texts[0]: [("Anna Schmidt", "PERSON"), ("Berlin", "LOCATION")],
        texts[1]: [],
        texts[2]: [("José García", "PERSON"), ("São Paulo", "LOCATION"), ("Berlin", "LOCATION")],
    }


async def test_only_what_is_asked_for_is_looked_for_and_what_no_label_finds_is_said(model: str) -> None:
    config = NerConfig(model=model, entities=("LOCATION", "NRP"), seconds=30)
    async with living(config) as life:
        found = await life.recogniser.find(config, ["Anna Schmidt lives in Berlin."])

    assert list(found.values()) == [((22, 28, "LOCATION"),)]
    assert life.said == [f"ner: the model '{model}' has no label for NRP: none is ever found"]


async def test_many_callers_share_batches_and_each_gets_its_own(model: str) -> None:
    config = NerConfig(model=model, entities=("PERSON",), seconds=30)
    async with living(config) as life:
        asked = [[f"{number}: Anna Schmidt", f"nobody {number}"] for number in range(400)]
        found = await asyncio.gather(*(life.recogniser.find(config, texts) for texts in asked))

        assert life.recogniser.texts == 800
    assert [list(one) for one in found] == asked
    assert all(len(one[texts[0]]) == 1 and one[texts[1]] == () for one, texts in zip(found, asked, strict=True))


async def test_what_is_too_long_is_not_asked_at_all(model: str) -> None:
    config = NerConfig(model=model, seconds=30)
    async with living(config) as life:
        with pytest.raises(TooLong, match=f"{ner_call_bytes_max + 1} bytes"):
            await life.recogniser.find(config, ["x" * (ner_call_bytes_max + 1)])


async def test_a_killed_process_fails_what_it_had_and_is_back(model: str) -> None:
    config = NerConfig(model=model, entities=("PERSON",), seconds=30)
    async with living(config) as life:
        await life.recogniser.until_up(config)
        before = life.pid
        os.kill(before, signal.SIGSTOP)  # so that it has something when it is killed
        waiting = asyncio.ensure_future(life.recogniser.find(config, ["Anna Schmidt"]))
        await asyncio.sleep(0)
        os.kill(before, signal.SIGKILL)
        with pytest.raises(Gone, match="has ended over it"):
            await waiting

        assert len((await life.recogniser.find(config, ["Anna Schmidt"]))["Anna Schmidt"]) == 1
        assert life.recogniser.restarts == 1
        assert life.pid != before
    assert "was ended by SIGKILL" in life.said[-1]
    assert "calls that need it are refused" in life.said[-1]


async def test_a_stopped_process_is_given_up_on_in_time_killed_and_back(model: str) -> None:
    config = NerConfig(model=model, entities=("PERSON",), seconds=2)
    async with living(config) as life:
        await life.until(lambda: life.recogniser.is_up)
        os.kill(life.pid, signal.SIGSTOP)
        began = asyncio.get_running_loop().time()
        with pytest.raises(Gone, match="has not answered in 2 s"):
            await life.recogniser.find(config, ["Anna Schmidt"])
        assert asyncio.get_running_loop().time() - began < 10
        await life.until(lambda: life.recogniser.restarts == 1)
        await life.until(lambda: life.recogniser.is_up)

        assert len((await life.recogniser.find(config, ["Anna Schmidt"]))["Anna Schmidt"]) == 1
    assert "was silent for too long" in life.said[-1]


async def test_a_model_that_is_none_is_told_and_nobody_waits_long_for_it(tmp_path: Path) -> None:
    config = NerConfig(model=str(tmp_path / "none"), seconds=0.5)
    async with living(config) as life:
        await life.until(lambda: life.recogniser.restarts >= 2)
        with pytest.raises(Gone, match="whoever does that is not there"):
            await life.recogniser.find(config, ["Anna Schmidt"])
    assert f"could not begin: NoModel: there is no spaCy model '{tmp_path / 'none'}' here" in life.said[0]


async def test_another_configuration_is_another_process(model: str) -> None:
    config = NerConfig(model=model, entities=("PERSON",), seconds=30)
    other = NerConfig(model=model, entities=("LOCATION",), seconds=30)
    async with living(config) as life:
        await life.recogniser.until_up(config)
        before = life.pid
        life.recogniser.adopt(other)
        await life.until(lambda: life.recogniser.is_up and life.pid != before)

        assert await life.recogniser.find(other, ["Anna Schmidt in Berlin"]) == {
            "Anna Schmidt in Berlin": ((16, 22, "LOCATION"),)
        }
        assert life.recogniser.restarts == 0


async def test_a_process_has_no_more_memory_than_it_may(model: str) -> None:
    config = NerConfig(model=model, seconds=30, memory_mb=777)
    async with living(config) as life:
        await life.recogniser.until_up(config)
        limits = Path(f"/proc/{life.pid}/limits").read_text()

    assert [line.split()[3:5] for line in limits.splitlines() if line.startswith("Max address space")] == [
        [str(777 << 20)] * 2
    ]


async def test_the_end_of_the_gateway_is_its_end(model: str) -> None:
    config = NerConfig(model=model, seconds=30)
    async with living(config) as life:
        await life.recogniser.until_up(config)
        pid = life.pid

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


NONSENSE = """
import sys
sys.stdin.readline()
print('{"ready": true}', flush=True)
for _ in sys.stdin:
    print(sys.argv[1], flush=True)
"""


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ('{"id": 1, "broken": "ValueError"}', "could not read it \\(ValueError\\)"),
        ('{"id": 1, "found": []}', "answered something else"),
        ('{"id": 1, "found": [[], []]}', "answered something else"),
        ('{"id": 1}', "could not read it"),
        ('{"id": 1, "found": [[["x", 2, "PERSON"]]]}', "has ended over it"),
        ('{"id": 1, "found": ', "has not answered"),
        ('{"id": 2, "found": [[]]}', "has not answered"),
        ("[INFO] looking", "has not answered"),
    ],
)
async def test_a_program_that_answers_nonsense_has_answered_nothing(answer: str, why: str) -> None:
    program = (sys.executable, "-c", NONSENSE, answer)
    async with living(NerConfig(model="x", seconds=2), program) as life:
        with pytest.raises(Gone, match=why):
            await life.recogniser.find(NerConfig(model="x", seconds=2), ["Anna Schmidt"])


async def test_one_that_never_begins_is_not_waited_for_longer_than_a_call_may_wait() -> None:
    program = (sys.executable, "-c", "import sys; sys.stdin.read()")
    async with living(NerConfig(model="x", seconds=0.3), program) as life:
        with pytest.raises(Gone, match="only just starting"):
            await life.recogniser.find(NerConfig(model="x", seconds=0.3), ["Anna Schmidt"])
