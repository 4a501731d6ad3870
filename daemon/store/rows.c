/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The words of the store's enumerations, and rows with their defaults. Pure functions; any thread.
 */
#include "daemon/store/store-priv.h"

const char *const store_role_words[] = { "admin", "operator", "viewer", NULL };
const char *const store_protocol_words[] = { "http", "https", NULL };
const char *const store_path_security_words[] = { "strict", "allow_encoded_separators", NULL };
const char *const store_target_type_words[] = { "proxy", "static", NULL };
const char *const store_transport_words[] = { "direct", "agent", NULL };
const char *const store_host_header_words[] = { "preserve", "target", "custom", NULL };
const char *const store_session_kind_words[] = { "bearer", "cookie", NULL };
const char *const store_action_words[] = { "forward", "redirect", NULL };
const char *const store_balancing_words[]
    = { "round_robin",           "weighted_round_robin",           "random", "weighted_random",
        "least_active_requests", "weighted_least_active_requests", NULL };
const char *const store_redirect_mode_words[]
    = { "same_host_path", "external_origin_keep_path", "absolute_url", NULL };
const char *const store_proxy_protocol_words[] = { "off", "v1", "v2", "any", NULL };
const char *const store_certificate_source_words[] = { "manual", "self_signed", "acme", "fallback",
                                                       NULL };
const char *const store_health_method_words[] = { "GET", "HEAD", "OPTIONS", NULL };

int
store_word_find (const char *const *words, const char *word)
{
  for (int i = 0; word && words[i]; i++)
    if (strcmp (words[i], word) == 0)
      return i;
  return -1;
}

StoreUser *
store_user_new (void)
{
  StoreUser *row = g_new0 (StoreUser, 1);

  row->username = g_strdup ("");
  row->password_hash = g_strdup ("");
  return row;
}

void
store_user_free (StoreUser *row)
{
  if (!row)
    return;
  g_free (row->username);
  g_free (row->password_hash);
  g_free (row);
}

StoreSession *
store_session_new (void)
{
  StoreSession *row = g_new0 (StoreSession, 1);

  row->username = g_strdup ("");
  row->address = g_strdup ("");
  row->client = g_strdup ("");
  return row;
}

void
store_session_free (StoreSession *row)
{
  if (!row)
    return;
  g_free (row->username);
  g_free (row->address);
  g_free (row->client);
  g_free (row);
}

StoreToken *
store_token_new (void)
{
  StoreToken *row = g_new0 (StoreToken, 1);

  row->name = g_strdup ("");
  row->enabled = true;
  return row;
}

void
store_token_free (StoreToken *row)
{
  if (!row)
    return;
  g_free (row->name);
  g_free (row);
}

StoreListener *
store_listener_new (void)
{
  StoreListener *row = g_new0 (StoreListener, 1);

  row->name = g_strdup ("");
  row->bind_address = g_strdup ("");
  row->enabled = true;
  row->trusted_proxy_cidrs = g_new0 (char *, 1);
  return row;
}

void
store_listener_free (StoreListener *row)
{
  if (!row)
    return;
  g_free (row->name);
  g_free (row->bind_address);
  g_strfreev (row->trusted_proxy_cidrs);
  g_free (row);
}

StoreTarget *
store_target_new (void)
{
  StoreTarget *row = g_new0 (StoreTarget, 1);

  row->name = g_strdup ("");
  row->enabled = true;
  row->weight = 1;
  row->url = g_strdup ("");
  row->match_labels = store_pairs_new ();
  row->custom_host_header = g_strdup ("");
  row->allowed_upgrades = g_new0 (char *, 2);
  row->allowed_upgrades[0] = g_strdup ("websocket");
  row->tls_server_name = g_strdup ("");
  row->tls_ca_pem = g_strdup ("");
  row->upstream_connect_timeout_ms = 10000;
  row->upstream_response_header_timeout_ms = 60000;
  row->upstream_idle_timeout_ms = 60000;
  row->upstream_request_headers = store_pairs_new ();
  row->upstream_username = g_strdup ("");
  row->upstream_password = g_strdup ("");
  row->health_path = g_strdup ("/");
  row->health_interval_ms = 10000;
  row->health_timeout_ms = 5000;
  row->health_healthy_threshold = 2;
  row->health_unhealthy_threshold = 3;
  row->health_status_min = 200;
  row->health_status_max = 399;
  row->static_status_code = 200;
  row->static_response_headers = store_pairs_new ();
  row->static_response_body = g_strdup ("");
  return row;
}

