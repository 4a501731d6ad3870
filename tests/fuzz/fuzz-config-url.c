/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* URLs of origins, as an administrator types them. What is accepted is what another parser reads
 * there too, and what is composed of it is accepted again and means the same. */
#include "daemon/config/config-priv.h"
#include "tests/fuzz/fuzz.h"

#include <glib.h>
#include <string.h>

/* What goes into a request line and a Host field must not end them. */
static void
check_text (const char *text)
{
  for (const char *p = text; *p; p++)
    g_assert_true (*p > ' ' && *p < 0x7f);
}

static void
check_same (const ConfigUrl *url, const ConfigUrl *again)
{
  g_assert_cmpstr (url->host, ==, again->host);
  g_assert_cmpstr (url->authority, ==, again->authority);
  g_assert_cmpstr (url->base_path, ==, again->base_path);
  g_assert_cmpuint (url->port, ==, again->port);
  g_assert_cmpint (url->https, ==, again->https);
}

static void
check_unix (const char *text, const ConfigUrl *url)
{
  g_assert_cmpstr (url->host, ==, text);
  g_assert_true (text[5] == '/');
  g_assert_cmpstr (url->base_path, ==, "");
}

static void
check_http (const char *text, const ConfigUrl *url)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_ENCODED, &error);
  g_auto (ConfigUrl) again = { 0 };
  g_autofree char *composed = g_strdup_printf ("%s://%s%s", url->https ? "https" : "http",
                                               url->authority, url->base_path);
  int port;

  g_assert_no_error (error);
  port = g_uri_get_port (uri);
  g_assert_cmpint (g_ascii_strcasecmp (g_uri_get_host (uri), url->host), ==, 0);
  g_assert_cmpuint (url->port, ==, port > 0 ? port : url->https ? 443 : 80);
  g_assert_null (g_uri_get_userinfo (uri));
  g_assert_null (g_uri_get_query (uri));
  g_assert_null (g_uri_get_fragment (uri));
  g_assert_true (url->base_path[0] == '\0'
                 || g_str_has_prefix (strchr (strstr (text, "//") + 2, '/'), url->base_path));
  check_text (url->host);
  check_text (url->authority);
  check_text (url->base_path);
  g_assert_false (g_str_has_suffix (url->base_path, "/"));
  g_assert_null (strstr (url->base_path, "/../"));
  g_assert_null (config_url_parse (composed, &again));
  check_same (url, &again);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_auto (ConfigUrl) url = { 0 };
  const char *wrong = config_url_parse (text, &url);

  if (wrong)
    g_assert_null (url.host);
  else if (g_str_has_prefix (text, "unix:"))
    check_unix (text, &url);
  else
    check_http (text, &url);
  return 0;
}
