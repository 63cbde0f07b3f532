"""The official suite's scenarios of authorization, with the gateway as the OAuth client: every check succeeds.

Two scenarios run at a time, since each of them mostly waits for programs to start.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from outside.cells import AUTH_CELLS, judge_auth
from outside.difference import Verdict
from outside.suite import AUTH_SCENARIOS, CLIENT_SCENARIOS, WITH_REQUIREMENTS, scored

pytestmark = pytest.mark.suite

AT_ONCE = 2
Cell = tuple[str, str]
Verdicts = dict[Cell, Future[Verdict]]


@pytest.fixture(scope="module")
def verdicts(
    request: pytest.FixtureRequest, suite_part: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Verdicts]:
    """Of the cells that were asked for, each as soon as it is judged."""
    folder = tmp_path_factory.mktemp("auth")
    asked = [item.callspec.params["cell"] for item in request.session.items if _is_a_cell(item)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {(front, name): pool.submit(judge_auth, front, name, folder / front / name) for front, name in asked}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("cell", AUTH_CELLS, ids="-".join)
def test_the_gateway_is_an_oauth_client(verdicts: Verdicts, cell: Cell) -> None:
    verdict = verdicts[cell].result()

    assert verdict.good, f"{cell}\n{verdict}"


@pytest.mark.parametrize("revision", WITH_REQUIREMENTS)
def test_nothing_that_is_scored_is_left_out(suite_part: None, revision: str) -> None:
    assert set(scored(revision)) <= {*CLIENT_SCENARIOS[revision], *AUTH_SCENARIOS[revision]}


def _is_a_cell(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and item.originalname == "test_the_gateway_is_an_oauth_client"
