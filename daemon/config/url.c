/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The URL of an origin: http or https, host, port, base path; or unix:/path for a socket on this
 * host. User names, queries and fragments have no meaning here and are refused. Pure functions. */
#include "daemon/config/config-priv.h"

#include <sys/un.h>

void
config_url_clear (ConfigUrl *url)
{
  g_clear_pointer (&url->host, g_free);
  g_clear_pointer (&url->base_path, g_free);
  g_clear_pointer (&url->authority, g_free);
}

static const char *
parse_unix (const char *path, ConfigUrl *ret_url)
{
  if (*path != '/')
    return "must name an absolute path after \"unix:\"";
  if (strlen (path) >= sizeof ((struct sockaddr_un *) NULL)->sun_path)
    return "must not name a path longer than 107 bytes";
  *ret_url = (ConfigUrl){
    .host = g_strconcat ("unix:", path, NULL),
    .base_path = g_strdup (""),
    .authority = g_strdup ("localhost"),
  };
  return NULL;
}

/* text: ":8080" or "". */
static const char *
parse_port (P2pSpan text, uint16_t fallback, uint16_t *ret_port)
{
  uint64_t port = 0;

  *ret_port = fallback;
  if (text.n == 0)
    return NULL;
  if (text.p[0] != ':' || text.n > 6
      || !p2p_span_to_u64 ((P2pSpan){ text.p + 1, text.n - 1 }, &port) || port == 0
      || port > UINT16_MAX)
    return "must have a port between 1 and 65535 after the host";
  *ret_port = (uint16_t) port;
  return NULL;
}

static const char *
parse_authority (P2pSpan text, ConfigUrl *url)
{
  bool bracketed = text.n && text.p[0] == '[';
  const char *end = text.n ? memchr (text.p, bracketed ? ']' : ':', text.n) : NULL;
  size_t n_host = end ? (size_t) (end - text.p) : text.n;
  const char *wrong;
  P2pSpan rest;

  if (memchr (text.p, '@', text.n))
    return "must not contain a user name";
  if (bracketed && !end)
    return "must close the bracket of the address";
  url->host = bracketed ? g_ascii_strdown (text.p + 1, (ssize_t) n_host - 1)
                        : g_ascii_strdown (text.p, (ssize_t) n_host);
  if (bracketed)
    n_host++;
  rest = (P2pSpan){ text.p + n_host, text.n - n_host };
  wrong = *url->host ? config_check_host (url->host) : "must contain a host";
  if (!wrong && bracketed != (strchr (url->host, ':') != NULL))
    wrong = "must have brackets around an IPv6 address, and only there";
  if (!wrong)
    wrong = parse_port (rest, url->https ? 443 : 80, &url->port);
  if (wrong)
    return wrong;
  if (url->port == (url->https ? 443 : 80))
    url->authority = g_strdup_printf (bracketed ? "[%s]" : "%s", url->host);
  else
    url->authority = g_strdup_printf (bracketed ? "[%s]:%u" : "%s:%u", url->host, url->port);
  return NULL;
}

const char *
config_url_parse (const char *text, ConfigUrl *ret_url)
{
  g_auto (ConfigUrl) url = { 0 };
  const char *authority, *slash, *wrong;
  size_t n;

  if (g_str_has_prefix (text, "unix:"))
    return parse_unix (text + 5, ret_url);
  url.https = g_ascii_strncasecmp (text, "https://", 8) == 0;
  if (!url.https && g_ascii_strncasecmp (text, "http://", 7) != 0)
    return "must begin with http://, https:// or unix:/";
  if (strpbrk (text, "?#"))
    return "must not contain a query or a fragment";
  authority = strstr (text, "//") + 2;
  slash = strchr (authority, '/');
  n = slash ? (size_t) (slash - authority) : strlen (authority);
  wrong = parse_authority ((P2pSpan){ authority, n }, &url);
  if (!wrong && slash)
    wrong = config_check_path (slash);
  if (wrong)
    return wrong;
  url.base_path = slash ? config_trim_path (slash) : g_strdup ("");
  *ret_url = url;
  url = (ConfigUrl){ 0 };
  return NULL;
}
