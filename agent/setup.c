/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* From settings to what the agent works with. See setup.h. */
#include "agent/setup.h"

#include <glib.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_HTTPS_PORT 443
#define DEFAULT_HTTP_PORT 80
#define TOKEN_MAX 512

Agent agent;

static bool
fail (GError **error, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

static bool
fail (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  if (error)
    *error = g_error_new_valist (P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_VALUE, format, args);
  va_end (args);
  return false;
}

/* Goes into a header line. */
static bool
is_plain (const char *text)
{
  for (const char *p = text; *p; p++)
    if ((unsigned char) *p <= ' ' || (unsigned char) *p >= 0x7f)
      return false;
  return *text != '\0';
}

static bool
setup_token (GError **error)
{
  const AgentSettings *settings = &agent.settings;
  bool has_text = settings->agent_token && *settings->agent_token;
  bool has_file = settings->agent_token_file && *settings->agent_token_file;

  if (has_text == has_file)
    return fail (error, has_text ? "AGENT_TOKEN and AGENT_TOKEN_FILE are both set: one is enough"
                                 : "AGENT_TOKEN_FILE (or AGENT_TOKEN) is not set");
  if (has_text)
    agent.token = g_strdup (settings->agent_token);
  else if (!g_file_get_contents (settings->agent_token_file, &agent.token, NULL, error))
    {
      g_prefix_error (error, "AGENT_TOKEN_FILE: ");
      return false;
    }
  g_strstrip (agent.token);
  if (strlen (agent.token) > TOKEN_MAX || !is_plain (agent.token))
    return fail (error, "%s: this is not an agent's token",
                 has_text ? "AGENT_TOKEN" : settings->agent_token_file);
  if (!is_plain (settings->agent_id))
    return fail (error, "AGENT_ID: this is not an agent's id");
  return true;
}

/* The name is shown to people; a header line takes no control characters. */
static void
setup_name (void)
{
  char host[256] = "";

  if (agent.settings.agent_name && *agent.settings.agent_name)
    agent.name = g_strdup (agent.settings.agent_name);
  else
    agent.name = g_strdup (gethostname (host, sizeof host - 1) == 0 && *host ? host : "agent");
  for (char *p = agent.name; *p; p++)
    if ((unsigned char) *p < 0x20 || *p == 0x7f)
      *p = '_';
}

static bool
setup_url (bool *ret_https, GError **error)
{
  const char *text = agent.settings.management_url;
  g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_NONE, NULL);
  const char *scheme = uri ? g_uri_get_scheme (uri) : "";
  const char *path = uri ? g_uri_get_path (uri) : "";

  *ret_https = strcmp (scheme, "https") == 0;
  if (!uri || (!*ret_https && strcmp (scheme, "http") != 0) || !g_uri_get_host (uri)
      || !*g_uri_get_host (uri) || g_uri_get_userinfo (uri) || g_uri_get_query (uri)
      || g_uri_get_fragment (uri) || (*path && strcmp (path, "/") != 0))
    return fail (error, "MANAGEMENT_URL: '%s' is not of the form https://host:port", text);
  if (!*ret_https && !agent.settings.agent_allow_insecure_management)
    return fail (error,
                 "MANAGEMENT_URL: '%s' is not encrypted: the token and all traffic could be read; "
                 "AGENT_ALLOW_INSECURE_MANAGEMENT=true allows it",
                 text);
  agent.host = g_strdup (g_uri_get_host (uri));
  agent.port = (uint16_t) (g_uri_get_port (uri) > 0 ? g_uri_get_port (uri)
                           : *ret_https             ? DEFAULT_HTTPS_PORT
                                                    : DEFAULT_HTTP_PORT);
  agent.authority
      = g_strdup_printf (strchr (agent.host, ':') ? "[%s]:%u" : "%s:%u", agent.host, agent.port);
  return true;
}

/* NULL without error: the system's authorities. */
static bool
load_ca (char **ret_pem, GError **error)
{
  const AgentSettings *settings = &agent.settings;
  gsize n;

  if (settings->management_ca_file && *settings->management_ca_file)
    {
      if (g_file_get_contents (settings->management_ca_file, ret_pem, NULL, error))
        return true;
      g_prefix_error (error, "MANAGEMENT_CA_FILE: ");
      return false;
    }
  if (!settings->management_ca_pem_base64 || !*settings->management_ca_pem_base64)
    return true;
  *ret_pem = (char *) g_base64_decode (settings->management_ca_pem_base64, &n);
  if (*ret_pem && n > 0 && strlen (*ret_pem) == n) /* the decoder puts a NUL behind it */
    return true;
  return fail (error, "MANAGEMENT_CA_PEM_BASE64: this is not a PEM file in base64");
}

static bool
load_certificate (P2pTlsCert **ret_cert, GError **error)
{
  const AgentSettings *settings = &agent.settings;
  bool has_cert = settings->agent_tls_cert_file && *settings->agent_tls_cert_file;
  bool has_key = settings->agent_tls_key_file && *settings->agent_tls_key_file;
  g_autofree char *chain = NULL, *key = NULL;

  if (!has_cert && !has_key)
    return true;
  if (has_cert != has_key)
    return fail (error,
                 "AGENT_TLS_CERT_FILE and AGENT_TLS_KEY_FILE belong together: one is not set");
  if (!g_file_get_contents (settings->agent_tls_cert_file, &chain, NULL, error)
      || !g_file_get_contents (settings->agent_tls_key_file, &key, NULL, error))
    return false;
  *ret_cert = p2p_tls_cert_new (p2p_span_from_string (chain), p2p_span_from_string (key), error);
  if (!*ret_cert)
    g_prefix_error (error, "AGENT_TLS_CERT_FILE %s: ", settings->agent_tls_cert_file);
  return *ret_cert != NULL;
}

static bool
setup_tls (GError **error)
{
  static const char *const alpn[] = { "http/1.1", NULL };
  g_autoptr (P2pTlsCert) cert = NULL;
  g_autofree char *ca = NULL;
  P2pTlsClientOptions options = { .alpn = alpn };

  if (!load_ca (&ca, error) || !load_certificate (&cert, error))
    return false;
  options.ca_pem = ca;
  options.certificate = cert;
  agent.tls = p2p_tls_client_new (&options, error);
  if (!agent.tls && ca)
    g_prefix_error (error, "%s: ",
                    agent.settings.management_ca_file && *agent.settings.management_ca_file
                        ? agent.settings.management_ca_file
                        : "MANAGEMENT_CA_PEM_BASE64");
  return agent.tls != NULL;
}

bool
setup_agent (GError **error)
{
  uint64_t random[2];
  bool https;

  if (!setup_token (error) || !setup_url (&https, error))
    return false;
  agent.allow = allow_new (agent.settings.agent_allow, agent.settings.agent_deny, error);
  if (!agent.allow)
    return false;
  setup_name ();
  if (https && !setup_tls (error))
    return false;
  if (gnutls_rnd (GNUTLS_RND_NONCE, random, sizeof random) < 0)
    return fail (error, "no random numbers");
  (void) snprintf (agent.instance, sizeof agent.instance,
                   "%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x", random[0],
                   random[1]); /* fits */
  return true;
}

void
setup_clear (void)
{
  if (agent.token)
    memset (agent.token, 0, strlen (agent.token));
  g_clear_pointer (&agent.token, g_free);
  g_clear_pointer (&agent.name, g_free);
  g_clear_pointer (&agent.host, g_free);
  g_clear_pointer (&agent.authority, g_free);
  g_clear_pointer (&agent.tls, p2p_tls_client_unref);
  g_clear_pointer (&agent.allow, allow_free);
}
