/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* HTTP/1.1 bodies: every case at once, one byte at a time and cut in two at every place; what comes
 * out must not depend on it. Pieces live in blocks of their exact size, so that a byte read beyond
 * shows under ASan. */
#include "lib/http1.h"

#include <glib.h>

#define CONTENT_MAX 4096

typedef struct
{
  P2pHttp1 result; /* OK: finished; MORE: all taken and not finished */
  size_t n_content, n_used, n_trailers;
  char content[CONTENT_MAX];
  char trailers[512];
} Outcome;

/* Feeds one piece; false when the body is finished or bad. */
static bool
feed_piece (P2pBody *body, const char *bytes, size_t n, Outcome *out, P2pTrailers *trailers)
{
  char *exact = g_malloc (n + (n == 0));
  P2pSpan rest = { exact, n };

  memcpy (exact, bytes, n);
  do
    {
      P2pSpan content;
      size_t used = 0;

      out->result = p2p_body_feed (body, rest, &content, &used, trailers);
      g_assert_cmpuint (used, <=, rest.n);
      if (out->result == P2P_HTTP1_OK || out->result == P2P_HTTP1_MORE)
        {
          g_assert_cmpuint (content.n, <=, used);
          g_assert_true (out->result == P2P_HTTP1_OK || (content.n == 0 && used == rest.n));
          memcpy (out->content + out->n_content, content.p ? content.p : "", content.n);
          out->n_content += content.n;
          out->n_used += used;
          rest = (P2pSpan){ rest.p + used, rest.n - used };
        }
    }
  while (out->result == P2P_HTTP1_OK && !body->finished);
  g_free (exact);
  return out->result == P2P_HTTP1_MORE;
}

static void
run (P2pBodyKind kind, uint64_t length, P2pSpan wire, size_t first, size_t step, Outcome *out)
{
  P2pTrailers trailers = { .buf = out->trailers, .size = sizeof out->trailers };
  P2pBody body;
  size_t at = 0;

  out->n_content = out->n_used = out->n_trailers = 0;
  p2p_body_init (&body, kind, length);
  while (true)
    {
      size_t n = MIN (at == 0 ? first : step, wire.n - at);

      if (!feed_piece (&body, wire.p + at, n, out, &trailers) || at + n == wire.n)
        break;
      at += n;
    }
  out->n_trailers = trailers.n;
  g_assert_cmpuint (body.total, >=, out->n_content);
  if (out->result == P2P_HTTP1_OK)
    {
      g_assert_true (body.finished);
      g_assert_cmpuint (body.total, ==, out->n_content);
    }
}

static void
assert_same (const Outcome *a, const Outcome *b)
{
  g_assert_cmpint (a->result, ==, b->result);
  if (a->result == P2P_HTTP1_BAD || a->result == P2P_HTTP1_TOO_LARGE)
    return;
  g_assert_cmpmem (a->content, a->n_content, b->content, b->n_content);
  g_assert_cmpmem (a->trailers, a->n_trailers, b->trailers, b->n_trailers);
  g_assert_cmpuint (a->n_used, ==, b->n_used);
}

/* Every way to cut the wire in two, and single bytes. */
static void
run_all_cuts (P2pBodyKind kind, uint64_t length, P2pSpan wire, Outcome *out)
{
  g_autofree Outcome *other = g_new0 (Outcome, 1);

  run (kind, length, wire, wire.n, wire.n, out);
  run (kind, length, wire, 1, 1, other);
  assert_same (out, other);
  for (size_t cut = 1; cut < wire.n; cut++)
    {
      run (kind, length, wire, cut, wire.n, other);
      assert_same (out, other);
    }
}

