/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Control frames of the tunnel, and the JSON scanner below them: tables, each text in memory of
 * exactly its size. */
#include "lib/json-scan.h"
#include "lib/lock.h"
#include "lib/stream-tcp.h"
#include "lib/tunnel.h"

#include <glib.h>
#include <sys/socket.h>

static P2pSpan
exact_copy (const char *text)
{
  size_t n = strlen (text);

  return (P2pSpan){ g_memdup2 (text, n), n };
}

static bool
scan_all (const char *text, unsigned *n_members)
{
  P2pSpan copy = exact_copy (text);
  P2pJsonScan scan;
  P2pJsonMember member;
  bool good;

  *n_members = 0;
  p2p_json_scan_init (&scan, copy);
  while (p2p_json_scan_next (&scan, &member))
    (*n_members)++;
  g_assert_cmpint (scan.bad, !=, scan.finished);
  good = scan.finished;
  g_free ((char *) copy.p);
  return good;
}

static void
test_scan (void)
{
  static const struct
  {
    const char *text;
    bool good;
    unsigned n;
  } rows[] = {
    { "{}", true, 0 },
    { " { \"a\" : 1 , \"b\" : [ 1, {\"c\":[]} ] } ", true, 2 },
    { "{\"a\":-0.5e+3,\"b\":true,\"c\":false,\"d\":null}", true, 4 },
    { "{\"a\":\"\\u00e9\\n\\\"\"}", true, 1 },
    { "", false, 0 },
    { "{", false, 0 },
    { "[]", false, 0 },
    { "{} x", false, 0 },
    { "{\"a\":1,}", false, 1 },
    { "{\"a\":1 \"b\":2}", false, 1 },
    { "{\"a\"}", false, 0 },
    { "{\"a\":01}", false, 1 },
    { "{\"a\":+1}", false, 0 },
    { "{\"a\":1.}", false, 0 },
    { "{\"a\":\"\t\"}", false, 0 },
    { "{\"a\":\"\\x\"}", false, 0 },
    { "{\"a\":\"\\u12\"}", false, 0 },
    { "{\"a\":\"\xff\"}", false, 0 },
    { "{\"a\":tru}", false, 0 },
    { "{\"a\":[[[[[[[[[]]]]]]]]]}", false, 0 },
    { "{\"a\":\"", false, 0 },
    { "{\"a\":\"\\", false, 0 },
    { "{a:1}", false, 0 },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      unsigned n;

      g_test_message ("%s", rows[i].text);
      g_assert_cmpint (scan_all (rows[i].text, &n), ==, rows[i].good);
      g_assert_cmpuint (n, ==, rows[i].n);
    }
}

