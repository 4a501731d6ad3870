/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Heads of HTTP/1.1 responses: what is refused (security-cases row 2), which body follows, reason
 * phrases. */
#include "tests/unit/http1-exact.h"

#define OK "HTTP/1.1 200 OK\r\n"

static void
test_bad (void)
{
  static const P2pSpan rows[] = {
    P2P_SPAN ("\r\n" OK "\r\n"),
    P2P_SPAN (" " OK "\r\n"),
    P2P_SPAN ("\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 \r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 20\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 20 OK\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 2000 OK\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 200OK\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 200\tOK\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1  200 OK\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 +20 OK\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 099 OK\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 000 OK\r\n\r\n"),
    P2P_SPAN ("http/1.1 200 OK\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 200 O\0K\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 200 O\rK\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 200 OK\n\r\n"),
    P2P_SPAN ("ICY 200 OK\r\n\r\n"),
    P2P_SPAN ("SSH-2.0-OpenSSH\r\n\r\n"),
    P2P_SPAN ("<html>\n"),
    P2P_SPAN (OK " Server: x\r\n\r\n"),
    P2P_SPAN (OK "Server : x\r\n\r\n"),
    P2P_SPAN (OK "Server: x\r\n y\r\n\r\n"),
    P2P_SPAN (OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"),
    P2P_SPAN (OK "Content-Length: 1, 1\r\n\r\n"),
    P2P_SPAN (OK "Content-Length: -1\r\n\r\n"),
    P2P_SPAN (OK "Content-Length:\r\n\r\n"),
    P2P_SPAN (OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    P2P_SPAN (OK "Transfer-Encoding: gzip, chunked\r\n\r\n"),
    P2P_SPAN (OK "Transfer-Encoding: identity\r\n\r\n"),
    P2P_SPAN (OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    P2P_SPAN (OK "Transfer_Encoding: chunked\r\n\r\n"),
    P2P_SPAN ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 101 Switching Protocols\r\nContent-Length: 5\r\n\r\n"),
    P2P_SPAN ("HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n"),
  };
  g_autofree P2pResponseHead *head = g_new (P2pResponseHead, 1);

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *block = NULL;
      P2pHttp1 result = exact_response (rows[i], P2P_METHOD_GET, head, &block);

      g_test_message ("%zu", i);
      g_assert_cmpint (result, ==, P2P_HTTP1_BAD);
      g_assert_cmpuint (head->msg.reason_bad.n, >, 0);
    }
}

static void
test_version (void)
{
  g_autofree P2pResponseHead *head = g_new (P2pResponseHead, 1);
  g_autofree char *block = NULL;

  g_assert_cmpint (
      exact_response (P2P_SPAN ("HTTP/2.0 200 OK\r\n\r\n"), P2P_METHOD_GET, head, &block), ==,
      P2P_HTTP1_VERSION);
}

static void
test_body (void)
{
  static const struct
  {
    P2pSpan wire;
    P2pMethod method;
    unsigned status;
    const char *reason;
    P2pBodyKind body;
    uint64_t length;
    bool keep_alive;
  } rows[] = {
    { P2P_SPAN (OK "Content-Length: 5\r\n\r\n"), P2P_METHOD_GET, 200, "OK", P2P_BODY_LENGTH, 5,
      true },
    { P2P_SPAN (OK "Content-Length: 0\r\n\r\n"), P2P_METHOD_GET, 200, "OK", P2P_BODY_NONE, 0,
      true },
    { P2P_SPAN (OK "Content-Length: 5\r\nConnection: close\r\n\r\n"), P2P_METHOD_GET, 200, "OK",
      P2P_BODY_LENGTH, 5, false },
    { P2P_SPAN (OK "Transfer-Encoding: CHUNKED\r\n\r\n"), P2P_METHOD_GET, 200, "OK",
      P2P_BODY_CHUNKED, 0, true },
    { P2P_SPAN (OK "\r\n"), P2P_METHOD_GET, 200, "OK", P2P_BODY_UNTIL_CLOSE, 0, false },
    { P2P_SPAN (OK "Connection: keep-alive\r\n\r\n"), P2P_METHOD_POST, 200, "OK",
      P2P_BODY_UNTIL_CLOSE, 0, false },
    { P2P_SPAN (OK "Content-Length: 5\r\n\r\n"), P2P_METHOD_HEAD, 200, "OK", P2P_BODY_NONE, 5,
      true },
    { P2P_SPAN (OK "Transfer-Encoding: chunked\r\n\r\n"), P2P_METHOD_HEAD, 200, "OK", P2P_BODY_NONE,
      0, true },
    { P2P_SPAN (OK "\r\n"), P2P_METHOD_HEAD, 200, "OK", P2P_BODY_NONE, 0, true },
    { P2P_SPAN (OK "\r\n"), P2P_METHOD_CONNECT, 200, "OK", P2P_BODY_NONE, 0, true },
    { P2P_SPAN ("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\n"), P2P_METHOD_CONNECT, 403, "No",
      P2P_BODY_LENGTH, 2, true },
    { P2P_SPAN ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), P2P_METHOD_GET, 304,
      "Not Modified", P2P_BODY_NONE, 5, true },
    { P2P_SPAN ("HTTP/1.1 304\r\n\r\n"), P2P_METHOD_GET, 304, "", P2P_BODY_NONE, 0, true },
    { P2P_SPAN ("HTTP/1.1 204 \r\n\r\n"), P2P_METHOD_GET, 204, "", P2P_BODY_NONE, 0, true },
    { P2P_SPAN ("HTTP/1.1 100 Continue\r\n\r\n"), P2P_METHOD_POST, 100, "Continue", P2P_BODY_NONE,
      0, true },
    { P2P_SPAN ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n"), P2P_METHOD_GET, 200, "OK",
      P2P_BODY_LENGTH, 1, false },
    { P2P_SPAN ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n"),
      P2P_METHOD_GET, 200, "OK", P2P_BODY_LENGTH, 1, true },
    { P2P_SPAN ("HTTP/1.1 999 \xc3\xa9t\xc3\xa9\tx\r\n\r\n"), P2P_METHOD_GET, 999,
      "\xc3\xa9t\xc3\xa9\tx", P2P_BODY_UNTIL_CLOSE, 0, false },
  };
  g_autofree P2pResponseHead *head = g_new (P2pResponseHead, 1);

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *block = NULL;
      P2pHttp1 result = exact_response (rows[i].wire, rows[i].method, head, &block);

      g_test_message ("%zu: %.*s", i, P2P_SPAN_ARG (head->msg.reason_bad));
      g_assert_cmpint (result, ==, P2P_HTTP1_OK);
      g_assert_cmpuint (head->status, ==, rows[i].status);
      g_assert_cmpmem (head->reason.p, head->reason.n, rows[i].reason, strlen (rows[i].reason));
      g_assert_cmpint (head->msg.body, ==, rows[i].body);
      g_assert_cmpuint (head->msg.content_length, ==, rows[i].length);
      g_assert_cmpint (head->msg.keep_alive, ==, rows[i].keep_alive);
    }
}

