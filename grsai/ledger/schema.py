"""The tables of the ledger, and how those of earlier versions become these, in place."""

from __future__ import annotations

# As version 1.0 made it. `IF NOT EXISTS`: several processes may open a new ledger at once.
FIRST = (
    """CREATE TABLE IF NOT EXISTS uploads (
        digest TEXT, service TEXT, url TEXT NOT NULL, created REAL NOT NULL, PRIMARY KEY (digest, service))""",
    "CREATE TABLE IF NOT EXISTS claims (fingerprint TEXT PRIMARY KEY, owner TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS tasks (
        row INTEGER PRIMARY KEY, service TEXT NOT NULL, fingerprint TEXT NOT NULL, state TEXT NOT NULL, task_id TEXT,
        base_url TEXT NOT NULL, model TEXT NOT NULL, prompt TEXT NOT NULL, aspect_ratio TEXT NOT NULL,
        image_size TEXT, seed INTEGER NOT NULL, variation INTEGER NOT NULL, credits INTEGER NOT NULL,
        created REAL NOT NULL, submitted REAL, finished REAL,
        reason TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '', urls TEXT NOT NULL DEFAULT '[]',
        files TEXT NOT NULL DEFAULT '[]', copies TEXT NOT NULL DEFAULT '[]', name TEXT NOT NULL, folder TEXT NOT NULL,
        sources TEXT NOT NULL DEFAULT '[]')""",
    "CREATE INDEX IF NOT EXISTS tasks_by_job ON tasks (service, fingerprint, row)",
    "CREATE INDEX IF NOT EXISTS tasks_by_id ON tasks (task_id)",
)

# From version 1 to 2. `counts` is kept by triggers, as counting a million rows takes too long for a page that is looked at.
SECOND = (
    "ALTER TABLE tasks ADD COLUMN api TEXT NOT NULL DEFAULT 'legacy'",
    "ALTER TABLE tasks ADD COLUMN quality TEXT",
    "ALTER TABLE tasks ADD COLUMN background TEXT",
    "ALTER TABLE tasks ADD COLUMN asked_model TEXT",
    "ALTER TABLE tasks ADD COLUMN run TEXT",
    "ALTER TABLE tasks ADD COLUMN key_mark TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE tasks ADD COLUMN refunded INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE tasks ADD COLUMN trouble TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE tasks ADD COLUMN numbered INTEGER NOT NULL DEFAULT 1",
    "DROP INDEX IF EXISTS tasks_by_state",
    "CREATE INDEX tasks_by_state ON tasks (service, state)",
    "CREATE INDEX tasks_by_service ON tasks (service)",
    "CREATE INDEX tasks_by_time ON tasks (service, submitted, refunded, credits)",
    "CREATE INDEX tasks_by_url ON tasks (urls) WHERE urls <> '[]'",
    """CREATE INDEX tasks_of_urls ON tasks (row) WHERE instr(urls, '", "') > 0""",
    "CREATE INDEX uploads_by_url ON uploads (url)",
    "CREATE TABLE counts (service TEXT, state TEXT, tasks INTEGER NOT NULL, PRIMARY KEY (service, state)) WITHOUT ROWID",
    "INSERT INTO counts SELECT service, state, count(*) FROM tasks GROUP BY service, state",
    """CREATE TRIGGER tasks_come AFTER INSERT ON tasks BEGIN
        INSERT INTO counts VALUES (new.service, new.state, 1) ON CONFLICT (service, state)
        DO UPDATE SET tasks = tasks + 1; END""",
    """CREATE TRIGGER tasks_go AFTER DELETE ON tasks BEGIN
        UPDATE counts SET tasks = tasks - 1 WHERE service = old.service AND state = old.state; END""",
    """CREATE TRIGGER tasks_change AFTER UPDATE OF service, state ON tasks
        WHEN old.service IS NOT new.service OR old.state IS NOT new.state BEGIN
        UPDATE counts SET tasks = tasks - 1 WHERE service = old.service AND state = old.state;
        INSERT INTO counts VALUES (new.service, new.state, 1) ON CONFLICT (service, state)
        DO UPDATE SET tasks = tasks + 1; END""",
    "CREATE TABLE journal_read (bytes INTEGER NOT NULL, ending TEXT NOT NULL)",
)

# From version 2 to 3: what each reference of a task was, and what the user says of pictures and jobs.
THIRD = (
    "ALTER TABLE tasks ADD COLUMN digests TEXT NOT NULL DEFAULT '[]'",
    """CREATE TABLE remarks (
        kind TEXT NOT NULL, about TEXT NOT NULL, service TEXT NOT NULL, said TEXT NOT NULL, changed REAL NOT NULL,
        PRIMARY KEY (kind, about, service))""",
)

# From version 3 to 4: whose task it was, where several machines share a ledger; and which journal was read.
FOURTH = (
    "ALTER TABLE tasks ADD COLUMN who TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE journal_read ADD COLUMN journal TEXT NOT NULL DEFAULT ''",
)

# From version 4 to 5: the history by runs, and how many tasks there are of each kind.
FIFTH = (
    "CREATE INDEX tasks_by_run ON tasks (service, run)",
    "CREATE INDEX tasks_by_kind ON tasks (service, model, state, created)",
)

STEPS = {1: FIRST, 2: SECOND, 3: THIRD, 4: FOURTH, 5: FIFTH}  # what brings a ledger to each version
VERSION = max(STEPS)
PROGRAM = 0x67727361  # "grsa": whose database it is
