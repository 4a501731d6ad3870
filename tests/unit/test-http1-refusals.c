/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Heads of HTTP/1.1 requests that are refused: security-cases rows 1, 3, 5 and 9. */
#include "tests/unit/http1-exact.h"

static const P2pSpan bad_heads[] = {
  /* Request line */
  P2P_SPAN ("\r\n\r\n"),
  P2P_SPAN ("\r\n\r\n" LINE H "\r\n"),
  P2P_SPAN ("\n" LINE H "\r\n"),
  P2P_SPAN ("\r" LINE H "\r\n"),
  P2P_SPAN (" " LINE H "\r\n"),
  P2P_SPAN ("GET\r\n\r\n"),
  P2P_SPAN ("GET /\r\n" H "\r\n"),
  P2P_SPAN ("GET / \r\n" H "\r\n"),
  P2P_SPAN ("GET  / HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET /  HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET\t/ HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET /\tHTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET / HTTP/1.1 \r\n" H "\r\n"),
  P2P_SPAN ("GET / HTTP/1.1\n" H "\r\n"),
  P2P_SPAN ("GET / HTTP/1.1\r" H "\r\n"),
  P2P_SPAN ("GET / http/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET / HTTP/1\r\n" H "\r\n"),
  P2P_SPAN ("GET / HTTP/1.\r\n" H "\r\n"),
  P2P_SPAN ("GET / HTTP/1.10\r\n" H "\r\n"),
  P2P_SPAN ("GET / HTTP/01.1\r\n" H "\r\n"),
  P2P_SPAN ("GET / HTTP/1,1\r\n" H "\r\n"),
  P2P_SPAN ("GET / HTTP/x.1\r\n" H "\r\n"),
  P2P_SPAN ("GET / ICE/1.1\r\n" H "\r\n"),
  P2P_SPAN ("/ HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("G(T / HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("G\xc3\x89T / HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("G\0T / HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("\x16\x03\x01\x02"),
  /* Target */
  P2P_SPAN ("GET index.html HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET ?q HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET * HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("OPTIONS ** HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET /a b HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET /#x HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET /\x7f HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET /\0 HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET /\x01 HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET /<x> HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET /\"x\" HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET /a\\b HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET ftp://a/ HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET http:/a/ HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET http:// HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET http:///x HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET http://u@a/ HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET http://u:p@a/ HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET http://a:99999/ HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET http://a\\b/ HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("GET http://a/ HTTP/1.1\r\n\r\n"),
  P2P_SPAN ("GET http://a/ HTTP/1.1\r\nHost: b@c\r\n\r\n"),
  P2P_SPAN ("GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
  P2P_SPAN ("GET a:80 HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("CONNECT / HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("CONNECT a HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("CONNECT a: HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("CONNECT http://a:80/ HTTP/1.1\r\n" H "\r\n"),
  P2P_SPAN ("CONNECT * HTTP/1.1\r\n" H "\r\n"),
  /* Host */
  P2P_SPAN (LINE "\r\n"),
  P2P_SPAN (LINE "Accept: */*\r\n\r\n"),
  P2P_SPAN (LINE "Host: a\r\nHost: b\r\n\r\n"),
  P2P_SPAN (LINE "Host: a\r\nhost: a\r\n\r\n"),
  P2P_SPAN ("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
  P2P_SPAN (LINE "Host:\r\n\r\n"),
  P2P_SPAN (LINE "Host: \t \r\n\r\n"),
  P2P_SPAN (LINE "Host: .\r\n\r\n"),
  P2P_SPAN (LINE "Host: a..b\r\n\r\n"),
  P2P_SPAN (LINE "Host: .a\r\n\r\n"),
  P2P_SPAN (LINE "Host: a..\r\n\r\n"),
  P2P_SPAN (LINE "Host: a b\r\n\r\n"),
  P2P_SPAN (LINE "Host: a, b\r\n\r\n"),
  P2P_SPAN (LINE "Host: a/b\r\n\r\n"),
  P2P_SPAN (LINE "Host: http://a\r\n\r\n"),
  P2P_SPAN (LINE "Host: u@a\r\n\r\n"),
  P2P_SPAN (LINE "Host: a?\r\n\r\n"),
  P2P_SPAN (LINE "Host: a%2eb\r\n\r\n"),
  P2P_SPAN (LINE "Host: b\xc3\xbc"
                 "cher.example\r\n\r\n"),
  P2P_SPAN (LINE "Host: a:\r\n\r\n"),
  P2P_SPAN (LINE "Host: a:0\r\n\r\n"),
  P2P_SPAN (LINE "Host: a:080\r\n\r\n"),
  P2P_SPAN (LINE "Host: a:65536\r\n\r\n"),
  P2P_SPAN (LINE "Host: a:100000\r\n\r\n"),
  P2P_SPAN (LINE "Host: a:+80\r\n\r\n"),
  P2P_SPAN (LINE "Host: a:80x\r\n\r\n"),
  P2P_SPAN (LINE "Host: a:80:80\r\n\r\n"),
  P2P_SPAN (LINE "Host: :80\r\n\r\n"),
  P2P_SPAN (LINE "Host: ::1\r\n\r\n"),
  P2P_SPAN (LINE "Host: [::1\r\n\r\n"),
  P2P_SPAN (LINE "Host: []\r\n\r\n"),
  P2P_SPAN (LINE "Host: [a]\r\n\r\n"),
  P2P_SPAN (LINE "Host: [127.0.0.1]\r\n\r\n"),
  P2P_SPAN (LINE "Host: [::1]x\r\n\r\n"),
  P2P_SPAN (LINE "Host: [::1%eth0]\r\n\r\n"),
  P2P_SPAN (LINE "Host: [::1]:\r\n\r\n"),
  P2P_SPAN (LINE "Host: [1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]\r\n\r\n"),
  P2P_SPAN (LINE "Host: a234567890123456789012345678901234567890123456789012345678901234\r\n\r\n"),
  /* Field lines */
  P2P_SPAN (LINE H " X: folded\r\n\r\n"),
  P2P_SPAN (LINE H "X: a\r\n b\r\n\r\n"),
  P2P_SPAN (LINE H "X: a\r\n\tb\r\n\r\n"),
  P2P_SPAN (LINE " Host: a\r\n\r\n"),
  P2P_SPAN (LINE H "X : a\r\n\r\n"),
  P2P_SPAN (LINE H "X\t: a\r\n\r\n"),
  P2P_SPAN (LINE H "X\r\n\r\n"),
  P2P_SPAN (LINE H ": a\r\n\r\n"),
  P2P_SPAN (LINE H "X Y: a\r\n\r\n"),
  P2P_SPAN (LINE H "X(: a\r\n\r\n"),
  P2P_SPAN (LINE H "X\xc3\xa9: a\r\n\r\n"),
  P2P_SPAN (LINE H "X\0: a\r\n\r\n"),
  P2P_SPAN (LINE H "X: a\0b\r\n\r\n"),
  P2P_SPAN (LINE H "X: a\x08\r\n\r\n"),
  P2P_SPAN (LINE H "X: a\x0b\r\n\r\n"),
  P2P_SPAN (LINE H "X: a\x7f\r\n\r\n"),
  P2P_SPAN (LINE H "X: a\nY: b\r\n\r\n"),
  P2P_SPAN (LINE H "X: a\rY: b\r\n\r\n"),
  P2P_SPAN (LINE H "X: a\r\r\n\r\n"),
  P2P_SPAN (LINE H "X: a\n\n"),
  P2P_SPAN (LINE H "X: a\r\n\n"),
  P2P_SPAN (LINE H "X: a\r\n\r\r\n"),
  /* Content-Length */
  P2P_SPAN (LINE H "Content-Length:\r\n\r\n"),
  P2P_SPAN (LINE H "Content-Length: +1\r\n\r\n"),
  P2P_SPAN (LINE H "Content-Length: -1\r\n\r\n"),
  P2P_SPAN (LINE H "Content-Length: 0x1\r\n\r\n"),
  P2P_SPAN (LINE H "Content-Length: 1 2\r\n\r\n"),
  P2P_SPAN (LINE H "Content-Length: 1,1\r\n\r\n"),
  P2P_SPAN (LINE H "Content-Length: 1.0\r\n\r\n"),
  P2P_SPAN (LINE H "Content-Length: 1e1\r\n\r\n"),
  P2P_SPAN (LINE H "Content-Length: \"1\"\r\n\r\n"),
  P2P_SPAN (LINE H "Content-Length: a\r\n\r\n"),
  P2P_SPAN (LINE H "Content-Length: \xd9\xa1\r\n\r\n"),
  P2P_SPAN (LINE H "Content-Length: 9223372036854775808\r\n\r\n"),
  P2P_SPAN (LINE H "Content-Length: 18446744073709551616\r\n\r\n"),
  P2P_SPAN (LINE H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"),
  P2P_SPAN (LINE H "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
  P2P_SPAN (LINE H "content-length: 1\r\nX: y\r\nCONTENT-LENGTH: 1\r\n\r\n"),
  P2P_SPAN (LINE H "Content_Length: 1\r\n\r\n"),
  P2P_SPAN (LINE H "Content.Length: 1\r\n\r\n"),
  P2P_SPAN (LINE "Host: a\r\nHo.st: a\r\nContent-Length : 1\r\n\r\n"),
  /* Transfer-Encoding */
  P2P_SPAN (LINE H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding:\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: identity\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: gzip\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: gzip, chunked\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: chunked, gzip\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: chunked, chunked\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: chunked,\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: ,chunked\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: \"chunked\"\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: chunked;q=1\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: xchunked\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: chunkedx\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: chunked\x0b\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: c\xc4\xa7unked\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer-Encoding : chunked\r\n\r\n"),
  P2P_SPAN (LINE H "Transfer_Encoding: chunked\r\n\r\n"),
  P2P_SPAN (LINE H "transfer.encoding: chunked\r\n\r\n"),
  P2P_SPAN (LINE H "X: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n"),
  P2P_SPAN ("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n"),
  /* Connection */
  P2P_SPAN (LINE H "Connection: a b\r\n\r\n"),
  P2P_SPAN (LINE H "Connection: \"close\"\r\n\r\n"),
  P2P_SPAN (
      LINE H
      "Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,a,b,c,d,e,f,g\r\n\r\n"),
};

G_STATIC_ASSERT (G_N_ELEMENTS (bad_heads) >= 80);

static void
test_bad (void)
{
  g_autofree P2pRequestHead *head = g_new (P2pRequestHead, 1);

  for (size_t i = 0; i < G_N_ELEMENTS (bad_heads); i++)
    {
      g_autofree char *block = NULL;
      g_autofree char *shown = g_strndup (bad_heads[i].p, bad_heads[i].n);
      P2pHttp1 result = exact_request (bad_heads[i], head, &block);

      g_test_message ("%zu: %s", i, shown);
      g_assert_cmpint (result, ==, P2P_HTTP1_BAD);
      g_assert_cmpuint (head->msg.reason_bad.n, >, 0);
    }
}

/* Faults are found as soon as their bytes are there, not at the head's end. */
static void
test_bad_early (void)
{
  static const P2pSpan rows[] = {
    P2P_SPAN ("GET / HTTP/1.1\n"),
    P2P_SPAN ("GET / HTTP/1.1\rX"),
    P2P_SPAN (LINE "\rX"),
    P2P_SPAN (LINE "A: b\r\n\r\r"),
    P2P_SPAN ("GET /0123456789abcdef0123\0"),
    P2P_SPAN ("GET /0123456789abcdef\x7f"),
    P2P_SPAN ("\x16\x03\x01"),
    P2P_SPAN ("\n"),
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      size_t size;

      g_test_message ("%zu", i);
      g_assert_cmpint (exact_head (rows[i], &size), ==, P2P_HTTP1_BAD);
    }
}

/* 253 bytes are a host name, 254 are not. */
static void
test_host_length (void)
{
  static const char label[]
      = "a2345678901234567890123456789012345678901234567890123456789.123."; /* 64 */
  g_autofree P2pRequestHead *head = g_new (P2pRequestHead, 1);

  for (unsigned extra = 0; extra <= 1; extra++)
    {
      g_autofree char *text = g_strdup_printf (LINE "Host: %s%s%s%.*s%s\r\n\r\n", label, label,
                                               label, 60, label, extra ? "bc" : "b");
      g_autofree char *block = NULL;

      g_assert_cmpint (exact_request (p2p_span_from_string (text), head, &block), ==,
                       extra ? P2P_HTTP1_BAD : P2P_HTTP1_OK);
    }
}

static void
test_version (void)
{
  static const P2pSpan rows[] = {
    P2P_SPAN ("GET / HTTP/2.0\r\n" H "\r\n"),
    P2P_SPAN ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    P2P_SPAN ("GET / HTTP/0.9\r\n" H "\r\n"),
    P2P_SPAN ("GET / HTTP/3.1\r\n" H "\r\n"),
  };
  g_autofree P2pRequestHead *head = g_new (P2pRequestHead, 1);

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *block = NULL;

      g_assert_cmpint (exact_request (rows[i], head, &block), ==, P2P_HTTP1_VERSION);
    }
}

static void
test_field_flood (void)
{
  g_autoptr (GString) text = g_string_new (LINE H);
  g_autofree P2pRequestHead *head = g_new (P2pRequestHead, 1);
  size_t scanned = 0, size;

  for (unsigned i = 1; i < P2P_HTTP1_FIELDS_MAX; i++)
    g_string_append (text, "A: b\r\n");
  g_string_append (text, "\r\n");
  g_assert_cmpint (p2p_http1_find_end (text->str, text->len, &scanned, &size), ==, P2P_HTTP1_OK);
  g_assert_cmpint (p2p_http1_parse_request (text->str, size, head), ==, P2P_HTTP1_OK);
  g_assert_cmpuint (head->msg.n_fields, ==, P2P_HTTP1_FIELDS_MAX);

  g_string_truncate (text, text->len - 2);
  g_string_append (text, "A: b\r\n\r\n");
  g_assert_cmpint (p2p_http1_parse_request (text->str, text->len, head), ==, P2P_HTTP1_TOO_LARGE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http1/refusals/bad", test_bad);
  g_test_add_func ("/http1/refusals/bad-early", test_bad_early);
  g_test_add_func ("/http1/refusals/host-length", test_host_length);
  g_test_add_func ("/http1/refusals/version", test_version);
  g_test_add_func ("/http1/refusals/field-flood", test_field_flood);
  return g_test_run ();
}
