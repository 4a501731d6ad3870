/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Table targets: the list of a route. A target that stays keeps its id; its version grows only when
 * one of its own members changed, so that the snapshot can share what did not. */
#include "daemon/store/store-priv.h"

#define MEMBERS                                                                                    \
  "name, type, enabled, transport, url, match_labels, host_header, custom_host_header, "           \
  "allowed_upgrades, tls_skip_verify, tls_server_name, tls_ca_pem, upstream_connect_timeout_ms, "  \
  "upstream_response_header_timeout_ms, upstream_idle_timeout_ms, static_status_code, "            \
  "static_response_headers, static_response_body, priority_group, weight, "                        \
  "agent_load_balancing, max_concurrent_requests, max_connections, upstream_request_headers, "     \
  "upstream_username, upstream_password, health_enabled, health_method, health_path, "             \
  "health_interval_ms, health_timeout_ms, health_healthy_threshold, "                              \
  "health_unhealthy_threshold, health_status_min, health_status_max"
/* Of position and MEMBERS; $1 is the route or the target. */
#define PARAMETERS                                                                                 \
  "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, "   \
  "$22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37"
#define TYPES                                                                                      \
  "ii"                                                                                             \
  "ttitttttt"                                                                                      \
  "itt"                                                                                            \
  "iiiitt"                                                                                         \
  "iitiit"                                                                                         \
  "ttittiiiiii"

static void
read_health (StoreTx *tx, StoreStmt *stmt, StoreTarget *row)
{
  row->health_enabled = sqlite3_column_int64 (stmt, 28) != 0;
  row->health_method
      = (StoreHealthMethod) store_column_word (tx, stmt, 29, store_health_method_words);
  row->health_path = store_column_text (stmt, 30);
  row->health_interval_ms = sqlite3_column_int64 (stmt, 31);
  row->health_timeout_ms = sqlite3_column_int64 (stmt, 32);
  row->health_healthy_threshold = sqlite3_column_int64 (stmt, 33);
  row->health_unhealthy_threshold = sqlite3_column_int64 (stmt, 34);
  row->health_status_min = sqlite3_column_int64 (stmt, 35);
  row->health_status_max = sqlite3_column_int64 (stmt, 36);
}

static void *
read_target (StoreTx *tx, StoreStmt *stmt)
{
  StoreTarget *row = g_new0 (StoreTarget, 1);

  row->id = sqlite3_column_int64 (stmt, 0);
  row->version = sqlite3_column_int64 (stmt, 1);
  row->name = store_column_text (stmt, 2);
  row->type = (StoreTargetType) store_column_word (tx, stmt, 3, store_target_type_words);
  row->enabled = sqlite3_column_int64 (stmt, 4) != 0;
  row->transport = (StoreTransport) store_column_word (tx, stmt, 5, store_transport_words);
  row->url = store_column_text (stmt, 6);
  row->match_labels = store_column_pairs (tx, stmt, 7);
  row->host_header = (StoreHostHeader) store_column_word (tx, stmt, 8, store_host_header_words);
  row->custom_host_header = store_column_text (stmt, 9);
  row->allowed_upgrades = store_column_strings (tx, stmt, 10);
  row->tls_skip_verify = sqlite3_column_int64 (stmt, 11) != 0;
  row->tls_server_name = store_column_text (stmt, 12);
  row->tls_ca_pem = store_column_text (stmt, 13);
  row->upstream_connect_timeout_ms = sqlite3_column_int64 (stmt, 14);
  row->upstream_response_header_timeout_ms = sqlite3_column_int64 (stmt, 15);
  row->upstream_idle_timeout_ms = sqlite3_column_int64 (stmt, 16);
  row->static_status_code = sqlite3_column_int64 (stmt, 17);
  row->static_response_headers = store_column_pairs (tx, stmt, 18);
  row->static_response_body = store_column_text (stmt, 19);
  row->priority_group = sqlite3_column_int64 (stmt, 20);
  row->weight = sqlite3_column_int64 (stmt, 21);
  row->agent_load_balancing
      = (StoreBalancing) store_column_word (tx, stmt, 22, store_balancing_words);
  row->max_concurrent_requests = sqlite3_column_int64 (stmt, 23);
  row->max_connections = sqlite3_column_int64 (stmt, 24);
  row->upstream_request_headers = store_column_pairs (tx, stmt, 25);
  row->upstream_username = store_column_text (stmt, 26);
  row->upstream_password = store_column_text (stmt, 27);
  read_health (tx, stmt, row);
  return row;
}

