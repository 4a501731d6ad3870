/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What is in force and will not do: hosts that are published over TLS without a certificate,
 * certificates that have ended or could not be read. Any thread; nothing blocks. */
#include "daemon/config/config-priv.h"

/* Addresses are not sent as SNI, so nobody can have a certificate for one. */
static bool
lacks_cert (const ConfigListener *listener, const char *pattern)
{
  P2pSpan name = p2p_span_from_string (pattern);

  if (*pattern == '\0' || config_is_address (pattern))
    return false;
  return !config_has_cert (listener, name);
}

static bool
is_public (const ConfigListener *listener)
{
  return listener->enabled && listener->protocol == CONFIG_PROTOCOL_HTTPS;
}

void
config_warn_about_hosts (const ConfigListener *old,
                         const ConfigListener *listener,
                         GPtrArray *warnings)
{
  g_autoptr (GHashTable) seen = NULL;

  if (old == listener || !is_public (listener))
    return;
  seen = g_hash_table_new (g_str_hash, g_str_equal);
  for (unsigned i = 0; old && is_public (old) && i < old->n_routes; i++)
    if (lacks_cert (old, old->routes[i]->host_pattern))
      g_hash_table_add (seen, old->routes[i]->host_pattern); /* told already */
  for (unsigned i = 0; i < listener->n_routes; i++)
    {
      const char *pattern = listener->routes[i]->host_pattern;

      if (!lacks_cert (listener, pattern) || !g_hash_table_add (seen, (char *) pattern))
        continue;
      g_ptr_array_add (warnings,
                       g_strdup_printf ("listener '%s': host '%s' has no certificate: clients see "
                                        "the self-signed fallback",
                                        listener->name, pattern));
    }
}

static unsigned
count_hosts (const ConfigListener *listener)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (unsigned i = 0; i < listener->n_routes; i++)
    if (lacks_cert (listener, listener->routes[i]->host_pattern))
      g_hash_table_add (seen, listener->routes[i]->host_pattern);
  return g_hash_table_size (seen);
}

static void
add (GArray *faults, ConfigFaultKind kind, int64_t id, unsigned count)
{
  ConfigFault fault = { .kind = kind, .id = id, .count = count };

  g_array_append_val (faults, fault);
}

GArray *
config_list_faults (const Config *cfg, int64_t now_ms)
{
  const GPtrArray *certs = ((const ConfigBox *) cfg)->certs;
  GArray *faults = g_array_new (false, false, sizeof (ConfigFault));

  for (unsigned i = 0; i < cfg->n_listeners; i++)
    {
      unsigned n = is_public (cfg->listeners[i]) ? count_hosts (cfg->listeners[i]) : 0;

      if (n > 0)
        add (faults, CONFIG_FAULT_CERTIFICATE_MISSING, cfg->listeners[i]->id, n);
    }
  for (unsigned i = 0; i < certs->len; i++)
    {
      const CertBox *box = certs->pdata[i];

      if (!box->pub.enabled || box->source == STORE_CERTIFICATE_FALLBACK)
        continue;
      if (box->pub.last_error)
        add (faults, CONFIG_FAULT_CERTIFICATE_ERROR, box->pub.id, 1);
      else if (box->pub.facts.not_after <= now_ms)
        add (faults, CONFIG_FAULT_CERTIFICATE_EXPIRED, box->pub.id, 1);
    }
  return faults;
}