/* A length of 0 where none may stand is not passed on. */
static void
test_length_dropped (void)
{
  g_autofree P2pResponseHead *head = g_new (P2pResponseHead, 1);
  g_autofree char *block = NULL;

  g_assert_cmpint (
      exact_response (P2P_SPAN ("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
                      P2P_METHOD_GET, head, &block),
      ==, P2P_HTTP1_OK);
  g_assert_true (p2p_message_field (&head->msg, P2P_FIELD_CONTENT_LENGTH)->hop_by_hop);
}

static void
test_upgrade (void)
{
  g_autofree P2pResponseHead *head = g_new (P2pResponseHead, 1);
  g_autofree char *block = NULL;
  static const P2pSpan wire = P2P_SPAN ("HTTP/1.1 101 Switching Protocols\r\nConnection: "
                                        "Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello");

  g_assert_cmpint (exact_response (wire, P2P_METHOD_GET, head, &block), ==, P2P_HTTP1_OK);
  g_assert_true (head->msg.upgrade);
  g_assert_cmpint (head->msg.body, ==, P2P_BODY_NONE);
}

static void
test_reasons (void)
{
  g_assert_true (p2p_span_equal (p2p_http1_reason (200), P2P_SPAN ("OK")));
  g_assert_true (p2p_span_equal (p2p_http1_reason (504), P2P_SPAN ("Gateway Timeout")));
  g_assert_cmpuint (p2p_http1_reason (799).n, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http1/response/bad", test_bad);
  g_test_add_func ("/http1/response/version", test_version);
  g_test_add_func ("/http1/response/body", test_body);
  g_test_add_func ("/http1/response/length-dropped", test_length_dropped);
  g_test_add_func ("/http1/response/upgrade", test_upgrade);
  g_test_add_func ("/http1/response/reasons", test_reasons);
  return g_test_run ();
}
