-- SPDX-License-Identifier: GPL-3.0-or-later
-- What the public proxy can do beyond one origin for one name: whom a listener believes, redirects, how targets and agents
-- share the load, what is set on requests to an origin, and how its health is asked. What was there before keeps working
-- as it did: the defaults are those of a new object.

ALTER TABLE listeners ADD COLUMN trusted_proxy_cidrs TEXT NOT NULL DEFAULT '[]';
ALTER TABLE listeners ADD COLUMN accept_proxy_protocol TEXT NOT NULL DEFAULT 'off';

ALTER TABLE routes ADD COLUMN action TEXT NOT NULL DEFAULT 'forward';
ALTER TABLE routes ADD COLUMN target_load_balancing TEXT NOT NULL DEFAULT 'round_robin';
ALTER TABLE routes ADD COLUMN redirect_target_mode TEXT NOT NULL DEFAULT 'same_host_path';
ALTER TABLE routes ADD COLUMN redirect_target TEXT NOT NULL DEFAULT '';
ALTER TABLE routes ADD COLUMN redirect_status_code BIGINT NOT NULL DEFAULT 302;
ALTER TABLE routes ADD COLUMN redirect_preserve_path_suffix BIGINT NOT NULL DEFAULT 0;
ALTER TABLE routes ADD COLUMN redirect_preserve_query BIGINT NOT NULL DEFAULT 0;

ALTER TABLE targets ADD COLUMN priority_group BIGINT NOT NULL DEFAULT 0;
ALTER TABLE targets ADD COLUMN weight BIGINT NOT NULL DEFAULT 1;
ALTER TABLE targets ADD COLUMN agent_load_balancing TEXT NOT NULL DEFAULT 'round_robin';
ALTER TABLE targets ADD COLUMN max_concurrent_requests BIGINT NOT NULL DEFAULT 0;
ALTER TABLE targets ADD COLUMN max_connections BIGINT NOT NULL DEFAULT 0;
-- [["name", "value"], ["name", "value", true]]: true is a value that is never shown again.
ALTER TABLE targets ADD COLUMN upstream_request_headers TEXT NOT NULL DEFAULT '[]';
-- An empty name: none.
ALTER TABLE targets ADD COLUMN upstream_username TEXT NOT NULL DEFAULT '';
ALTER TABLE targets ADD COLUMN upstream_password TEXT NOT NULL DEFAULT '';
ALTER TABLE targets ADD COLUMN health_enabled BIGINT NOT NULL DEFAULT 0;
ALTER TABLE targets ADD COLUMN health_method TEXT NOT NULL DEFAULT 'GET';
ALTER TABLE targets ADD COLUMN health_path TEXT NOT NULL DEFAULT '/';
ALTER TABLE targets ADD COLUMN health_interval_ms BIGINT NOT NULL DEFAULT 10000;
ALTER TABLE targets ADD COLUMN health_timeout_ms BIGINT NOT NULL DEFAULT 5000;
ALTER TABLE targets ADD COLUMN health_healthy_threshold BIGINT NOT NULL DEFAULT 2;
ALTER TABLE targets ADD COLUMN health_unhealthy_threshold BIGINT NOT NULL DEFAULT 3;
ALTER TABLE targets ADD COLUMN health_status_min BIGINT NOT NULL DEFAULT 200;
ALTER TABLE targets ADD COLUMN health_status_max BIGINT NOT NULL DEFAULT 399;
