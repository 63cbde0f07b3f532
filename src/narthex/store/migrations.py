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
    # 3: grants of users at servers, registrations of ours, and browsers that are away. What is secret in them is sealed
    # (`wire/safe.py`), bound to the columns that say whose it is. An owner is a blob: their names hold zero bytes.
    """
    CREATE TABLE vault_grants (
        owner BLOB NOT NULL,
        server TEXT NOT NULL,
        issuer TEXT NOT NULL,
        content BLOB NOT NULL,
        since REAL NOT NULL,
        due REAL,                   -- NULL: it is not renewed by itself
        void INTEGER NOT NULL,
        version INTEGER NOT NULL,
        changed INTEGER NOT NULL,   -- the counter `vault`, when it was last written
        leased_by TEXT,
        leased_until REAL,
        PRIMARY KEY (owner, server)
    ) WITHOUT ROWID;
    CREATE INDEX vault_grants_by_due ON vault_grants (due) WHERE due IS NOT NULL;
    CREATE INDEX vault_grants_by_change ON vault_grants (changed);
    CREATE INDEX vault_grants_by_server ON vault_grants (server, void, since);
    CREATE TABLE vault_gone (
        owner BLOB NOT NULL,
        server TEXT NOT NULL,
        changed INTEGER NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (owner, server)
    ) WITHOUT ROWID;
    CREATE INDEX vault_gone_by_change ON vault_gone (changed);
    CREATE TABLE vault_flows (
        digest BLOB PRIMARY KEY,    -- of the state a browser was sent with
        browser BLOB NOT NULL,      -- digest of its cookie
        owner BLOB NOT NULL,
        content BLOB NOT NULL,
        expires REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX vault_flows_by_owner ON vault_flows (owner, expires);
    CREATE INDEX vault_flows_by_expiry ON vault_flows (expires);
    CREATE TABLE vault_clients (
        issuer TEXT NOT NULL,
        redirect_uri TEXT NOT NULL,
        content BLOB NOT NULL,
        made REAL NOT NULL,
        sent INTEGER NOT NULL,      -- browsers, since one came back
        PRIMARY KEY (issuer, redirect_uri)
    ) WITHOUT ROWID;
    """,
    # 4: definitions of tools, prompts and instructions that were seen, and what was decided about each.
    """
    CREATE TABLE pins (
        id INTEGER PRIMARY KEY,
        server TEXT NOT NULL,
        kind TEXT NOT NULL,         -- tool, prompt, instructions
        name TEXT NOT NULL,         -- the server's own; instructions have an empty one
        fingerprint TEXT NOT NULL,  -- SHA-256 of the definition, in hexadecimal digits
        definition BLOB NOT NULL,   -- canonical JSON
        version TEXT NOT NULL,      -- of the server, when this was first seen
        state TEXT NOT NULL,        -- pinned, pending, rejected, past
        first_seen REAL NOT NULL,
        decided REAL,               -- NULL: nobody has looked at it
        decided_by TEXT
    );
    CREATE UNIQUE INDEX pins_by_definition ON pins (server, kind, name, fingerprint);
    CREATE UNIQUE INDEX pins_one_pinned ON pins (server, kind, name) WHERE state = 'pinned';
    """,
    # 5: what an operator has stopped. One that was resumed, or is over, stays for a while, so that somebody can tell.
    """
    CREATE TABLE stops (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,         -- server, tool, tenant, principal
        name TEXT NOT NULL,
        tenant TEXT,                -- of a principal; NULL: whatever tenant
        reason TEXT NOT NULL,
        stopped_by TEXT NOT NULL,
        since REAL NOT NULL,
        until REAL,                 -- NULL: until it is resumed
        resumed REAL,
        resumed_by TEXT NOT NULL
    );
    CREATE INDEX stops_by_target ON stops (kind, name) WHERE resumed IS NULL;
    """,
    # 6: calls that need somebody's yes: what is asked, what was decided, which yes was used up. Arguments are kept as
    # they may be shown. A yes given within a call, or brought back with it, is no row, and is used up all the same.
    """
    CREATE TABLE approvals (
        handle TEXT PRIMARY KEY,
        digest BLOB NOT NULL,       -- of caller, place, tool, exact arguments, rule and definition
        holder BLOB NOT NULL,       -- a digest of the caller
        state TEXT NOT NULL,        -- pending, approved, rejected, used
        subject TEXT NOT NULL,
        tenant TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        server TEXT NOT NULL,
        tool TEXT NOT NULL,
        arguments BLOB NOT NULL,    -- JSON
        reason TEXT NOT NULL,
        asked_by TEXT NOT NULL,     -- caller, operator: who is asked
        created REAL NOT NULL,
        expires REAL NOT NULL,
        valid_seconds REAL NOT NULL,
        decided REAL,
        decided_by TEXT,
        used REAL
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX approvals_one_of_a_call ON approvals (digest) WHERE state <> 'used';
    CREATE INDEX approvals_waiting ON approvals (holder) WHERE state = 'pending';
    CREATE TABLE approval_tickets (
        ticket TEXT PRIMARY KEY,
        expires REAL NOT NULL       -- what it came with is not good any more from then on
    ) WITHOUT ROWID;
    CREATE INDEX approval_tickets_by_expiry ON approval_tickets (expires);
    """,
)
