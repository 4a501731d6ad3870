/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A target of the snapshot from its row: checked, parsed, with its origin's key and its TLS
 * context. Under CONFIG_WRITE. */
#include "daemon/config/config-priv.h"

#define TIMEOUT_MAX_MS (INT64_C (24) * 60 * 60 * 1000)
#define PAIRS_MAX 64
#define UPGRADES_MAX 16
#define GROUP_MAX 1000
#define WEIGHT_MAX 1000
#define LIMIT_MAX 1000000

bool
config_target_refuse (const TargetScope *scope, const char *member, const char *wrong)
{
  g_autofree char *field = g_strdup_printf ("targets[%u].%s", scope->index, member);

  if (strcmp (member, "name") == 0) /* not a name to show */
    config_set_error (scope->error, CONFIG_ERROR_INVALID, field, "route '%s': target %u: name %s",
                      scope->route->name, scope->index + 1, wrong);
  else
    config_set_error (scope->error, CONFIG_ERROR_INVALID, field, "route '%s': target '%s': %s %s",
                      scope->route->name, scope->row->name, member, wrong);
  return false;
}

bool
config_target_pass (const TargetScope *scope, const char *member, const char *wrong)
{
  return wrong ? config_target_refuse (scope, member, wrong) : true;
}

static bool
check_timeout (const TargetScope *scope, const char *member, int64_t value)
{
  return value >= 1 && value <= TIMEOUT_MAX_MS
             ? true
             : config_target_refuse (scope, member, "must be between 1 and 86400000");
}

/* A connection that turns into HTTP/2, or into TLS with HTTP inside, would carry requests that
 * nobody judges. */
static const char *
check_upgrade (const char *name)
{
  static const char *const http[] = { "h2c", "h2", "http", "tls" };

  for (unsigned i = 0; i < G_N_ELEMENTS (http); i++)
    if (g_ascii_strcasecmp (name, http[i]) == 0)
      return "must not contain h2c, h2, http or tls";
  return config_check_token (name);
}

static bool
check_upgrades (const TargetScope *scope)
{
  unsigned n = 0;

  for (char **p = scope->row->allowed_upgrades; *p; p++, n++)
    {
      const char *wrong = check_upgrade (*p);

      if (!config_target_pass (scope, "allowed_upgrades", wrong))
        return false;
    }
  return n <= UPGRADES_MAX ? true
                           : config_target_refuse (scope, "allowed_upgrades",
                                                   "must not contain more than 16 names");
}

static bool
check_labels (const TargetScope *scope)
{
  const GPtrArray *labels = scope->row->match_labels;

  if (labels->len > PAIRS_MAX)
    return config_target_refuse (scope, "agent_selector", "must not contain more than 64 labels");
  for (unsigned i = 0; i < labels->len; i++)
    {
      const StorePair *pair = labels->pdata[i];
      const char *wrong = config_check_label_key (pair->name);

      if (!config_target_pass (scope, "agent_selector",
                               wrong ? wrong : config_check_label_value (pair->value)))
        return false;
    }
  return true;
}

static bool
check_range (const TargetScope *scope,
             const char *member,
             int64_t value,
             int64_t min,
             int64_t max,
             const char *wrong)
{
  return config_target_pass (scope, member, value < min || value > max ? wrong : NULL);
}

/* How the targets of a route share its requests. */
static bool
make_sharing (const TargetScope *scope, ConfigTarget *pub)
{
  const StoreTarget *row = scope->row;

  if (!check_range (scope, "priority_group", row->priority_group, 0, GROUP_MAX,
                    "must be between 0 and 1000")
      || !check_range (scope, "weight", row->weight, 1, WEIGHT_MAX, "must be between 1 and 1000")
      || !check_range (scope, "max_concurrent_requests", row->max_concurrent_requests, 0, LIMIT_MAX,
                       "must be between 0 and 1000000")
      || !check_range (scope, "max_connections", row->max_connections, 0, LIMIT_MAX,
                       "must be between 0 and 1000000"))
    return false;
  pub->position = scope->index;
  pub->priority_group = (unsigned) row->priority_group;
  pub->weight = (unsigned) row->weight;
  pub->max_concurrent_requests = (unsigned) row->max_concurrent_requests;
  pub->max_connections = (unsigned) row->max_connections;
  pub->agent_balancing = (ConfigBalancing) row->agent_load_balancing;
  return true;
}