static void
test_unescape (void)
{
  static const struct
  {
    const char *raw, *expected; /* NULL: refused */
  } rows[] = {
    { "plain", "plain" },           { "a\\\"b\\\\c\\/d", "a\"b\\c/d" },
    { "\\u00e9", "\xc3\xa9" },      { "\\ud83d\\ude00", "\xf0\x9f\x98\x80" },
    { "\\u0000", NULL },            { "\\ud83d", NULL },
    { "\\ud83dx", NULL },           { "\\ude00", NULL },
    { "\\ud83d\\u0041", NULL },     { "0123456789abcdef", NULL },
    { "0123456789abcde", "0123456789abcde" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char buf[16];
      P2pJsonMember member = { .kind = P2P_JSON_STRING, .value = exact_copy (rows[i].raw) };
      bool good = p2p_json_unescape (&member, buf, sizeof buf);

      g_test_message ("%s", rows[i].raw);
      g_assert_cmpint (good, ==, rows[i].expected != NULL);
      if (good)
        g_assert_cmpstr (buf, ==, rows[i].expected);
      g_free ((char *) member.value.p);
    }
}

static void
test_print_string (void)
{
  char buf[16];
  size_t n = p2p_json_print_string (buf, sizeof buf, "a\"\n");

  g_assert_true (p2p_span_equal ((P2pSpan){ buf, n }, P2P_SPAN ("\"a\\\"\\u000a\"")));
  for (size_t size = 0; size < n; size++)
    g_assert_cmpuint (p2p_json_print_string (buf, size, "a\"\n"), ==, 0);
  n = p2p_json_print_string (buf, sizeof buf, "\xff");
  g_assert_true (p2p_span_equal ((P2pSpan){ buf, n }, P2P_SPAN ("\"\xef\xbf\xbd\"")));
}

static void
test_open (void)
{
  static const struct
  {
    const char *json;
    P2pTunnelError error;
    P2pTunnelNetwork network;
    const char *host;
    uint16_t port;
  } rows[] = {
    { "{\"version\":1,\"request_id\":\"r\",\"network\":\"tcp\",\"address\":\"a.test:80\"}",
      P2P_TUNNEL_OK, P2P_TUNNEL_TCP, "a.test", 80 },
    { "{\"address\":\"[::1]:8080\",\"network\":\"tcp\",\"version\":1,\"new\":{\"x\":[1]}}",
      P2P_TUNNEL_OK, P2P_TUNNEL_TCP, "::1", 8080 },
    { "{\"version\":1,\"network\":\"probe\",\"address\":\"-\"}", P2P_TUNNEL_OK, P2P_TUNNEL_PROBE,
      "", 0 },
    { "{\"version\":2,\"network\":\"tcp\",\"address\":\"a:1\"}", P2P_TUNNEL_UNSUPPORTED_VERSION, 0,
      "", 0 },
    { "{\"network\":\"tcp\",\"address\":\"a:1\"}", P2P_TUNNEL_UNSUPPORTED_VERSION, 0, "", 0 },
    { "{\"version\":1,\"network\":\"udp\",\"address\":\"a:1\"}", P2P_TUNNEL_INVALID_OPEN_REQUEST, 0,
      "", 0 },
    { "{\"version\":1,\"network\":\"tcp\"}", P2P_TUNNEL_INVALID_OPEN_REQUEST, 0, "", 0 },
    { "{\"version\":1,\"network\":\"tcp\",\"address\":\"a\"}", P2P_TUNNEL_INVALID_OPEN_REQUEST, 0,
      "", 0 },
    { "{\"version\":1,\"network\":\"tcp\",\"address\":\"a:0\"}", P2P_TUNNEL_INVALID_OPEN_REQUEST, 0,
      "", 0 },
    { "{\"version\":1,\"network\":\"tcp\",\"address\":\"a:65536\"}",
      P2P_TUNNEL_INVALID_OPEN_REQUEST, 0, "", 0 },
    { "{\"version\":1,\"network\":\"tcp\",\"address\":\":1\"}", P2P_TUNNEL_INVALID_OPEN_REQUEST, 0,
      "", 0 },
    { "{\"version\":1,\"network\":\"tcp\",\"address\":\"::1:80\"}", P2P_TUNNEL_INVALID_OPEN_REQUEST,
      0, "", 0 },
    { "{\"version\":1,\"network\":\"tcp\",\"address\":7}", P2P_TUNNEL_INVALID_OPEN_REQUEST, 0, "",
      0 },
    { "GET / HTTP/1.1", P2P_TUNNEL_INVALID_OPEN_REQUEST, 0, "", 0 },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      P2pTunnelOpen open = { 0 };
      P2pSpan json = exact_copy (rows[i].json);

      g_test_message ("%s", rows[i].json);
      g_assert_cmpint (p2p_tunnel_parse_open (json, &open), ==, rows[i].error);
      if (rows[i].error == P2P_TUNNEL_OK)
        {
          g_assert_cmpint (open.network, ==, rows[i].network);
          g_assert_cmpstr (open.host, ==, rows[i].host);
          g_assert_cmpuint (open.port, ==, rows[i].port);
        }
      g_free ((char *) json.p);
    }
}

static void
test_open_round_trip (void)
{
  P2pTunnelOpen in = { .host = "2001:db8::1", .port = 443, .request_id = "id" }, out;
  char buf[512];
  size_t n = p2p_tunnel_print_open (buf, sizeof buf, &in);

  g_assert_cmpuint (n, >, 4);
  g_assert_cmpuint ((unsigned char) buf[3] + 256u * (unsigned char) buf[2], ==, n - 4);
  g_assert_cmpint (p2p_tunnel_parse_open ((P2pSpan){ buf + 4, n - 4 }, &out), ==, P2P_TUNNEL_OK);
  g_assert_cmpstr (out.host, ==, in.host);
  g_assert_cmpuint (out.port, ==, 443);
  g_assert_cmpstr (out.request_id, ==, "id");
  for (size_t size = 0; size < n; size++)
    g_assert_cmpuint (p2p_tunnel_print_open (buf, size, &in), ==, 0);
}

static void
test_answer (void)
{
  static const struct
  {
    const char *json;
    bool good;
    P2pTunnelError error;
  } rows[] = {
    { "{\"ok\":true}", true, P2P_TUNNEL_OK },
    { "{\"ok\":true,\"error_kind\":\"denied\"}", true, P2P_TUNNEL_OK },
    { "{\"ok\":false,\"error_kind\":\"denied\",\"error\":\"x\"}", true, P2P_TUNNEL_DENIED },
    { "{\"ok\":false,\"error_kind\":\"dial_timeout\"}", true, P2P_TUNNEL_DIAL_TIMEOUT },
    { "{\"ok\":false,\"error_kind\":\"of the future\"}", true, P2P_TUNNEL_OTHER },
    { "{\"ok\":false}", true, P2P_TUNNEL_OTHER },
    { "{\"ok\":1}", false, 0 },
    { "{}", false, 0 },
    { "ok", false, 0 },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      P2pTunnelError error = P2P_TUNNEL_OVERLOADED;
      P2pSpan json = exact_copy (rows[i].json);

      g_test_message ("%s", rows[i].json);
      g_assert_cmpint (p2p_tunnel_parse_answer (json, &error), ==, rows[i].good);
      if (rows[i].good)
        g_assert_cmpint (error, ==, rows[i].error);
      g_free ((char *) json.p);
    }
}

/* --- the stream ------------------------------------------------------------------------------- */

static void
make_pair (P2pStream **ret_opener, P2pStream **ret_far)
{
  P2pTunnelOpen open = { .host = "o.test", .port = 80, .request_id = "r" };
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  *ret_opener = p2p_stream_tunnel_new (p2p_stream_tcp_new (fds[0]), &open);
  *ret_far = p2p_stream_tcp_new (fds[1]);
}

static void
write_text (P2pStream *strm, const char *text, size_t n)
{
  struct iovec iov = { .iov_base = (void *) text, .iov_len = n };

  g_assert_cmpint (p2p_stream_write_all (strm, &iov, 1, NULL, p2p_deadline_ms (20000)), ==,
                   P2P_IO_OK);
}

static void
expect_open (P2pStream *far)
{
  char buf[512];
  P2pSpan json;
  P2pTunnelOpen open;

  g_assert_cmpint (p2p_tunnel_read_frame (far, buf, sizeof buf, &json, p2p_deadline_ms (20000)), ==,
                   P2P_IO_OK);
  g_assert_cmpint (p2p_tunnel_parse_open (json, &open), ==, P2P_TUNNEL_OK);
  g_assert_cmpstr (open.host, ==, "o.test");
}

static void
test_stream_ok (void)
{
  P2pStream *opener, *far;
  char buf[64];
  size_t n;

  make_pair (&opener, &far);
  write_text (opener, "hello", 5);
  expect_open (far);
  g_assert_cmpint (p2p_stream_read (far, buf, sizeof buf, &n, p2p_deadline_ms (20000)), ==,
                   P2P_IO_OK);
  g_assert_true (p2p_span_equal ((P2pSpan){ buf, n }, P2P_SPAN ("hello")));
  /* the answer in two pieces, the second with the first bytes of the origin */
  write_text (far, "\0\0\0\x0b{\"ok\"", 9);
  g_assert_cmpint (p2p_stream_read (opener, buf, sizeof buf, &n, P2P_TRY), ==, P2P_IO_AGAIN);
  write_text (far, ":true}world", 11);
  g_assert_cmpint (p2p_stream_read (opener, buf, sizeof buf, &n, p2p_deadline_ms (20000)), ==,
                   P2P_IO_OK);
  g_assert_true (p2p_span_equal ((P2pSpan){ buf, n }, P2P_SPAN ("world")));
  g_assert_cmpint (p2p_stream_tunnel_get_error (opener), ==, P2P_TUNNEL_OK);
  p2p_stream_close (opener);
  p2p_stream_close (far);
}

static void
test_stream_refused (void)
{
  P2pStream *opener, *far;
  char buf[256];
  size_t n;

  make_pair (&opener, &far);
  g_assert_cmpint (p2p_stream_flush (opener, p2p_deadline_ms (20000)), ==, P2P_IO_OK);
  expect_open (far);
  n = p2p_tunnel_print_answer (buf, sizeof buf, P2P_TUNNEL_DENIED, "no \"way\"");
  g_assert_cmpuint (n, >, 0);
  write_text (far, buf, n);
  g_assert_cmpint (p2p_stream_read (opener, buf, sizeof buf, &n, p2p_deadline_ms (20000)), ==,
                   P2P_IO_REFUSED);
  g_assert_cmpint (p2p_stream_tunnel_get_error (opener), ==, P2P_TUNNEL_DENIED);
  p2p_stream_close (opener);
  p2p_stream_close (far);
}

static void
test_stream_broken (void)
{
  static const struct
  {
    const char *bytes;
    size_t n;
  } rows[] = {
    { "\0\0\x40\x01", 4 }, { "\xff\xff\xff\xff", 4 }, { "\0\0\0\2{}", 6 }, { "\0\0\0\2no", 6 }
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      P2pStream *opener, *far;
      char buf[64];
      size_t n;

      make_pair (&opener, &far);
      write_text (far, rows[i].bytes, rows[i].n);
      g_assert_cmpint (p2p_stream_read (opener, buf, sizeof buf, &n, p2p_deadline_ms (20000)), ==,
                       P2P_IO_PROTO);
      p2p_stream_close (opener);
      p2p_stream_close (far);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  g_test_add_func ("/json-scan/scan", test_scan);
  g_test_add_func ("/json-scan/unescape", test_unescape);
  g_test_add_func ("/json-scan/print-string", test_print_string);
  g_test_add_func ("/tunnel/open", test_open);
  g_test_add_func ("/tunnel/open-round-trip", test_open_round_trip);
  g_test_add_func ("/tunnel/answer", test_answer);
  g_test_add_func ("/tunnel/stream-ok", test_stream_ok);
  g_test_add_func ("/tunnel/stream-refused", test_stream_refused);
  g_test_add_func ("/tunnel/stream-broken", test_stream_broken);
  return g_test_run ();
}