static void
free_target (void *row)
{
  store_target_free (row);
}

GPtrArray *
store_targets_read (StoreTx *tx, int64_t route_id, GError **error)
{
  return store_read_all (tx,
                         store_query (tx, error,
                                      "SELECT id, version, " MEMBERS
                                      " FROM targets WHERE route_id = $1 ORDER BY position",
                                      "i", route_id),
                         read_target, free_target, "targets", error);
}

static bool
health_equal (const StoreTarget *a, const StoreTarget *b)
{
  return a->health_enabled == b->health_enabled && a->health_method == b->health_method
         && strcmp (a->health_path, b->health_path) == 0
         && a->health_interval_ms == b->health_interval_ms
         && a->health_timeout_ms == b->health_timeout_ms
         && a->health_healthy_threshold == b->health_healthy_threshold
         && a->health_unhealthy_threshold == b->health_unhealthy_threshold
         && a->health_status_min == b->health_status_min
         && a->health_status_max == b->health_status_max;
}

/* How the load is shared, and what is set on requests. */
static bool
sharing_equal (const StoreTarget *a, const StoreTarget *b)
{
  return a->priority_group == b->priority_group && a->weight == b->weight
         && a->agent_load_balancing == b->agent_load_balancing
         && a->max_concurrent_requests == b->max_concurrent_requests
         && a->max_connections == b->max_connections
         && store_pairs_equal (a->upstream_request_headers, b->upstream_request_headers)
         && strcmp (a->upstream_username, b->upstream_username) == 0
         && strcmp (a->upstream_password, b->upstream_password) == 0;
}

static bool
targets_equal (const StoreTarget *a, const StoreTarget *b)
{
  return strcmp (a->name, b->name) == 0 && a->type == b->type && a->enabled == b->enabled
         && a->transport == b->transport && strcmp (a->url, b->url) == 0
         && store_pairs_equal (a->match_labels, b->match_labels) && a->host_header == b->host_header
         && strcmp (a->custom_host_header, b->custom_host_header) == 0
         && g_strv_equal ((const char *const *) a->allowed_upgrades,
                          (const char *const *) b->allowed_upgrades)
         && a->tls_skip_verify == b->tls_skip_verify
         && strcmp (a->tls_server_name, b->tls_server_name) == 0
         && strcmp (a->tls_ca_pem, b->tls_ca_pem) == 0
         && a->upstream_connect_timeout_ms == b->upstream_connect_timeout_ms
         && a->upstream_response_header_timeout_ms == b->upstream_response_header_timeout_ms
         && a->upstream_idle_timeout_ms == b->upstream_idle_timeout_ms
         && a->static_status_code == b->static_status_code
         && store_pairs_equal (a->static_response_headers, b->static_response_headers)
         && strcmp (a->static_response_body, b->static_response_body) == 0 && sharing_equal (a, b)
         && health_equal (a, b);
}