void
store_target_free (StoreTarget *row)
{
  if (!row)
    return;
  g_free (row->name);
  g_free (row->url);
  g_clear_pointer (&row->match_labels, g_ptr_array_unref);
  g_free (row->custom_host_header);
  g_strfreev (row->allowed_upgrades);
  g_free (row->tls_server_name);
  g_free (row->tls_ca_pem);
  g_clear_pointer (&row->upstream_request_headers, g_ptr_array_unref);
  g_free (row->upstream_username);
  if (row->upstream_password)
    explicit_bzero (row->upstream_password, strlen (row->upstream_password));
  g_free (row->upstream_password);
  g_free (row->health_path);
  g_clear_pointer (&row->static_response_headers, g_ptr_array_unref);
  g_free (row->static_response_body);
  g_free (row);
}

StoreRoute *
store_route_new (void)
{
  StoreRoute *row = g_new0 (StoreRoute, 1);

  row->name = g_strdup ("");
  row->priority = 100;
  row->host_pattern = g_strdup ("");
  row->path_prefix = g_strdup ("/");
  row->enabled = true;
  row->redirect_target = g_strdup ("");
  row->redirect_status_code = 302;
  row->targets = g_ptr_array_new_with_free_func ((GDestroyNotify) store_target_free);
  return row;
}

void
store_route_free (StoreRoute *row)
{
  if (!row)
    return;
  g_free (row->name);
  g_free (row->host_pattern);
  g_free (row->path_prefix);
  g_free (row->redirect_target);
  g_clear_pointer (&row->targets, g_ptr_array_unref);
  g_free (row);
}

StoreAgent *
store_agent_new (void)
{
  StoreAgent *row = g_new0 (StoreAgent, 1);

  row->public_id = g_strdup ("");
  row->name = g_strdup ("");
  row->enabled = true;
  row->labels = store_pairs_new ();
  return row;
}

void
store_agent_free (StoreAgent *row)
{
  if (!row)
    return;
  g_free (row->public_id);
  g_free (row->name);
  g_clear_pointer (&row->labels, g_ptr_array_unref);
  g_free (row);
}

StoreCertificate *
store_certificate_new (void)
{
  StoreCertificate *row = g_new0 (StoreCertificate, 1);

  row->hostname_pattern = g_strdup ("");
  row->enabled = true;
  row->certificate_pem = g_strdup ("");
  row->private_key_pem = g_strdup ("");
  row->certificate_path = g_strdup ("");
  row->private_key_path = g_strdup ("");
  return row;
}

void
store_certificate_free (StoreCertificate *row)
{
  if (!row)
    return;
  g_free (row->hostname_pattern);
  g_free (row->certificate_pem);
  if (row->private_key_pem)
    explicit_bzero (row->private_key_pem, strlen (row->private_key_pem));
  g_free (row->private_key_pem);
  g_free (row->certificate_path);
  g_free (row->private_key_path);
  g_free (row);
}

StoreAudit *
store_audit_new (void)
{
  StoreAudit *row = g_new0 (StoreAudit, 1);

  row->principal = g_strdup ("");
  row->address = g_strdup ("");
  row->action = g_strdup ("");
  row->resource = g_strdup ("");
  row->request_id = g_strdup ("");
  return row;
}

void
store_audit_free (StoreAudit *row)
{
  if (!row)
    return;
  g_free (row->principal);
  g_free (row->address);
  g_free (row->action);
  g_free (row->resource);
  g_free (row->before);
  g_free (row->after);
  g_free (row->request_id);
  g_free (row);
}
