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
    "client_secret_command": Words(
        "A program that prints it, with its arguments: the helper of a secret store. No shell reads them.",
        "[vault, kv, get, -field=secret, secret/crm]",
    ),
    "private_key_file": Words(
        "A private key (PEM or JWK) that proves it instead of a secret, by a signed assertion.", "/run/secrets/crm.pem"
    ),
    "private_key_command": Words("A program that prints that key.", '[op, read, "op://infra/crm/private key"]'),
    "secret_seconds": Words("For how long what a command printed is used.", "60"),
    "inherit_env": Words(
        "Variables of the gateway's own environment that the command may see, besides those that every stdio server "
        "gets.",
        '[VAULT_ADDR, "AWS_*"]',
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
            "`id_jag`: tokens on behalf of each caller. `authorization_code`: a grant that each user gives, in a "
            "browser.",
            "client_credentials",
        ),
        "header": Words("The header that holds the key.", "X-API-Key"),
        "value": Words("Its whole value.", '"Bearer ${CRM_TOKEN}"'),
        "value_file": Words(
            "A file that holds the key, read again when it changes. In `Authorization` it follows the word Bearer.",
            "/run/secrets/crm-token",
        ),
        "value_command": Words(
            "A program that prints the key, with its arguments. No shell reads them. In `Authorization` what it prints "
            "follows the word Bearer.",
            "[vault, kv, get, -field=token, secret/crm]",
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
            "issuer; `caller`, as the first caller who comes, or the first user who has connected, for all of them; or "
            "`anonymous`. Absent: `client`, and `caller` for `authorization_code`.",
            "caller",
        ),
        "client_document": Words(
            "The client ID metadata document by which issuers know the gateway (`authorization_code`). Absent: the "
            "one it serves itself, where `public_url` is https; `none`: it is registered anew instead.",
            "https://www.example.com/narthex.json",
        ),
        "grant_of": Words(
            "Whose grant is shown: each `user`'s own, or one that an operator gives for the `gateway`.", "gateway"
        ),
        "idp": Words(
            "Where people log in: it vouches for callers at the server's issuer (`id_jag`).",
            '{issuer: "https://acme.okta.com", client_id: narthex, client_secret: "${OIDC_SECRET}"}',
        ),
    },
    "IdentityProviderConfig": _OAUTH_CLIENT,
    "VaultConfig": {
        "key": Words("Seals what is kept of users' grants: 32 bytes, as base64.", '"${VAULT_KEY}"'),
        "old_keys": Words("Keys before this one. What they sealed still opens.", '["${OLD_VAULT_KEY}"]'),
    },
}
