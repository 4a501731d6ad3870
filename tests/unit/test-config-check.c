/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The syntax of single values: tables of what passes and what does not. */
#include "daemon/config/config-priv.h"

typedef const char *(*CheckFunc) (const char *text);

typedef struct
{
  const char *text;
  bool ok;
} Case;

static const Case names[] = {
  { "web", true },
  { "Web server 1", true },
  { "caf\xc3\xa9", true },
  { "<b>&", true }, /* shown as text, never as markup */
  { "", false },
  { " web", false },
  { "web ", false },
  { "a\nb", false },
  { "a\x7f", false },
  { "\xff", false },
  { "a\xe2\x80\xae"
    "b",
    false }, /* right-to-left override */
  { "a\xe2\x80\xa8"
    "b",
    false }, /* line separator */
  { "a\xe2\x80\x8b"
    "b",
    false }, /* zero width space */
  { "1234567890123456789012345678901234567890123456789012345678901234", true },
  { "12345678901234567890123456789012345678901234567890123456789012345", false },
};

static const Case patterns[] = {
  { "", true },
  { "example.com", true },
  { "Example.COM", true },
  { "localhost", true },
  { "my_service.example", true },
  { "*.example.com", true },
  { "192.0.2.1", true },
  { "2001:db8::1", true },
  { "*", false },
  { "*.", false },
  { "*.*.example.com", false },
  { "a.*.example.com", false },
  { "*example.com", false },
  { "*.192.0.2.1", false },
  { "example.com:443", false },
  { "[2001:db8::1]", false },
  { "example.com.", false },
  { ".example.com", false },
  { "a..b", false },
  { "b\xc3\xbc"
    "cher.example",
    false },
  { "exa mple.com", false },
  { "a/b", false },
  { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", false },
};

static const Case paths[] = {
  { "/", true },
  { "/api", true },
  { "/api/", true },
  { "/a/b-c_d~e.f", true },
  { "/.well-known/x", true },
  { "/...", true },
  { "/a%20b", true },
  { "/a:b@c", true },
  { "", false },
  { "api", false },
  { "/a//b", false },
  { "/a/./b", false },
  { "/a/../b", false },
  { "/..", false },
  { "/.", false },
  { "/..;/x", false },
  { "/a%2fb", false },
  { "/a%2Fb", false },
  { "/a%5cb", false },
  { "/%2e%2e/", false },
  { "/a%00", false },
  { "/a%", false },
  { "/a%4", false },
  { "/a%zz", false },
  { "/a?b", false },
  { "/a#b", false },
  { "/a b", false },
  { "/a\\b", false },
  { "/\xc3\xa9", false },
};

static const Case field_names[] = {
  { "X-Thing", true },
  { "Cache-Control", true },
  { "Content-Type", true },
  { "", false },
  { "X Thing", false },
  { "X:", false },
  { "X\r\nY", false },
  { "connection", false },
  { "Transfer-Encoding", false },
  { "CONTENT-LENGTH", false },
  { "Upgrade", false },
  { "TE", false },
  { "Trailer", false },
  { "Keep-Alive", false },
  { "Proxy-Connection", false },
  { "Host", false },
};

static const Case field_values[] = {
  { "", true },           { "text/plain; charset=utf-8", true },
  { "a\tb", true },       { "caf\xc3\xa9", true },
  { "a\r\nX: y", false }, { "a\nb", false },
  { " a", false },        { "a ", false },
  { "a\x01", false },     { "a\x7f", false },
};

static const Case bind_addresses[] = {
  { "", true },          { "0.0.0.0", true },          { "::", true },
  { "127.0.0.1", true }, { "unix:/run/p.sock", true }, { "localhost", false },
  { "[::1]", false },    { "127.0.0.1:80", false },    { "unix:p.sock", false },
  { "unix:", false },    { "fe80::1%eth0", false },
};

static const Case label_keys[] = {
  { "site", true }, { "p2pstream.io/agent-id", true }, { "", false }, { "a b", false },
  { "a=b", false },
};

static const Case authorities[] = {
  { "example.com", true },
  { "example.com:8080", true },
  { "[::1]:80", true },
  { "", false },
  { "example.com/x", false },
  { "a b", false },
  { "user@example.com", false },
  { "example.com:0", false },
  { "::1", false },
};

static void
run (const char *what, CheckFunc func, const Case *cases, size_t n)
{
  for (size_t i = 0; i < n; i++)
    {
      const char *wrong = func (cases[i].text);

      if ((wrong == NULL) != cases[i].ok)
        g_error ("%s '%s': %s", what, cases[i].text, wrong ? wrong : "passes");
    }
}

static void
test_values (void)
{
#define RUN(func, cases) run (#cases, func, cases, G_N_ELEMENTS (cases))
  RUN (config_check_name, names);
  RUN (config_check_host_pattern, patterns);
  RUN (config_check_path, paths);
  RUN (config_check_field_name, field_names);
  RUN (config_check_field_value, field_values);
  RUN (config_check_bind_address, bind_addresses);
  RUN (config_check_label_key, label_keys);
  RUN (config_check_authority, authorities);
#undef RUN
}

static const struct
{
  const char *text;
  bool https;
  const char *host;
  unsigned port;
  const char *base_path, *authority;
} urls[] = {
  { "http://origin", false, "origin", 80, "", "origin" },
  { "https://Origin.example", true, "origin.example", 443, "", "origin.example" },
  { "HTTPS://origin.example:8443/", true, "origin.example", 8443, "", "origin.example:8443" },
  { "http://10.0.0.1:8080/base/x/", false, "10.0.0.1", 8080, "/base/x", "10.0.0.1:8080" },
  { "http://[2001:DB8::1]", false, "2001:db8::1", 80, "", "[2001:db8::1]" },
  { "https://[::1]:8443/a", true, "::1", 8443, "/a", "[::1]:8443" },
  { "http://origin:80", false, "origin", 80, "", "origin" },
  { "unix:/run/app.sock", false, "unix:/run/app.sock", 0, "", "localhost" },
};

static const char *const bad_urls[] = {
  "",
  "origin",
  "ftp://origin",
  "http://",
  "http:///x",
  "http:origin",
  "http://a:0",
  "http://a:65536",
  "http://a:",
  "http://a:8o",
  "http://u@a",
  "http://u:p@a",
  "http://a?q",
  "http://a/#f",
  "http://a/../b",
  "http://a b",
  "http://[::1",
  "http://[a]",
  "http://::1",
  "http://a/%2e%2e/",
  "unix:app.sock",
  "unix:",
  "http://a\n",
  "http://[::1]x",
  "http://*.a",
  "http://a..b",
  "http://a:+80",
  "https://a:080808",
  "http://[127.0.0.1]",
};

static void
test_urls (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (urls); i++)
    {
      g_auto (ConfigUrl) url = { 0 };

      g_assert_cmpstr (config_url_parse (urls[i].text, &url), ==, NULL);
      g_assert_true (url.https == urls[i].https);
      g_assert_cmpstr (url.host, ==, urls[i].host);
      g_assert_cmpuint (url.port, ==, urls[i].port);
      g_assert_cmpstr (url.base_path, ==, urls[i].base_path);
      g_assert_cmpstr (url.authority, ==, urls[i].authority);
    }
  for (unsigned i = 0; i < G_N_ELEMENTS (bad_urls); i++)
    {
      g_auto (ConfigUrl) url = { 0 };

      if (!config_url_parse (bad_urls[i], &url))
        g_error ("url '%s' passes", bad_urls[i]);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/config/check/values", test_values);
  g_test_add_func ("/config/check/urls", test_urls);
  return g_test_run ();
}