static void
test_chunked_good (void)
{
  static const struct
  {
    P2pSpan wire, content, trailers;
    size_t n_left; /* bytes of the next message */
  } rows[] = {
    { P2P_SPAN ("0\r\n\r\n"), P2P_SPAN (""), P2P_SPAN (""), 0 },
    { P2P_SPAN ("5\r\nhello\r\n0\r\n\r\n"), P2P_SPAN ("hello"), P2P_SPAN (""), 0 },
    { P2P_SPAN ("5\r\nhello\r\n0\r\n\r\nGET / "), P2P_SPAN ("hello"), P2P_SPAN (""), 6 },
    { P2P_SPAN ("1\r\na\r\n2\r\nbc\r\n000\r\n\r\n"), P2P_SPAN ("abc"), P2P_SPAN (""), 0 },
    { P2P_SPAN ("A\r\n0123456789\r\n0\r\n\r\n"), P2P_SPAN ("0123456789"), P2P_SPAN (""), 0 },
    { P2P_SPAN ("a\r\n\r\n\r\n\0\n0\r\n\r\r\n0\r\n\r\n"), P2P_SPAN ("\r\n\r\n\0\n0\r\n\r"),
      P2P_SPAN (""), 0 },
    { P2P_SPAN ("0000000000000003\r\nabc\r\n0\r\n\r\n"), P2P_SPAN ("abc"), P2P_SPAN (""), 0 },
    { P2P_SPAN ("3;a\r\nabc\r\n0;b=c\r\n\r\n"), P2P_SPAN ("abc"), P2P_SPAN (""), 0 },
    { P2P_SPAN ("3;a=b;c=\"d \\\" ;\t\xc3\xa9\";e\r\nabc\r\n0\r\n\r\n"), P2P_SPAN ("abc"),
      P2P_SPAN (""), 0 },
    { P2P_SPAN ("0\r\nX-Sum: 1\r\n\r\n"), P2P_SPAN (""), P2P_SPAN ("X-Sum: 1\r\n"), 0 },
    { P2P_SPAN ("0\r\ngrpc-status:0\r\nServer-Timing: \r\n\r\nx"), P2P_SPAN (""),
      P2P_SPAN ("grpc-status:0\r\nServer-Timing: \r\n"), 1 },
    { P2P_SPAN ("0\r\nX-Forwarded-For: 1.2.3.4\r\nA: b\r\nX_Forwarded_For: 1\r\n\r\n"),
      P2P_SPAN (""), P2P_SPAN ("A: b\r\n"), 0 },
    { P2P_SPAN ("0\r\nAuthorization: x\r\n\r\n"), P2P_SPAN (""), P2P_SPAN (""), 0 },
    { P2P_SPAN ("0\r\nA: 1\r\nSet-Cookie: a=b\r\nB: 2\r\n\r\n"), P2P_SPAN (""),
      P2P_SPAN ("A: 1\r\nB: 2\r\n"), 0 },
    { P2P_SPAN ("0\r\nX-Real.IP: ::1\r\nx-forwarded.anything: 1\r\n\r\n"), P2P_SPAN (""),
      P2P_SPAN (""), 0 },
    { P2P_SPAN ("0\r\nX-Forwarded-A-Very-Long-Name-Beyond-The-Buffer: 1\r\n\r\n"), P2P_SPAN (""),
      P2P_SPAN (""), 0 },
    { P2P_SPAN ("0\r\nX-A-Very-Long-Name-That-Is-Beyond-The-Buffer: 1\r\n\r\n"), P2P_SPAN (""),
      P2P_SPAN ("X-A-Very-Long-Name-That-Is-Beyond-The-Buffer: 1\r\n"), 0 },
    { P2P_SPAN ("0\r\nConnection: close\r\nCACHE_CONTROL: no\r\n\r\n"), P2P_SPAN (""),
      P2P_SPAN (""), 0 },
  };
  g_autofree Outcome *out = g_new0 (Outcome, 1);

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_test_message ("row %zu", i);
      run_all_cuts (P2P_BODY_CHUNKED, 0, rows[i].wire, out);
      g_assert_cmpint (out->result, ==, P2P_HTTP1_OK);
      g_assert_cmpmem (out->content, out->n_content, rows[i].content.p, rows[i].content.n);
      g_assert_cmpmem (out->trailers, out->n_trailers, rows[i].trailers.p, rows[i].trailers.n);
      g_assert_cmpuint (out->n_used, ==, rows[i].wire.n - rows[i].n_left);
    }
}