static char **
lower_strings (char *const *strings)
{
  GPtrArray *lower = g_ptr_array_new ();

  for (; *strings; strings++)
    g_ptr_array_add (lower, g_ascii_strdown (*strings, -1));
  g_ptr_array_add (lower, NULL);
  return (char **) g_ptr_array_free (lower, false);
}

/* ---- static ---- */

static bool
make_static (const TargetScope *scope, ConfigTarget *pub)
{
  const StoreTarget *row = scope->row;
  size_t n = strlen (row->static_response_body);

  if (row->static_status_code < 200 || row->static_status_code > 599)
    return config_target_refuse (scope, "static_status_code", "must be between 200 and 599");
  /* RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5: these never have content. */
  if (n
      && (row->static_status_code == 204 || row->static_status_code == 205
          || row->static_status_code == 304))
    return config_target_refuse (scope, "static_response_body",
                                 "must be empty with this status code");
  pub->static_status_code = (unsigned) row->static_status_code;
  pub->static_body = (P2pSpan){ g_strdup (row->static_response_body), n };
  return config_target_make_static_fields (scope, pub);
}

/* ---- proxy ---- */

static bool
make_url (const TargetScope *scope, ConfigTarget *pub)
{
  g_auto (ConfigUrl) url = { 0 };
  const StoreTarget *row = scope->row;

  if (!config_target_pass (scope, "url", config_url_parse (row->url, &url)))
    return false;
  if (row->transport == STORE_TRANSPORT_AGENT && g_str_has_prefix (url.host, "unix:"))
    return config_target_refuse (scope, "url", "must not be a local socket behind an agent");
  pub->https = url.https;
  pub->port = url.port;
  pub->host = g_steal_pointer (&url.host);
  pub->base_path = g_steal_pointer (&url.base_path);
  if (row->host_header == STORE_HOST_TARGET)
    pub->host_value = g_steal_pointer (&url.authority);
  if (row->host_header == STORE_HOST_CUSTOM)
    {
      if (!config_target_pass (scope, "custom_host_header",
                               config_check_authority (row->custom_host_header)))
        return false;
      pub->host_value = g_strdup (row->custom_host_header);
    }
  return true;
}

/* What other targets have already: of the snapshot before, and of this one so far. */
static void
load_shared (Builder *builder)
{
  if (builder->origins)
    return;
  builder->origins = g_hash_table_new (g_str_hash, g_str_equal);
  builder->tls = g_hash_table_new (g_str_hash, g_str_equal);
  for (unsigned i = 0; builder->old && i < builder->old->routes->len; i++)
    {
      RouteBox *route = builder->old->routes->pdata[i];

      for (unsigned j = 0; j < route->n_all_targets; j++)
        {
          TargetBox *box = route->all_targets[j];

          if (box->origin)
            g_hash_table_insert (builder->origins, box->origin, box);
          if (box->tls_material)
            g_hash_table_insert (builder->tls, box->tls_material, box);
        }
    }
}

static bool
make_tls (Builder *builder, const TargetScope *scope, TargetBox *box)
{
  static const char *const alpn[] = { "http/1.1", NULL };
  const StoreTarget *row = scope->row;
  ConfigTarget *pub = &box->pub;
  const TargetBox *like;
  g_autofree char *wrong = NULL;
  g_autoptr (GError) error = NULL;
  P2pTlsClientOptions options = {
    .ca_pem = *row->tls_ca_pem ? row->tls_ca_pem : NULL,
    .skip_verify = row->tls_skip_verify,
    .alpn = alpn,
  };

  if (!pub->https)
    return true;
  if (*row->tls_server_name
      && !config_target_pass (scope, "tls_server_name", config_check_host (row->tls_server_name)))
    return false;
  pub->tls_server_name
      = g_ascii_strdown (*row->tls_server_name ? row->tls_server_name : pub->host, -1);
  box->tls_material = g_strdup_printf ("%d %s", row->tls_skip_verify, row->tls_ca_pem);
  like = g_hash_table_lookup (builder->tls, box->tls_material);
  pub->tls = like ? p2p_tls_client_ref (like->pub.tls) : p2p_tls_client_new (&options, &error);
  if (pub->tls)
    return true;
  wrong = g_strconcat ("cannot be used: ", error->message, NULL);
  return config_target_refuse (scope, "tls_ca_pem", wrong);
}

static char *
labels_to_text (const GPtrArray *labels)
{
  GString *text = g_string_new (NULL);

  for (unsigned i = 0; i < labels->len; i++)
    {
      const StorePair *pair = labels->pdata[i];

      g_string_append_printf (text, "%s=%zu:%s,", pair->name, strlen (pair->value), pair->value);
    }
  return g_string_free (text, false);
}

