/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The address of a server as a person types it. Any thread; no state. */
#include "client/address.h"

#include <gio/gio.h>
#include <glib/gi18n-lib.h>
#include <string.h>

#include "client/error.h"

static P2pAddress *
address_new (const char *host, uint16_t port)
{
  P2pAddress *address = g_new0 (P2pAddress, 1);
  bool v6 = strchr (host, ':') != NULL;

  address->host = g_ascii_strdown (host, -1);
  address->port = port;
  address->url = g_strdup_printf (v6 ? "https://[%s]:%u" : "https://%s:%u", address->host, port);
  return address;
}

static P2pAddress *
fail (GError **error, const char *text, const char *reason)
{
  g_set_error (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_ADDRESS, "“%s”: %s", text, reason);
  return NULL;
}

/* Only what names a server may be in the URL: whatever else is there would be dropped silently
 * later. */
static P2pAddress *
from_uri (GUri *uri, const char *text, int default_port, GError **error)
{
  const char *host = g_uri_get_host (uri);
  const char *path = g_uri_get_path (uri);
  int port = g_uri_get_port (uri);
  g_autofree char *ascii = NULL;

  if (host == NULL || *host == '\0')
    return fail (error, text, _("there is no host name"));
  if (g_uri_get_userinfo (uri) != NULL)
    return fail (error, text, _("a user name does not belong into the address"));
  if ((*path != '\0' && strcmp (path, "/") != 0) || g_uri_get_query (uri) != NULL ||
      g_uri_get_fragment (uri) != NULL)
    return fail (error, text, _("only a host and a port, no path"));
  if (port == 0)
    return fail (error, text, _("port 0 cannot be connected to"));
  if (!g_hostname_is_ip_address (host))
    {
      ascii = g_hostname_to_ascii (host);
      /* What is no host name (blanks, markup, an underscore is fine) would only fail later, with a
       * worse sentence. */
      if (ascii == NULL || ascii[strcspn (ascii, " \"<>&\\^`{|}%\'()*,;=!$@/:")] != '\0')
        return fail (error, text, _("this is not a host name"));
    }
  return address_new (ascii != NULL ? ascii : host, (uint16_t) (port > 0 ? port : default_port));
}

P2pAddress *
p2p_address_parse (const char *text, GError **error)
{
  g_autofree char *trimmed = g_strstrip (g_strdup (text));
  g_autofree char *full = NULL;
  g_autoptr (GUri) uri = NULL;
  bool has_scheme = strstr (trimmed, "://") != NULL;

  if (*trimmed == '\0')
    {
      g_set_error_literal (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_ADDRESS,
                           _("Type the address of a server, for example server.example.com"));
      return NULL;
    }
  if (strchr (trimmed, ':') != NULL && g_hostname_is_ip_address (trimmed))
    return address_new (trimmed, P2P_ADDRESS_PORT);
  if (has_scheme && g_ascii_strncasecmp (trimmed, "https://", 8) != 0)
    return fail (error, trimmed, _("servers are managed over https only"));

  full = has_scheme ? g_strdup (trimmed) : g_strconcat ("https://", trimmed, NULL);
  uri = g_uri_parse (full, G_URI_FLAGS_NONE, NULL);
  if (uri == NULL)
    return fail (error, trimmed, _("this is not the address of a server"));
  return from_uri (uri, trimmed, has_scheme ? 443 : P2P_ADDRESS_PORT, error);
}

P2pAddress *
p2p_address_copy (const P2pAddress *address)
{
  return address_new (address->host, address->port);
}

void
p2p_address_free (P2pAddress *address)
{
  if (address == NULL)
    return;
  g_free (address->url);
  g_free (address->host);
  g_free (address);
}

char *
p2p_address_dup_display (const P2pAddress *address)
{
  if (address->port == P2P_ADDRESS_PORT)
    return g_strdup (address->host);
  return g_strdup (address->url + strlen ("https://"));
}