/* sql: one of the two literals below; key is its $1. */
static bool
write_row (StoreTx *tx,
           const char *sql,
           int64_t key,
           unsigned position,
           const StoreTarget *row,
           const char *object,
           int64_t *ret_value,
           GError **error)
{
  g_autofree char *labels = store_pairs_to_json (row->match_labels);
  g_autofree char *upgrades = store_strings_to_json (row->allowed_upgrades);
  g_autofree char *headers = store_pairs_to_json (row->static_response_headers);
  g_autofree char *fields = store_pairs_to_json (row->upstream_request_headers);
  StoreStmt *stmt = store_query (
      tx, error, sql, TYPES, key, (int64_t) position, row->name, store_target_type_words[row->type],
      (int64_t) row->enabled, store_transport_words[row->transport], row->url, labels,
      store_host_header_words[row->host_header], row->custom_host_header, upgrades,
      (int64_t) row->tls_skip_verify, row->tls_server_name, row->tls_ca_pem,
      row->upstream_connect_timeout_ms, row->upstream_response_header_timeout_ms,
      row->upstream_idle_timeout_ms, row->static_status_code, headers, row->static_response_body,
      row->priority_group, row->weight, store_balancing_words[row->agent_load_balancing],
      row->max_concurrent_requests, row->max_connections, fields, row->upstream_username,
      row->upstream_password, (int64_t) row->health_enabled,
      store_health_method_words[row->health_method], row->health_path, row->health_interval_ms,
      row->health_timeout_ms, row->health_healthy_threshold, row->health_unhealthy_threshold,
      row->health_status_min, row->health_status_max);

  return store_run_int (tx, stmt, object, 0, ret_value, error);
}

static bool
insert_target (StoreTx *tx,
               int64_t route_id,
               unsigned position,
               StoreTarget *row,
               const char *object,
               GError **error)
{
  row->version = 1;
  return write_row (tx,
                    "INSERT INTO targets (route_id, position, " MEMBERS ") VALUES ($1, " PARAMETERS
                    ") RETURNING id",
                    route_id, position, row, object, &row->id, error);
}

static bool
update_target (StoreTx *tx, unsigned position, StoreTarget *row, const char *object, GError **error)
{
  return write_row (tx,
                    "UPDATE targets SET (position, " MEMBERS ") = (" PARAMETERS
                    "), version = version + 1 WHERE id = $1 RETURNING version",
                    row->id, position, row, object, &row->version, error);
}

/* Takes the target with this id out of those that were there. */
static StoreTarget *
take_present (GPtrArray *present, int64_t id)
{
  for (unsigned i = 0; i < present->len; i++)
    if (((StoreTarget *) present->pdata[i])->id == id)
      return g_ptr_array_steal_index (present, i);
  return NULL;
}

static bool
write_target (StoreTx *tx,
              const StoreRoute *route,
              unsigned position,
              GPtrArray *present,
              GError **error)
{
  StoreTarget *row = route->targets->pdata[position];
  g_autofree char *object = g_strdup_printf ("route '%s': target '%s'", route->name, row->name);
  g_autoptr (StoreTarget) before = NULL;

  if (row->id == 0)
    return insert_target (tx, route->id, position, row, object, error);
  before = take_present (present, row->id);
  if (!before)
    {
      g_autofree char *field = g_strdup_printf ("targets[%u].id", position);

      store_set_error (error, STORE_ERROR_REFERENCE, field,
                       "%s: the route has no target %" G_GINT64_FORMAT, object, row->id);
      return false;
    }
  row->version = before->version;
  if (!targets_equal (before, row))
    return update_target (tx, position, row, object, error);
  return store_run (
      tx,
      store_query (tx, error, "UPDATE targets SET position = $2 WHERE id = $1 AND position <> $2",
                   "ii", row->id, (int64_t) position),
      object, error);
}

bool
store_targets_write (StoreTx *tx, StoreRoute *route, GError **error)
{
  g_autoptr (GPtrArray) present = store_targets_read (tx, route->id, error);

  if (!present)
    return false;
  for (unsigned i = 0; i < route->targets->len; i++)
    if (!write_target (tx, route, i, present, error))
      return false;
  for (unsigned i = 0; i < present->len; i++)
    if (!store_run (tx,
                    store_query (tx, error, "DELETE FROM targets WHERE id = $1", "i",
                                 ((StoreTarget *) present->pdata[i])->id),
                    "target", error))
      return false;
  return true;
}
