-- Times are milliseconds since the Unix epoch. Words are those of the enumerations in `model`.

CREATE TABLE cluster (
    id       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    added_at INTEGER NOT NULL
) STRICT;

-- Up to which resource version each stream is recorded; written in the transaction of the rows it covers.
CREATE TABLE stream (
    cluster_id       INTEGER NOT NULL REFERENCES cluster (id),
    resource         TEXT NOT NULL,
    resource_version TEXT NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (cluster_id, resource)
) STRICT, WITHOUT ROWID;

CREATE TABLE watch_gap (
    id           INTEGER PRIMARY KEY,
    cluster_id   INTEGER NOT NULL REFERENCES cluster (id),
    resource     TEXT NOT NULL,
    from_version TEXT NOT NULL,
    to_version   TEXT NOT NULL,
    from_at      INTEGER NOT NULL,
    to_at        INTEGER NOT NULL,
    cause        TEXT NOT NULL,
    changed      INTEGER NOT NULL,
    vanished     INTEGER NOT NULL,
    new          INTEGER NOT NULL,
    UNIQUE (cluster_id, resource, from_version, to_version)
) STRICT;

CREATE TABLE job (
    id               INTEGER PRIMARY KEY,
    cluster_id       INTEGER NOT NULL REFERENCES cluster (id),
    uid              TEXT NOT NULL,
    kind             TEXT NOT NULL,
    namespace        TEXT NOT NULL,
    name             TEXT NOT NULL,
    owner_kind       TEXT,
    owner_name       TEXT,
    submitter        TEXT,
    channel          TEXT,
    state            TEXT NOT NULL,
    reason           TEXT,
    message          TEXT,
    attempt          INTEGER NOT NULL,
    exit_code        INTEGER,
    resource_version TEXT NOT NULL,
    parallelism      INTEGER,
    completions      INTEGER,
    active           INTEGER NOT NULL,
    ready            INTEGER NOT NULL,
    succeeded        INTEGER NOT NULL,
    failed           INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    started_at       INTEGER,
    ended_at         INTEGER,
    state_since      INTEGER NOT NULL,
    deleted_at       INTEGER,
    coverage         TEXT NOT NULL,
    last_sequence    INTEGER NOT NULL,
    facts            TEXT NOT NULL,
    UNIQUE (cluster_id, uid)
) STRICT;
CREATE INDEX job_by_uid ON job (uid, id);
CREATE INDEX job_newest ON job (created_at, id);
CREATE INDEX job_by_state ON job (state, created_at, id);
CREATE INDEX job_by_namespace ON job (namespace, created_at, id);
CREATE INDEX job_live ON job (cluster_id) WHERE deleted_at IS NULL;
CREATE INDEX job_open ON job (cluster_id) WHERE ended_at IS NULL;