static void
test_chunked_bad (void)
{
  static const P2pSpan rows[] = {
    P2P_SPAN ("\r\n"),
    P2P_SPAN ("\n"),
    P2P_SPAN (" 5\r\nhello\r\n0\r\n\r\n"),
    P2P_SPAN ("5 \r\nhello\r\n0\r\n\r\n"),
    P2P_SPAN ("5\t\r\n"),
    P2P_SPAN ("+5\r\n"),
    P2P_SPAN ("-5\r\n"),
    P2P_SPAN ("0x5\r\n"),
    P2P_SPAN ("5h\r\n"),
    P2P_SPAN ("g\r\n"),
    P2P_SPAN ("5\nhello"),
    P2P_SPAN ("5\r\rhello"),
    P2P_SPAN ("5\rhello"),
    P2P_SPAN ("5\0\r\n"),
    P2P_SPAN ("5,5\r\n"),
    P2P_SPAN ("5.\r\n"),
    P2P_SPAN ("5\r\nhello\n0\r\n\r\n"),
    P2P_SPAN ("5\r\nhello0\r\n\r\n"),
    P2P_SPAN ("5\r\nhello \r\n0\r\n\r\n"),
    P2P_SPAN ("5\r\nhello\r0\r\n\r\n"),
    P2P_SPAN ("5\r\nhello\r\n\r\n0\r\n\r\n"),
    P2P_SPAN ("00000000000000005\r\nhello\r\n0\r\n\r\n"),
    P2P_SPAN ("ffffffffffffffff\r\n"),
    P2P_SPAN ("8000000000000000\r\n"),
    P2P_SPAN ("10000000000000005\r\nhello"),
    P2P_SPAN ("1\r\na\r\n7fffffffffffffff\r\n"),
    P2P_SPAN ("5;\r\nhello"),
    P2P_SPAN ("5;;\r\nhello"),
    P2P_SPAN ("5; a\r\nhello"),
    P2P_SPAN ("5 ;a\r\nhello"),
    P2P_SPAN ("5;a=\r\nhello"),
    P2P_SPAN ("5;=a\r\nhello"),
    P2P_SPAN ("5;a=b=c\r\nhello"),
    P2P_SPAN ("5;a\nhello"),
    P2P_SPAN ("5;a=b\nhello\r\n0\r\n\r\n"),
    P2P_SPAN ("5;a=\"b\nhello\r\n0\r\n\r\n"),
    P2P_SPAN ("5;a=\"b\r\n\"\r\nhello"),
    P2P_SPAN ("5;a=\"b\\\n\"\r\nhello"),
    P2P_SPAN ("5;a=\"b\"c\r\nhello"),
    P2P_SPAN ("5;a\r;b\r\n"),
    P2P_SPAN ("5;a\0b\r\n"),
    P2P_SPAN ("5;a b\r\n"),
    P2P_SPAN ("0\r\n\n"),
    P2P_SPAN ("0\n\r\n"),
    P2P_SPAN ("0\r\n\rX"),
    P2P_SPAN ("0\r\n: x\r\n\r\n"),
    P2P_SPAN ("0\r\nA\r\n\r\n"),
    P2P_SPAN ("0\r\nA : b\r\n\r\n"),
    P2P_SPAN ("0\r\n A: b\r\n\r\n"),
    P2P_SPAN ("0\r\nA: b\r\n c\r\n\r\n"),
    P2P_SPAN ("0\r\nA: b\n\r\n"),
    P2P_SPAN ("0\r\nA: b\rc\r\n\r\n"),
    P2P_SPAN ("0\r\nA: b\0c\r\n\r\n"),
    P2P_SPAN ("0\r\nA: b\x7f\r\n\r\n"),
    P2P_SPAN ("0\r\nA\xc3\xa9: b\r\n\r\n"),
    P2P_SPAN ("0\r\nContent-Length: 5\r\n\r\n"),
    P2P_SPAN ("0\r\ncontent_length: 5\r\n\r\n"),
    P2P_SPAN ("0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    P2P_SPAN ("0\r\nHOST: a\r\n\r\n"),
  };
  g_autofree Outcome *out = g_new0 (Outcome, 1);

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_test_message ("row %zu", i);
      run_all_cuts (P2P_BODY_CHUNKED, 0, rows[i], out);
      g_assert_cmpint (out->result, ==, P2P_HTTP1_BAD);
    }
}

/* What is right so far wants more, wherever it is cut. */
static void
test_chunked_more (void)
{
  static const P2pSpan wire = P2P_SPAN ("3;a=\"b\\c\"\r\nabc\r\n0;x\r\nA: b\r\nHo: c\r\n\r\n");
  g_autofree Outcome *out = g_new0 (Outcome, 1);

  for (size_t n = 0; n < wire.n; n++)
    {
      run (P2P_BODY_CHUNKED, 0, (P2pSpan){ wire.p, n }, n, n, out);
      g_assert_true (out->result == P2P_HTTP1_MORE);
    }
}

