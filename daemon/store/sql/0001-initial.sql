-- SPDX-License-Identifier: GPL-3.0-or-later
-- The first schema: who may sign in, what is published, and who changed what.
-- AUTOINCREMENT, so that an id is never used twice. Truth values are 0 and 1; stamps are UTC milliseconds, 0 for never.

CREATE TABLE meta (
  key TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
);

CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  version BIGINT NOT NULL DEFAULT 1,
  username TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  last_login_at BIGINT NOT NULL
);

CREATE TABLE sessions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  token_sha256 BLOB NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  address TEXT NOT NULL,
  client TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE api_tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  version BIGINT NOT NULL DEFAULT 1,
  name TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL,
  enabled BIGINT NOT NULL,
  token_sha256 BLOB NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL
);

CREATE TABLE listeners (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  version BIGINT NOT NULL DEFAULT 1,
  name TEXT NOT NULL UNIQUE,
  protocol TEXT NOT NULL,
  bind_address TEXT NOT NULL,
  port BIGINT NOT NULL,
  enabled BIGINT NOT NULL
);

-- A listener with routes is in use: nothing cascades from it but its fallback certificate.
CREATE TABLE routes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  version BIGINT NOT NULL DEFAULT 1,
  listener_id BIGINT NOT NULL REFERENCES listeners (id),
  name TEXT NOT NULL,
  priority BIGINT NOT NULL,
  host_pattern TEXT NOT NULL,
  path_prefix TEXT NOT NULL,
  enabled BIGINT NOT NULL,
  is_default BIGINT NOT NULL,
  path_security_mode TEXT NOT NULL
);
CREATE INDEX routes_by_listener ON routes (listener_id);
CREATE UNIQUE INDEX routes_one_default ON routes (listener_id) WHERE is_default = 1;

CREATE TABLE targets (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  version BIGINT NOT NULL DEFAULT 1,
  route_id BIGINT NOT NULL REFERENCES routes (id) ON DELETE CASCADE,
  position BIGINT NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  enabled BIGINT NOT NULL,
  transport TEXT NOT NULL,
  url TEXT NOT NULL,
  match_labels TEXT NOT NULL,
  host_header TEXT NOT NULL,
  custom_host_header TEXT NOT NULL,
  allowed_upgrades TEXT NOT NULL,
  tls_skip_verify BIGINT NOT NULL,
  tls_server_name TEXT NOT NULL,
  tls_ca_pem TEXT NOT NULL,
  upstream_connect_timeout_ms BIGINT NOT NULL,
  upstream_response_header_timeout_ms BIGINT NOT NULL,
  upstream_idle_timeout_ms BIGINT NOT NULL,
  static_status_code BIGINT NOT NULL,
  static_response_headers TEXT NOT NULL,
  static_response_body TEXT NOT NULL
);
CREATE INDEX targets_by_route ON targets (route_id, position);

CREATE TABLE agents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  version BIGINT NOT NULL DEFAULT 1,
  public_id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  enabled BIGINT NOT NULL,
  labels TEXT NOT NULL,
  token_sha256 BLOB NOT NULL,
  created_at BIGINT NOT NULL
);

-- listener_id NULL: by its name, on any listener. Else the fallback of that listener, with an empty pattern.
CREATE TABLE certificates (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  version BIGINT NOT NULL DEFAULT 1,
  listener_id BIGINT REFERENCES listeners (id) ON DELETE CASCADE,
  hostname_pattern TEXT NOT NULL,
  source TEXT NOT NULL,
  certificate_pem TEXT NOT NULL,
  private_key_pem TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  not_after BIGINT NOT NULL
);
CREATE UNIQUE INDEX certificates_one_self_signed ON certificates (hostname_pattern)
  WHERE listener_id IS NULL AND source = 'self_signed';
CREATE UNIQUE INDEX certificates_one_fallback ON certificates (listener_id)
  WHERE hostname_pattern = '';

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at BIGINT NOT NULL,
  principal TEXT NOT NULL,
  address TEXT NOT NULL,
  action TEXT NOT NULL,
  resource TEXT NOT NULL,
  object_id BIGINT NOT NULL,
  before TEXT,
  after TEXT,
  request_id TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at);
