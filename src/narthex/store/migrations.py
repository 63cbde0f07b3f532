"""The tables of the state database, as the steps that made them.

Knows: the order. Refuses to change a step that was released: what is on somebody's disk was made by it. A change is a
new step at the end, and its number is its place in the tuple.
"""

MIGRATIONS = (
    # 1: API keys. Only a digest of the key is here. `counters` says that keys changed, whatever else was written.
    """
    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE api_keys (
        prefix TEXT PRIMARY KEY,
        digest BLOB NOT NULL,
        name TEXT NOT NULL,
        tenant TEXT NOT NULL,
        scopes TEXT NOT NULL,       -- separated by spaces
        endpoints TEXT,             -- separated by spaces; NULL: all
        created REAL NOT NULL,      -- every time: seconds since the epoch
        expires REAL,               -- NULL: never
        revoked REAL,
        replaced_by TEXT,           -- the prefix of the key that a rotation made
        used REAL
    ) WITHOUT ROWID;
    CREATE INDEX api_keys_by_name ON api_keys (tenant, name);
    """,
    # 2: the authorization server inside. Secrets are kept as digests, or not at all: codes and refresh tokens are
    # sealed texts that name a grant, and `turn` says which refresh token of it is the last one.
    """
    CREATE TABLE oauth_clients (
        id TEXT PRIMARY KEY,
        secret BLOB,                -- NULL: a public client
        metadata TEXT NOT NULL,     -- JSON
        created REAL NOT NULL,
        used REAL                   -- when somebody last let it in; NULL: never
    ) WITHOUT ROWID;
    CREATE INDEX oauth_clients_by_use ON oauth_clients (used, created);
    CREATE TABLE oauth_grants (
        id TEXT PRIMARY KEY,
        content TEXT NOT NULL,      -- JSON
        subject TEXT NOT NULL,
        client TEXT NOT NULL,
        created REAL NOT NULL,
        expires REAL NOT NULL,
        turn INTEGER NOT NULL,      -- 0: the code was not redeemed yet
        revoked REAL
    ) WITHOUT ROWID;
    CREATE INDEX oauth_grants_by_subject ON oauth_grants (subject, created);
    CREATE INDEX oauth_grants_by_expiry ON oauth_grants (expires);
    CREATE INDEX oauth_grants_revoked ON oauth_grants (revoked) WHERE revoked IS NOT NULL;
    CREATE TABLE oauth_logins (
        digest BLOB PRIMARY KEY,    -- of the browser's cookie
        subject TEXT NOT NULL,
        content TEXT NOT NULL,      -- JSON
        created REAL NOT NULL,
        expires REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX oauth_logins_by_subject ON oauth_logins (subject, created);
    CREATE TABLE oauth_pending (    -- browsers that were sent to another provider
        digest BLOB PRIMARY KEY,    -- of the state they were sent with
        content TEXT NOT NULL,      -- JSON
        expires REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE oauth_consents (
        subject TEXT NOT NULL,
        client TEXT NOT NULL,
        redirect_uri TEXT NOT NULL,
        resource TEXT NOT NULL,
        scopes TEXT NOT NULL,       -- separated by spaces
        given REAL NOT NULL,
        PRIMARY KEY (subject, client, redirect_uri, resource)
    ) WITHOUT ROWID;
    CREATE TABLE oauth_keys (
        kid TEXT PRIMARY KEY,
        private TEXT NOT NULL,      -- PEM
        created REAL NOT NULL,
        signs_from REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE users (
        name TEXT PRIMARY KEY,
        password TEXT NOT NULL,     -- an Argon2id hash
        scopes TEXT NOT NULL,       -- separated by spaces
        roles TEXT NOT NULL,        -- separated by spaces
        created REAL NOT NULL
    ) WITHOUT ROWID;
    """,
)
