-- SPDX-License-Identifier: GPL-3.0-or-later
-- When agents were connected, from where, and why that ended. They are events, but few and bounded in number, and they go
-- with their agent: they stand beside it.

CREATE TABLE agent_sessions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  agent_id BIGINT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  instance TEXT NOT NULL,
  address TEXT NOT NULL,
  version TEXT NOT NULL,
  connected_at BIGINT NOT NULL,
  -- Of an open one: when the daemon noted last that it is open. If the daemon is killed, that is taken for the end.
  seen_at BIGINT NOT NULL,
  disconnected_at BIGINT NOT NULL,
  reason TEXT NOT NULL,
  bytes_in BIGINT NOT NULL,
  bytes_out BIGINT NOT NULL
);
CREATE INDEX agent_sessions_by_agent ON agent_sessions (agent_id, id);
CREATE INDEX agent_sessions_open ON agent_sessions (id) WHERE disconnected_at = 0;
