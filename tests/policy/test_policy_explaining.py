"""An operator's question: whom it means, what it means, and what cannot be answered."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from policy_makers import compiled, offer, rules, server

from narthex.control.explaining import Explaining, NoAnswer
from narthex.identity.authority import Authority
from narthex.model.authentication import AuthenticationConfig, IssuerConfig, RolesConfig, ScopesConfig
from narthex.model.config import Config, EndpointConfig
from narthex.model.endpoint import Snapshot
from narthex.model.identity import Principal, Refusal
from narthex.relay.slot import Slot

ISSUER = "https://auth.example.com"
MEANT = {"": {"https://gw.example.com/mcp"}, "desk": {"https://gw.example.com/mcp/desk"}}
SCOPES = ScopesConfig(
    implies={"crm:admin": ("crm:write",)}, roles=RolesConfig(claim="groups", grants={"staff": ("crm:admin",)})
)


class OneKey:
    """API keys: one is good, one was revoked."""

    def known(self, token: str, now: float) -> Principal | Refusal | None:
        return None

    def of_prefix(self, prefix: str, now: float) -> Principal | Refusal | None:
        bo = Principal("bo", scopes=frozenset({"crm:admin"}), how="key", endpoints=frozenset({"desk"}))
        return {"k3v9x2mp": bo, "00000000": Refusal(401, "invalid_token", "It was revoked.")}.get(prefix)

    def stands(self, who: Principal, now: float) -> bool:
        return True

    def touch(self, who: Principal, now: float) -> None: ...


@pytest.fixture
async def desk() -> AsyncIterator[Explaining]:
    crm = server("crm", scopes={"create": ("crm:write",)})
    authentication = AuthenticationConfig(
        type="oauth2", issuers=(IssuerConfig(issuer=ISSUER, tenant="acme"),), scopes=SCOPES
    )
    made = compiled(crm, offers=(offer("crm", "create"),), authentication=authentication, desk=EndpointConfig())
    config = Config(servers=(crm,), endpoints={"desk": EndpointConfig()}, authentication=authentication)
    authority = Authority(keys=OneKey())
    authority.configure(authentication, MEANT)
    yield Explaining(Slot(Snapshot(1, config, made.endpoints)), authority)
    await authority.aclose()


def claims(**more: Any) -> dict[str, Any]:
    return {"iss": ISSUER, "sub": "ana", "aud": "https://gw.example.com/mcp", **more}


async def test_scopes_mean_what_they_imply(desk: Explaining) -> None:
    assert desk.explain({"scopes": ["crm:admin"], "tool": "create"})["allowed"]
    assert not desk.explain({"scopes": ["crm:read"], "tool": "create"})["allowed"]
    assert desk.explain({"scopes": [], "tool": "create"})["told"] == (
        "Permission denied: 'create' requires the scope 'crm:write'; this session has no scopes."
    )


async def test_claims_are_read_as_those_of_a_token_are(desk: Explaining) -> None:
    found = desk.explain({"claims": claims(groups=["staff"]), "tool": "create"})
    without = {key: value for key, value in claims(scope="crm:write").items() if key not in ("iss", "aud")}

    assert (found["allowed"], found["caller"]["subject"], found["caller"]["tenant"]) == (True, "ana", "acme")
    assert desk.explain({"claims": without, "tool": "create"})["allowed"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"iss": "https://other.example"}, "issuer is not one"),
        ({"exp": 1}, "expired"),
        ({"aud": "https://elsewhere.example"}, "another resource"),
        ({"sub": None}, "sub"),
    ],
)
async def test_a_token_that_would_not_be_taken_ends_at_the_gate(
    desk: Explaining, more: dict[str, Any], said: str
) -> None:
    found = desk.explain({"claims": claims(**more), "tool": "create"})

    assert (found["allowed"], found["decided_by"]) == (False, "gate")
    assert said in found["told"]
    assert [step["verdict"] for step in found["steps"]][1:] == ["not reached"] * (len(found["steps"]) - 1)


async def test_a_token_for_one_endpoint_is_none_for_another(desk: Explaining) -> None:
    found = desk.explain({"claims": claims(scope="crm:write"), "tool": "create", "endpoint": "desk"})

    assert found["decided_by"] == "gate"


async def test_keys_are_known_by_their_prefix(desk: Explaining) -> None:
    elsewhere = desk.explain({"key": "nx_k3v9x2mp", "tool": "create"})
    found = desk.explain({"key": "k3v9x2mp", "tool": "create", "endpoint": "desk"})
    revoked = desk.explain({"key": "00000000", "tool": "create"})

    assert (found["allowed"], found["granted_scopes"]) == (True, ["crm:admin", "crm:write"])
    assert (elsewhere["decided_by"], revoked["decided_by"], revoked["told"]) == ("gate", "gate", "It was revoked.")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"tool": "create"}, "Say who calls"),
        ({"scopes": [], "claims": {}, "tool": "create"}, "Say who calls"),
        ({"scopes": []}, "Say what is called"),
        ({"scopes": [], "tool": "a", "prompt": "b"}, "Say what is called"),
        ({"scopes": [], "tool": "create", "endpoint": "nope"}, "no endpoint 'nope'. There is: desk"),
        ({"key": "zzzzzzzz", "tool": "create"}, "no such API key"),
        ({"key": "not a key", "tool": "create"}, "no such API key"),
        ({"scopes": "crm", "tool": "create"}, "Expected `array"),
        ({"scopes": [], "tool": "create", "args": {}}, "unknown field"),
        ([], "Expected `object`"),
    ],
)
async def test_a_question_that_cannot_be_answered_says_what_is_missing(
    desk: Explaining, question: Any, said: str
) -> None:
    with pytest.raises(NoAnswer) as refused:
        desk.explain(question)

    assert said in str(refused.value)


async def test_without_authentication_everybody_is_the_same_person() -> None:
    crm = server("crm")
    made = compiled(crm, offers=(offer("crm", "create"),), authentication=rules())
    authority = Authority()
    authority.configure(None, {})
    found = Explaining(Slot(Snapshot(1, Config(servers=(crm,)), made.endpoints)), authority).explain(
        {"scopes": [], "tool": "create"}
    )
    await authority.aclose()

    assert (found["allowed"], found["caller"]["subject"]) == (True, "local")
