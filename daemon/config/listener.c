/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A listener of the snapshot from its row, and whether the listeners bear each other. Under
 * CONFIG_WRITE. */
#include "daemon/config/config-priv.h"

#include <arpa/inet.h>

static bool
check (const StoreListener *row, const char *member, const char *wrong, GError **error)
{
  if (wrong && strcmp (member, "name") == 0)
    config_set_error (error, CONFIG_ERROR_INVALID, member, "listener: name %s",
                      wrong); /* not a name to show */
  else if (wrong)
    config_set_error (error, CONFIG_ERROR_INVALID, member, "listener '%s': %s %s", row->name,
                      member, wrong);
  return !wrong;
}

#define CIDRS_MAX 256

static bool
make_trusted (const StoreListener *row, ConfigListener *pub, GError **error)
{
  unsigned n = g_strv_length (row->trusted_proxy_cidrs);

  if (!check (row, "trusted_proxy_cidrs",
              n > CIDRS_MAX ? "must not contain more than 256 networks" : NULL, error))
    return false;
  pub->trusted_proxies = g_new0 (P2pCidr, n + 1);
  for (unsigned i = 0; i < n; i++)
    {
      g_autofree char *member = g_strdup_printf ("trusted_proxy_cidrs[%u]", i);
      bool good = p2p_cidr_parse (p2p_span_from_string (row->trusted_proxy_cidrs[i]),
                                  &pub->trusted_proxies[i]);

      if (!check (row, member,
                  good ? NULL : "must be an address or a network such as 10.0.0.0/8 or fd00::/8",
                  error))
        return false;
    }
  pub->n_trusted_proxies = n;
  return true;
}

G_STATIC_ASSERT ((int) STORE_PROXY_PROTOCOL_ANY == (int) CONFIG_PROXY_PROTOCOL_ANY);
G_STATIC_ASSERT ((int) STORE_PROXY_PROTOCOL_V1 == (int) CONFIG_PROXY_PROTOCOL_V1);

ListenerBox *
config_make_listener (const StoreListener *row, GError **error)
{
  g_autoptr (ListenerBox) box = g_new0 (ListenerBox, 1);
  bool is_unix = g_str_has_prefix (row->bind_address, "unix:");
  const char *port_wrong = NULL;

  box->n_refs = 1;
  box->version = row->version;
  if (row->port < 0 || row->port > UINT16_MAX)
    port_wrong = "must be between 0 and 65535";
  else if (is_unix && row->port != 0)
    port_wrong = "must be 0 with a Unix socket";
  if (!check (row, "name", config_check_name (row->name), error)
      || !check (row, "bind_address", config_check_bind_address (row->bind_address), error)
      || !check (row, "port", port_wrong, error))
    return NULL;
  box->pub.id = row->id;
  box->pub.name = g_strdup (row->name);
  box->pub.protocol
      = row->protocol == STORE_PROTOCOL_HTTPS ? CONFIG_PROTOCOL_HTTPS : CONFIG_PROTOCOL_HTTP;
  box->pub.bind_address = g_strdup (row->bind_address);
  box->pub.port = (uint16_t) row->port;
  box->pub.enabled = row->enabled;
  box->pub.proxy_protocol = (ConfigProxyProtocol) row->accept_proxy_protocol;
  if (!make_trusted (row, &box->pub, error))
    return NULL;
  return g_steal_pointer (&box);
}

/* One address in one form: IPv4 addresses as mapped ones. False for "" and Unix sockets. */
static bool
to_in6 (const char *text, struct in6_addr *ret_address)
{
  g_autofree char *mapped = g_strconcat ("::ffff:", text, NULL);

  return inet_pton (AF_INET6, text, ret_address) == 1
         || inet_pton (AF_INET6, mapped, ret_address) == 1;
}

/* Whether both take connections for one address: an empty address takes all of both families, ::
 * and 0.0.0.0 all of their own. */
static bool
addresses_overlap (const char *a, const char *b)
{
  struct in6_addr ia, ib;
  bool v4_a, v4_b;

  if (strcmp (a, b) == 0)
    return true;
  if (g_str_has_prefix (a, "unix:") || g_str_has_prefix (b, "unix:"))
    return false;
  if (!to_in6 (a, &ia) || !to_in6 (b, &ib))
    return true;
  v4_a = IN6_IS_ADDR_V4MAPPED (&ia);
  v4_b = IN6_IS_ADDR_V4MAPPED (&ib);
  if (v4_a != v4_b)
    return false;
  if (v4_a)
    return ia.s6_addr32[3] == 0 || ib.s6_addr32[3] == 0 || ia.s6_addr32[3] == ib.s6_addr32[3];
  return IN6_IS_ADDR_UNSPECIFIED (&ia) || IN6_IS_ADDR_UNSPECIFIED (&ib)
         || IN6_ARE_ADDR_EQUAL (&ia, &ib);
}

static bool
conflict (const ConfigListener *a, const ConfigListener *b)
{
  bool is_unix = g_str_has_prefix (a->bind_address, "unix:");

  return a->enabled && b->enabled && a->port == b->port && (a->port != 0 || is_unix)
         && addresses_overlap (a->bind_address, b->bind_address);
}

bool
config_check_listeners (const ConfigBox *cfg, GError **error)
{
  const Config *pub = &cfg->pub;

  for (unsigned i = 0; i < pub->n_listeners; i++)
    for (unsigned j = 0; j < i; j++)
      {
        const ConfigListener *a = pub->listeners[i], *b = pub->listeners[j];

        if (!conflict (a, b))
          continue;
        if (g_str_has_prefix (a->bind_address, "unix:"))
          config_set_error (error, CONFIG_ERROR_CONFLICT, "bind_address",
                            "listener '%s': %s is taken by listener '%s'", a->name, a->bind_address,
                            b->name);
        else
          config_set_error (error, CONFIG_ERROR_CONFLICT, "port",
                            "listener '%s': port %u is taken by listener '%s'", a->name, a->port,
                            b->name);
        return false;
      }
  return true;
}
