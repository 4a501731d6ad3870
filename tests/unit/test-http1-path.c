/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Paths that an origin may read in another way (security-cases row 7). tests/fuzz/fuzz-http1-path.c
 * has the properties. */
#include "lib/http1.h"

#include <glib.h>
#include <string.h>

static void
test_judge (void)
{
  enum
  {
    NOTHING,
    BAD = 1,
    SEPARATORS = 2,
    DOTS = 4,
  };
  static const struct
  {
    const char *path;
    unsigned found;
  } rows[] = {
    { "/", NOTHING },
    { "*", NOTHING },
    { "/a/b.c/d-e_f~g", NOTHING },
    { "/.well-known/x", NOTHING },
    { "/..a/a../...", NOTHING },
    { "/a;b=c/d;e", NOTHING },
    { "/%41%7e%2E%2e%2e", NOTHING },
    { "/caf%c3%a9/caf%e9", NOTHING },
    { "/%e0%a4%85", NOTHING },
    { "/%f0%9f%98%80", NOTHING },
    { "/a%252fb", NOTHING }, /* decoded once it is "%2f": who decodes twice is beyond help */
    { "/a/", NOTHING },

    { "/%", BAD },
    { "/%2", BAD },
    { "/%zz", BAD },
    { "/%u002f", BAD },
    { "/%00", BAD },
    { "/a%0ab", BAD },
    { "/a%0d", BAD },
    { "/%09", BAD },
    { "/%1f", BAD },
    { "/%7f", BAD },
    { "/\x01", BAD },
    { "/%c0%af", BAD },
    { "/%c0%ae%c0%ae/", BAD },
    { "/%C1%9C", BAD },
    { "/%e0%80%af", BAD },
    { "/%f0%80%80%af", BAD },
    { "/%f8%80%80%80%af", BAD },
    { "/%fc%80%80%80%80%af", BAD },

    { "//", SEPARATORS },
    { "//a", SEPARATORS },
    { "/a//b", SEPARATORS },
    { "/a/%2fb", SEPARATORS },
    { "/a%2Fb", SEPARATORS },
    { "/a%5cb", SEPARATORS },
    { "/a\\b", SEPARATORS },
    { "/%2f", SEPARATORS },

    { "/.", DOTS },
    { "/..", DOTS },
    { "/./a", DOTS },
    { "/a/../b", DOTS },
    { "/a/%2e%2E/b", DOTS },
    { "/a/.%2e", DOTS },
    { "/..;/a", DOTS },
    { "/..;x=y/a", DOTS },
    { "/.;/a", DOTS },
    { "/%2e%2e%3bx/a", DOTS },

    { "/a%2f..", SEPARATORS | DOTS },
    { "/a/..%2fb", SEPARATORS | DOTS },
    { "/a%2f..%2fb", SEPARATORS | DOTS },
    { "/a%5c%2e%2e%5cb", SEPARATORS | DOTS },
    { "/..\\a", SEPARATORS | DOTS },
    { "/a%2f.;x%2fb", SEPARATORS | DOTS },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      size_t n = strlen (rows[i].path);
      g_autofree char *exact = g_memdup2 (rows[i].path, n); /* no NUL behind it */
      P2pPathFindings found = p2p_http1_judge_path ((P2pSpan){ exact, n });

      g_test_message ("%s", rows[i].path);
      g_assert_cmpint (found.bad, ==, (rows[i].found & BAD) != 0);
      if (found.bad)
        continue;
      g_assert_cmpint (found.separators, ==, (rows[i].found & SEPARATORS) != 0);
      g_assert_cmpint (found.dots, ==, (rows[i].found & DOTS) != 0);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http1/path/judge", test_judge);
  return g_test_run ();
}
