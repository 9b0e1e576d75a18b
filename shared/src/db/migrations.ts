/**
 * The one migration history, for SQLite and PostgreSQL alike. Never change an entry that was released: add one.
 *
 * accounts is a view of the log as of view.position. first_seq, the seq of the entry that first named the DID, is
 * its stable paging key: a rebuilt view gives the same one. `taken` holds the positions taken from the DID's
 * hosts (invariant 2) as JSON {"host": [epoch, seq]}.
 * hosts has two owners: the crawler (cursor and epoch, changed by compare-and-set; status and what it saw) and the
 * view (account_count, account_limit, banned, epoch upward). In a cluster `owner` is the crawler that has leased it,
 * and `fence` is raised each time that changes: a write with an older one changes nothing.
 *
 * members are the live processes of a cluster, each until `expires_ms` on the database's clock. topics holds the
 * broker's id of each topic and our generation of it, raised when the id changes. partitions holds up to where a
 * partition is consumed, and who has leased it: of `raw` the verifiers, of `sequenced` (one) the leading sequencer.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE view (
     id INTEGER PRIMARY KEY,
     generation BIGINT NOT NULL,
     position BIGINT NOT NULL
   );
   INSERT INTO view (id, generation, position) VALUES (1, 0, 0);
   CREATE TABLE accounts (
     first_seq BIGINT PRIMARY KEY,
     did TEXT NOT NULL UNIQUE,
     host TEXT NOT NULL,
     taken TEXT NOT NULL,
     raw_generation BIGINT NOT NULL,
     raw_offset BIGINT NOT NULL,
     rev TEXT,
     commit_cid TEXT,
     data_cid TEXT,
     upstream TEXT NOT NULL,
     local TEXT NOT NULL,
     digest TEXT NOT NULL,
     version BIGINT NOT NULL,
     marked BIGINT NOT NULL
   );
   CREATE INDEX accounts_local ON accounts (first_seq) WHERE local <> 'active';
   CREATE TABLE hosts (
     hostname TEXT PRIMARY KEY,
     created_ms BIGINT NOT NULL,
     epoch BIGINT NOT NULL,
     cursor BIGINT,
     last_seq BIGINT,
     status TEXT NOT NULL,
     connected BIGINT NOT NULL,
     trusted BIGINT NOT NULL,
     lenient BIGINT NOT NULL,
     banned BIGINT NOT NULL,
     account_count BIGINT NOT NULL,
     account_limit BIGINT NOT NULL,
     failures BIGINT NOT NULL,
     retry_at_ms BIGINT NOT NULL,
     last_event_ms BIGINT NOT NULL,
     last_error TEXT,
     asked_ms BIGINT NOT NULL
   );
   CREATE INDEX hosts_created ON hosts (created_ms, hostname);
   CREATE TABLE identities (
     did TEXT PRIMARY KEY,
     fetched_ms BIGINT NOT NULL,
     document TEXT NOT NULL
   )`,
  `ALTER TABLE view ADD COLUMN log_id TEXT NOT NULL DEFAULT '';
   ALTER TABLE view ADD COLUMN base BIGINT NOT NULL DEFAULT 0;
   ALTER TABLE hosts ADD COLUMN owner TEXT;
   ALTER TABLE hosts ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;
   CREATE INDEX hosts_owner ON hosts (owner);
   CREATE TABLE members (
     id TEXT PRIMARY KEY,
     role TEXT NOT NULL,
     started_ms BIGINT NOT NULL,
     expires_ms BIGINT NOT NULL
   );
   CREATE TABLE topics (
     name TEXT PRIMARY KEY,
     id TEXT NOT NULL,
     generation BIGINT NOT NULL
   );
   CREATE TABLE partitions (
     topic TEXT NOT NULL,
     number BIGINT NOT NULL,
     generation BIGINT NOT NULL,
     position BIGINT NOT NULL,
     owner TEXT,
     fence BIGINT NOT NULL,
     PRIMARY KEY (topic, number)
   )`,
]