static void
test_length (void)
{
  g_autofree Outcome *out = g_new0 (Outcome, 1);

  run_all_cuts (P2P_BODY_LENGTH, 5, P2P_SPAN ("hello, world"), out);
  g_assert_cmpint (out->result, ==, P2P_HTTP1_OK);
  g_assert_cmpmem (out->content, out->n_content, "hello", 5);
  g_assert_cmpuint (out->n_used, ==, 5);
  run_all_cuts (P2P_BODY_LENGTH, 13, P2P_SPAN ("hello, world"), out);
  g_assert_cmpint (out->result, ==, P2P_HTTP1_MORE);
  g_assert_cmpuint (out->n_content, ==, 12);
  run (P2P_BODY_LENGTH, 0, P2P_SPAN ("next"), 4, 4, out);
  g_assert_cmpint (out->result, ==, P2P_HTTP1_OK);
  g_assert_cmpuint (out->n_used, ==, 0);
  run (P2P_BODY_NONE, 0, P2P_SPAN ("next"), 4, 4, out);
  g_assert_cmpint (out->result, ==, P2P_HTTP1_OK);
  g_assert_cmpuint (out->n_used, ==, 0);
}

static void
test_until_close (void)
{
  g_autofree Outcome *out = g_new0 (Outcome, 1);

  run_all_cuts (P2P_BODY_UNTIL_CLOSE, 0, P2P_SPAN ("0\r\n\r\nall of it"), out);
  g_assert_cmpint (out->result, ==, P2P_HTTP1_MORE);
  g_assert_cmpmem (out->content, out->n_content, "0\r\n\r\nall of it", 14);
}

/* Feeds the same line again and again; how many bytes until it is refused, 0: never within the
 * limit. */
static size_t
endless (P2pSpan start, P2pSpan again, size_t limit, P2pHttp1 *ret_result)
{
  P2pBody body;
  P2pSpan content;
  size_t used, fed = 0;

  p2p_body_init (&body, P2P_BODY_CHUNKED, 0);
  *ret_result = p2p_body_feed (&body, start, &content, &used, NULL);
  while (fed < limit && *ret_result != P2P_HTTP1_BAD && *ret_result != P2P_HTTP1_TOO_LARGE)
    {
      P2pSpan rest = again;

      while (rest.n > 0)
        {
          *ret_result = p2p_body_feed (&body, rest, &content, &used, NULL);
          if (*ret_result != P2P_HTTP1_OK && *ret_result != P2P_HTTP1_MORE)
            return fed;
          rest = (P2pSpan){ rest.p + used, rest.n - used };
        }
      fed += again.n;
    }
  return fed >= limit ? 0 : fed;
}

static void
test_limits (void)
{
  P2pHttp1 result;
  size_t n;

  n = endless (P2P_SPAN ("0\r\n"), P2P_SPAN ("A: b\r\n"), 1 << 20, &result);
  g_assert_cmpint (result, ==, P2P_HTTP1_TOO_LARGE);
  g_assert_cmpuint (n, <=, 16384);
  n = endless (P2P_SPAN ("5"), P2P_SPAN (";a=b"), 1 << 20, &result);
  g_assert_cmpint (result, ==, P2P_HTTP1_TOO_LARGE);
  g_assert_cmpuint (n, <=, 16384);
  n = endless (P2P_SPAN ("1\r\na\r\n"),
               P2P_SPAN ("1;extension=that-costs-more-than-it-brings\r\na\r\n"), 1 << 20, &result);
  g_assert_cmpint (result, ==, P2P_HTTP1_TOO_LARGE);
  /* The smallest honest chunks go on for ever. */
  n = endless (P2P_SPAN (""), P2P_SPAN ("1\r\na\r\n"), 1 << 20, &result);
  g_assert_cmpuint (n, ==, 0);
}

static void
test_trailers_too_large (void)
{
  char room[8];
  P2pTrailers trailers = { .buf = room, .size = sizeof room };
  P2pSpan content, wire = P2P_SPAN ("0\r\nAbc: 12345\r\n\r\n");
  P2pBody body;
  size_t used;

  p2p_body_init (&body, P2P_BODY_CHUNKED, 0);
  g_assert_cmpint (p2p_body_feed (&body, wire, &content, &used, &trailers), ==,
                   P2P_HTTP1_TOO_LARGE);
  p2p_body_init (&body, P2P_BODY_CHUNKED, 0);
  g_assert_cmpint (p2p_body_feed (&body, wire, &content, &used, NULL), ==, P2P_HTTP1_OK);
  g_assert_true (body.finished);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http1/body/chunked-good", test_chunked_good);
  g_test_add_func ("/http1/body/chunked-bad", test_chunked_bad);
  g_test_add_func ("/http1/body/chunked-more", test_chunked_more);
  g_test_add_func ("/http1/body/length", test_length);
  g_test_add_func ("/http1/body/until-close", test_until_close);
  g_test_add_func ("/http1/body/limits", test_limits);
  g_test_add_func ("/http1/body/trailers-too-large", test_trailers_too_large);
  return g_test_run ();
}
