"""The words of `control.words` for what servers are shown.

Knows: sentences. Refuses to know: types and defaults; those come from `model.credentials`.
"""

from narthex.control.wording import Words

_OAUTH_CLIENT = {
    "issuer": Words(
        "The authorization server that gives the tokens, by its name. Absent: the first one the server names.",
        "https://auth.example.com",
    ),
    "token_endpoint": Words(
        "Where tokens are asked for. Absent: where the issuer's metadata say.", "https://auth.example.com/oauth2/token"
    ),
    "client_id": Words("As whom the gateway is registered there.", "narthex"),
    "client_secret": Words("What proves it.", '"${CRM_TOKEN}"'),
    "client_secret_file": Words(
        "A file that holds it; read whenever a token is asked for, so it may be rotated.", "/run/secrets/crm"
    ),
    "private_key_file": Words(
        "A private key (PEM or JWK) that proves it instead of a secret, by a signed assertion.", "/run/secrets/crm.pem"
    ),
    "key_id": Words("The name of that key at the issuer.", "narthex-2026"),
    "algorithm": Words("How the assertion is signed. Absent: RS256 or ES256, whichever fits the key.", "PS256"),
    "method": Words("How the secret is sent. Absent: as the issuer's metadata say.", "post"),
    "parameters": Words(
        "Further parameters of each request for a token, where the issuer wants some.",
        "{requested_token_use: on_behalf_of}",
    ),
    "allow_private": Words("It lives on a private network, and may speak http there.", "true"),
}

WORDS: dict[str, dict[str, Words]] = {
    "CredentialsConfig": {
        "type": Words(
            "`header`: a key. `client_credentials`: tokens for the gateway itself. `token_exchange`, `jwt_bearer`, "
            "`id_jag`: tokens on behalf of each caller.",
            "client_credentials",
        ),
        "header": Words("The header that holds the key.", "X-API-Key"),
        "value": Words("Its whole value.", '"Bearer ${CRM_TOKEN}"'),
        "value_file": Words(
            "A file that holds the key, read again when it changes. In `Authorization` it follows the word Bearer.",
            "/run/secrets/crm-token",
        ),
        **_OAUTH_CLIENT,
        "scopes": Words("What is asked for. Absent: what the server says it wants.", "[crm.read]"),
        "resource": Words(
            "For which resource tokens are asked for. Absent: the address of the server.", "https://crm.example.com"
        ),
        "omit_resource": Words("The issuer takes no `resource` in requests for tokens, as Entra does not.", "true"),
        "audience": Words("The audience that an exchange asks for, where the issuer wants one.", "crm"),
        "subject_token_type": Words(
            "What callers' tokens are to the issuer. Absent: `access_token`, and `id_token` for `id_jag`.", "jwt"
        ),
        "catalogue": Words(
            "As whom the gateway asks for lists, where nobody calls: `client`, by client credentials at the same "
            "issuer; `caller`, as the first caller who comes, for all of them; or `anonymous`.",
            "caller",
        ),
        "idp": Words(
            "Where people log in: it vouches for callers at the server's issuer (`id_jag`).",
            '{issuer: "https://acme.okta.com", client_id: narthex, client_secret: "${OIDC_SECRET}"}',
        ),
    },
    "IdentityProviderConfig": _OAUTH_CLIENT,
}
