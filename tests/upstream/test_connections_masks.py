"""Secrets in texts: found wherever they stand, at a cost that is that of the text."""

import time

from narthex.telemetry.scrub import MASK
from narthex.upstream.credentials.masks import Masks


def test_a_secret_is_found_wherever_it_stands() -> None:
    masks = Masks()
    masks.put("ana", ("access-token-of-ana-0123456789", "short", ""))
    masks.put("bo", ("access-token-of-ana-0123456789-longer", "short"))

    assert masks.hide("xaccess-token-of-ana-0123456789y") == f"x{MASK}y"
    assert masks.hide('{"t":"access-token-of-ana-0123456789-longer"}') == f'{{"t":"{MASK}"}}'
    assert masks.hide("in short, no") == f"in {MASK}, no"
    masks.drop("ana")
    assert masks.hide("access-token-of-ana-0123456789 is short") == f"access-token-of-ana-0123456789 is {MASK}"
    masks.put("bo", ())
    assert masks.hide("short access-token-of-ana-0123456789-longer") == "short access-token-of-ana-0123456789-longer"
    assert masks._by_head == {}


def test_ten_thousand_grants_cost_no_text_more_than_one_does() -> None:
    masks = Masks()
    for place in range(10_000):
        masks.put(str(place), (f"access-{place:030}", f"refresh-{place:030}", "the secret of the client"))
    text = "the far server says that something or other is not as it should be; " * 3
    took = []
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(100):
            masks.hide(text)
        took.append(time.perf_counter() - began)

    assert min(took) < 0.25  # ten thousand looks at each secret take more than a second