-- Jobs per namespace and state, kept by triggers: counting rows would read the whole index.
CREATE TABLE job_count (
    namespace TEXT NOT NULL,
    state     TEXT NOT NULL,
    jobs      INTEGER NOT NULL,
    PRIMARY KEY (namespace, state)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER job_count_insert AFTER INSERT ON job BEGIN
    INSERT INTO job_count VALUES (NEW.namespace, NEW.state, 1)
        ON CONFLICT (namespace, state) DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER job_count_update AFTER UPDATE OF state ON job WHEN NEW.state <> OLD.state BEGIN
    UPDATE job_count SET jobs = jobs - 1 WHERE namespace = OLD.namespace AND state = OLD.state;
    INSERT INTO job_count VALUES (NEW.namespace, NEW.state, 1)
        ON CONFLICT (namespace, state) DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER job_count_delete AFTER DELETE ON job BEGIN
    UPDATE job_count SET jobs = jobs - 1 WHERE namespace = OLD.namespace AND state = OLD.state;
END;

CREATE TABLE pod (
    id               INTEGER PRIMARY KEY,
    cluster_id       INTEGER NOT NULL REFERENCES cluster (id),
    uid              TEXT NOT NULL,
    owner_uid        TEXT NOT NULL,
    job_id           INTEGER REFERENCES job (id),
    namespace        TEXT NOT NULL,
    name             TEXT NOT NULL,
    node             TEXT,
    completion_index INTEGER,
    phase            TEXT NOT NULL,
    reason           TEXT,
    message          TEXT,
    exit_code        INTEGER,
    restarts         INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    scheduled_at     INTEGER,
    started_at       INTEGER,
    ended_at         INTEGER,
    deleted_at       INTEGER,
    resource_version TEXT NOT NULL,
    facts            TEXT NOT NULL,
    UNIQUE (cluster_id, uid)
) STRICT;
CREATE INDEX pod_by_job ON pod (job_id);
CREATE INDEX pod_by_owner ON pod (cluster_id, owner_uid);
CREATE INDEX pod_live ON pod (cluster_id) WHERE deleted_at IS NULL;

CREATE TABLE document (
    id       INTEGER PRIMARY KEY,
    sha256   BLOB NOT NULL UNIQUE,
    encoding TEXT NOT NULL,
    length   INTEGER NOT NULL,
    bytes    BLOB NOT NULL
) STRICT;

CREATE TABLE revision (
    id               INTEGER PRIMARY KEY,
    cluster_id       INTEGER NOT NULL REFERENCES cluster (id),
    resource         TEXT NOT NULL,
    uid              TEXT NOT NULL,
    name             TEXT NOT NULL,
    resource_version TEXT NOT NULL,
    event_class      TEXT NOT NULL,
    event            TEXT NOT NULL,
    observed_at      INTEGER NOT NULL,
    provenance       TEXT NOT NULL,
    job_id           INTEGER REFERENCES job (id),
    document_id      INTEGER REFERENCES document (id),
    gap_id           INTEGER REFERENCES watch_gap (id),
    UNIQUE (cluster_id, uid, resource_version, event_class)
) STRICT;
CREATE INDEX revision_by_job ON revision (job_id, id);
CREATE INDEX revision_by_gap ON revision (gap_id) WHERE gap_id IS NOT NULL;
CREATE INDEX revision_without_gap ON revision (cluster_id, resource)
    WHERE gap_id IS NULL AND provenance IN ('list_after_gap', 'inferred_absence');

-- AUTOINCREMENT: an id is never used again, because clients resume from the last one they saw.
CREATE TABLE transition (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id           INTEGER NOT NULL REFERENCES job (id),
    sequence         INTEGER NOT NULL,
    revision_id      INTEGER NOT NULL REFERENCES revision (id),
    resource_version TEXT NOT NULL,
    from_state       TEXT,
    to_state         TEXT NOT NULL,
    reason           TEXT,
    message          TEXT,
    attempt          INTEGER NOT NULL,
    exit_code        INTEGER,
    observed_at      INTEGER NOT NULL,
    effective_at     INTEGER NOT NULL,
    effective_source TEXT NOT NULL,
    provenance       TEXT NOT NULL,
    gap_id           INTEGER REFERENCES watch_gap (id),
    UNIQUE (job_id, sequence),
    UNIQUE (job_id, revision_id, to_state)
) STRICT;
CREATE INDEX transition_by_revision ON transition (revision_id);

-- What a destination needs to be reached (URL, secret) stays in the configuration and never gets here.
CREATE TABLE destination (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    disabled_at INTEGER,
    last_error  TEXT
) STRICT;

CREATE TABLE subscription (
    id             INTEGER PRIMARY KEY,
    destination_id INTEGER NOT NULL REFERENCES destination (id),
    states         TEXT NOT NULL,
    namespace      TEXT,
    enabled        INTEGER NOT NULL,
    UNIQUE (destination_id, states, namespace)
) STRICT;

CREATE TABLE outbox (
    id             INTEGER PRIMARY KEY,
    message_id     TEXT NOT NULL UNIQUE,
    job_id         INTEGER NOT NULL REFERENCES job (id),
    transition_id  INTEGER NOT NULL REFERENCES transition (id),
    destination_id INTEGER NOT NULL REFERENCES destination (id),
    state          TEXT NOT NULL,
    attempts       INTEGER NOT NULL,
    next_at        INTEGER NOT NULL,
    payload        TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    finished_at    INTEGER,
    last_code      INTEGER,
    last_error     TEXT
) STRICT;
CREATE INDEX outbox_due ON outbox (destination_id, next_at, id) WHERE state = 'pending';
CREATE INDEX outbox_job_order ON outbox (destination_id, job_id, id) WHERE state = 'pending';
CREATE INDEX outbox_by_job ON outbox (job_id, id);

CREATE TABLE delivery (
    id          INTEGER PRIMARY KEY,
    outbox_id   INTEGER NOT NULL REFERENCES outbox (id),
    attempt     INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    code        INTEGER,
    error       TEXT
) STRICT;
CREATE INDEX delivery_by_outbox ON delivery (outbox_id, attempt);