/* Two targets have one key exactly when this text is the same: it names all that decides which
 * socket, or which stream of which agents, a connection is. Keys are counted up, never made from
 * the text, and so never come back. */
static void
set_origin_key (Builder *builder, const StoreTarget *row, TargetBox *box)
{
  static uint64_t last_key; /* (lock: CONFIG_WRITE) */
  g_autofree char *labels = labels_to_text (row->match_labels);
  const ConfigTarget *pub = &box->pub;
  const TargetBox *like;

  box->origin = g_strdup_printf (
      "%s %s %d %u %s %s %s", store_transport_words[row->transport], pub->host, pub->https,
      pub->port, pub->https ? pub->tls_server_name : "-",
      row->transport == STORE_TRANSPORT_AGENT ? labels : "-", pub->https ? box->tls_material : "-");
  like = g_hash_table_lookup (builder->origins, box->origin);
  box->pub.origin_key = like ? like->pub.origin_key : ++last_key;
}

static bool
make_proxy (Builder *builder, const TargetScope *scope, TargetBox *box)
{
  const StoreTarget *row = scope->row;
  ConfigTarget *pub = &box->pub;

  load_shared (builder);
  if (!make_url (scope, pub) || !make_tls (builder, scope, box) || !check_upgrades (scope)
      || !check_labels (scope)
      || !check_timeout (scope, "upstream_connect_timeout_ms", row->upstream_connect_timeout_ms)
      || !check_timeout (scope, "upstream_response_header_timeout_ms",
                         row->upstream_response_header_timeout_ms)
      || !check_timeout (scope, "upstream_idle_timeout_ms", row->upstream_idle_timeout_ms)
      || !config_target_make_request_fields (scope, pub) || !config_target_make_health (scope, pub))
    return false;
  pub->transport
      = row->transport == STORE_TRANSPORT_AGENT ? CONFIG_TRANSPORT_AGENT : CONFIG_TRANSPORT_DIRECT;
  pub->host_header = (ConfigHostHeader) row->host_header;
  pub->allowed_upgrades = lower_strings (row->allowed_upgrades);
  pub->connect_timeout_ms = row->upstream_connect_timeout_ms;
  pub->response_header_timeout_ms = row->upstream_response_header_timeout_ms;
  pub->idle_timeout_ms = row->upstream_idle_timeout_ms;
  pub->tls_skip_verify = pub->https && row->tls_skip_verify;
  pub->labels = config_make_labels (row->match_labels, 0);
  pub->n_labels = row->match_labels->len;
  set_origin_key (builder, row, box);
  g_hash_table_insert (builder->origins, box->origin, box);
  if (box->tls_material)
    g_hash_table_insert (builder->tls, box->tls_material, box);
  return true;
}

G_STATIC_ASSERT ((int) STORE_HOST_CUSTOM == (int) CONFIG_HOST_CUSTOM);
G_STATIC_ASSERT ((int) STORE_HOST_TARGET == (int) CONFIG_HOST_TARGET);
G_STATIC_ASSERT ((int) STORE_BALANCE_RANDOM == (int) CONFIG_BALANCE_RANDOM);
G_STATIC_ASSERT ((int) STORE_BALANCE_WEIGHTED_LEAST_ACTIVE
                 == (int) CONFIG_BALANCE_WEIGHTED_LEAST_ACTIVE);

TargetBox *
config_make_target (Builder *builder, const StoreRoute *route, unsigned index, GError **error)
{
  const StoreTarget *row = route->targets->pdata[index];
  TargetScope scope = { route, row, index, error };
  g_autoptr (TargetBox) box = g_new0 (TargetBox, 1);
  bool is_static = row->type == STORE_TARGET_STATIC;

  box->n_refs = 1;
  box->version = row->version;
  box->pub.id = row->id;
  box->pub.name = g_strdup (row->name);
  box->pub.enabled = row->enabled;
  box->pub.type = is_static ? CONFIG_TARGET_STATIC : CONFIG_TARGET_PROXY;
  if (!config_target_pass (&scope, "name", config_check_name (row->name))
      || !make_sharing (&scope, &box->pub)
      || !(is_static ? make_static (&scope, &box->pub) : make_proxy (builder, &scope, box)))
    return NULL;
  return g_steal_pointer (&box);
}
