/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Where redirects lead: the table of modes and flags on heads that the real parser read, and a
 * thousand random paths none of which leaves the host or the line. */
#include "daemon/proxy/redirect.h"

#include <stdio.h>

#define SAME CONFIG_REDIRECT_SAME_HOST_PATH
#define KEEP CONFIG_REDIRECT_EXTERNAL_ORIGIN_KEEP_PATH
#define URL CONFIG_REDIRECT_ABSOLUTE_URL

static const struct
{
  ConfigRedirectMode mode;
  const char *prefix, *to;
  bool suffix, query;
  const char *request, *location;
} rows[] = {
  { SAME, "/old", "/new", false, false, "/old/a/b?c=d", "/new" },
  { SAME, "/old", "/new", false, true, "/old/a/b?c=d", "/new?c=d" },
  { SAME, "/old", "/new", true, false, "/old/a/b?c=d", "/new/a/b" },
  { SAME, "/old", "/new", true, true, "/old/a/b?c=d", "/new/a/b?c=d" },
  { SAME, "/old", "/new", true, true, "/old", "/new" },
  { SAME, "/old", "/new/", true, true, "/old", "/new/" },
  { SAME, "/old", "/new", true, true, "/old/", "/new/" },
  { SAME, "/old", "/new/", true, true, "/old/x", "/new/x" },
  { SAME, "/old", "/new", true, true, "/old?", "/new?" },
  { SAME, "/old", "/", true, false, "/old/x", "/x" },
  { SAME, "/old", "/", true, false, "/old", "/" },
  { SAME, "/old", "/", true, false, "/old/", "/" },
  { SAME, "/", "/new", true, false, "/a/b", "/new/a/b" },
  { SAME, "/", "/new", true, false, "/", "/new" },
  /* The same bytes: nothing is decoded, nothing is made of two slashes. */
  { SAME, "/old", "/new", true, true, "/old/%2F%0d%0aX:%20y?%0d%0a",
    "/new/%2F%0d%0aX:%20y?%0d%0a" },
  { SAME, "/old", "/new", true, false, "/old//x//y", "/new//x//y" },
  /* Not to another host. */
  { SAME, "/old", "/", true, false, "/old//evil.example/x", "/.//evil.example/x" },
  { SAME, "/", "/", true, false, "//evil.example", "/.//evil.example" },
  { SAME, "/", "/", true, false, "///evil.example", "/.///evil.example" },
  { SAME, "/old", "/", true, true, "/old//evil.example?//", "/.//evil.example?//" },
  { SAME, "/old", "/new", true, false, "http://other.example/old/x", "/new/x" },
  /* A default route outside of its own prefix. */
  { SAME, "/old", "/new", true, false, "/older/x", "/new/older/x" },
  { SAME, "/old", "/new", true, false, "/", "/new" },

  { KEEP, "/old", "https://x.example", false, false, "/old/a?b", "https://x.example/old/a" },
  { KEEP, "/old", "https://x.example:8443", true, true, "/old/a?b",
    "https://x.example:8443/old/a?b" },
  { KEEP, "/", "https://x.example", false, true, "//y.example/z",
    "https://x.example//y.example/z" },
  { KEEP, "/", "http://[2001:db8::1]", false, true, "/", "http://[2001:db8::1]/" },
  { KEEP, "/", "https://x.example", false, true, "/@y.example", "https://x.example/@y.example" },

  { URL, "/old", "https://x.example/y", false, false, "/old/a?b", "https://x.example/y" },
  { URL, "/old", "https://x.example/y?z=1#f", false, false, "/old/a?b",
    "https://x.example/y?z=1#f" },
  { URL, "/old", "https://x.example/y?z=1#f", true, true, "/old/a?b=2",
    "https://x.example/y/a?z=1&b=2#f" },
  { URL, "/old", "https://x.example/y#f", true, true, "/old/a?b", "https://x.example/y/a?b#f" },
  { URL, "/old", "https://x.example", true, true, "/old/a", "https://x.example/a" },
  { URL, "/old", "https://x.example", true, true, "/old", "https://x.example" },
  { URL, "/old", "https://x.example", true, true, "/old//y.example",
    "https://x.example//y.example" },
  { URL, "/old", "https://x.example/?", false, true, "/old?b", "https://x.example/?b" },
};

/* The Location for that request target, in a buffer of the caller's; false when the parser refuses
 * the request. */
static bool
locate (const ConfigRoute *route, const char *target, char *buf, size_t size)
{
  g_autofree char *text = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: a.example\r\n\r\n", target);
  g_autofree P2pRequestHead *head = g_new0 (P2pRequestHead, 1);
  Writer out;

  if (p2p_http1_parse_request (text, strlen (text), head) != P2P_HTTP1_OK)
    return false;
  writer_init (&out, buf, size - 1);
  redirect_write_location (route, head, &out);
  g_assert_false (out.overflow);
  buf[out.n] = '\0';
  return true;
}

static void
test_table (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      ConfigRoute route = { .action = CONFIG_ACTION_REDIRECT,
                            .redirect_mode = rows[i].mode,
                            .path_prefix = (char *) rows[i].prefix,
                            .redirect_target = (char *) rows[i].to,
                            .redirect_preserve_path_suffix = rows[i].suffix,
                            .redirect_preserve_query = rows[i].query };
      char buf[1024];

      g_test_message ("%s", rows[i].request);
      g_assert_true (locate (&route, rows[i].request, buf, sizeof buf));
      g_assert_cmpstr (buf, ==, rows[i].location);
    }
}

/* What a client may write, and what it may not but tries. */
static char *
random_target (GRand *rand)
{
  static const char *const pieces[]
      = { "/",  "//", "/old", "evil.example", "\\", "\r\n",  "X: y", "%0d%0a", "@", ":", "?",
          "..", ".",  ";",    "%2f",          "\t", "http:", "a",    "&",      "=" };
  GString *text = g_string_new ("/");

  for (int i = g_rand_int_range (rand, 0, 8); i > 0; i--)
    g_string_append (text, pieces[g_rand_int_range (rand, 0, G_N_ELEMENTS (pieces))]);
  return g_string_free (text, false);
}

static void
test_random (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (20261121);
  ConfigRoute route = { .action = CONFIG_ACTION_REDIRECT,
                        .redirect_mode = SAME,
                        .redirect_preserve_path_suffix = true,
                        .redirect_preserve_query = true };
  unsigned n_taken = 0;

  for (int i = 0; i < 20000; i++)
    {
      g_autofree char *target = random_target (rand);
      char buf[1024];

      route.path_prefix = (char *) (i % 2 ? "/" : "/old");
      route.redirect_target = (char *) (i % 3 ? "/" : "/new");
      if (!locate (&route, target, buf, sizeof buf))
        continue;
      n_taken++;
      g_assert_cmpint (buf[0], ==, '/');
      g_assert_true (buf[1] != '/' && buf[1] != '\\');
      g_assert_null (strpbrk (buf, "\r\n\t "));
      g_assert_cmpuint (strcspn (buf, "\\"), >=, strcspn (buf, "?")); /* not in the path */
    }
  g_assert_cmpuint (n_taken, >, 2000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/redirect/table", test_table);
  g_test_add_func ("/redirect/random", test_random);
  return g_test_run ();
}
