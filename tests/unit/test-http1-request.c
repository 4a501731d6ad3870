/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Heads of HTTP/1.1 requests: what is read, and how. */
#include "tests/unit/http1-exact.h"

typedef struct
{
  P2pSpan wire;
  P2pMethod method;
  const char *authority, *path, *query; /* query NULL: none */
  const char *host;
  uint16_t port;
  bool keep_alive;
} Good;

static const Good good_heads[] = {
  { P2P_SPAN (LINE H "\r\n"), P2P_METHOD_GET, "", "/", NULL, "a", 0, true },
  { P2P_SPAN ("\r\n" LINE H "\r\n"), P2P_METHOD_GET, "", "/", NULL, "a", 0, true },
  { P2P_SPAN ("GET / HTTP/1.0\r\n\r\n"), P2P_METHOD_GET, "", "/", NULL, "", 0, false },
  { P2P_SPAN ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), P2P_METHOD_GET, "", "/", NULL,
    "", 0, true },
  { P2P_SPAN ("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"), P2P_METHOD_GET, "", "/",
    NULL, "", 0, false },
  { P2P_SPAN ("GET / HTTP/1.2\r\n" H "\r\n"), P2P_METHOD_GET, "", "/", NULL, "a", 0, true },
  { P2P_SPAN (LINE "hOsT:WWW.Example.COM.:8080\t\r\nConnection: x,, CLOSE\r\n\r\n"), P2P_METHOD_GET,
    "", "/", NULL, "www.example.com", 8080, false },
  { P2P_SPAN (LINE "Host: [2001:DB8::1]:443\r\n\r\n"), P2P_METHOD_GET, "", "/", NULL, "2001:db8::1",
    443, true },
  { P2P_SPAN (LINE "Host: [2001:DB8:0::1]\r\n\r\n"), P2P_METHOD_GET, "", "/", NULL, "2001:db8::1",
    0, true },
  { P2P_SPAN (LINE "Host: [1::3:4:5:06:7:8]\r\n\r\n"), P2P_METHOD_GET, "", "/", NULL,
    "1:0:3:4:5:6:7:8", 0, true },
  { P2P_SPAN (LINE "Host: [::FFFF:7f00:1]:80\r\n\r\n"), P2P_METHOD_GET, "", "/", NULL,
    "::ffff:127.0.0.1", 80, true },
  { P2P_SPAN (LINE "Host: [::ffff:127.0.0.1]\r\n\r\n"), P2P_METHOD_GET, "", "/", NULL,
    "::ffff:127.0.0.1", 0, true },
  { P2P_SPAN (LINE "Host: 127.0.0.1:65535\r\n\r\n"), P2P_METHOD_GET, "", "/", NULL, "127.0.0.1",
    65535, true },
  { P2P_SPAN (LINE "Host: _a-b.xn--bcher-kva.example\r\n\r\n"), P2P_METHOD_GET, "", "/", NULL,
    "_a-b.xn--bcher-kva.example", 0, true },
  { P2P_SPAN ("POST /a/b?c=d?e HTTP/1.1\r\n" H "\r\n"), P2P_METHOD_POST, "", "/a/b", "c=d?e", "a",
    0, true },
  { P2P_SPAN ("PUT /? HTTP/1.1\r\n" H "\r\n"), P2P_METHOD_PUT, "", "/", "", "a", 0, true },
  { P2P_SPAN ("PATCH //x;y=%2f..%00 HTTP/1.1\r\n" H "\r\n"), P2P_METHOD_PATCH, "", "//x;y=%2f..%00",
    NULL, "a", 0, true },
  { P2P_SPAN ("DELETE /{|}^`~[]?\\ HTTP/1.1\r\n" H "\r\n"), P2P_METHOD_DELETE, "", "/{|}^`~[]",
    "\\", "a", 0, true },
  { P2P_SPAN ("HEAD HTTP://Other.Example:81?x HTTP/1.1\r\n" H "\r\n"), P2P_METHOD_HEAD,
    "other.example:81", "/", "x", "other.example", 81, true },
  { P2P_SPAN ("GET https://B/p?q HTTP/1.1\r\nHost: a:8080\r\n\r\n"), P2P_METHOD_GET, "b", "/p", "q",
    "b", 0, true },
  { P2P_SPAN ("GET http://[::1]:8/p HTTP/1.0\r\n\r\n"), P2P_METHOD_GET, "[::1]:8", "/p", NULL,
    "::1", 8, false },
  { P2P_SPAN ("GET http://[0:0::0:1]/ HTTP/1.1\r\nHost: [::2]\r\n\r\n"), P2P_METHOD_GET,
    "[0:0::0:1]", "/", NULL, "::1", 0, true },
  { P2P_SPAN ("GET http://b/ HTTP/1.1\r\nHost: [::2]\r\n\r\n"), P2P_METHOD_GET, "b", "/", NULL, "b",
    0, true },
  { P2P_SPAN ("OPTIONS * HTTP/1.1\r\n" H "\r\n"), P2P_METHOD_OPTIONS, "", "*", NULL, "a", 0, true },
  { P2P_SPAN ("OPTIONS http://b HTTP/1.1\r\n" H "\r\n"), P2P_METHOD_OPTIONS, "b", "*", NULL, "b", 0,
    true },
  { P2P_SPAN ("OPTIONS http://b/ HTTP/1.1\r\n" H "\r\n"), P2P_METHOD_OPTIONS, "b", "/", NULL, "b",
    0, true },
  { P2P_SPAN ("TRACE / HTTP/1.1\r\n" H "\r\n"), P2P_METHOD_TRACE, "", "/", NULL, "a", 0, true },
  { P2P_SPAN ("CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n"), P2P_METHOD_CONNECT,
    "b.example:443", "", NULL, "b.example", 443, true },
  { P2P_SPAN ("get / HTTP/1.1\r\n" H "\r\n"), P2P_METHOD_OTHER, "", "/", NULL, "a", 0, true },
  { P2P_SPAN ("M-SEARCH!#$ / HTTP/1.1\r\n" H "\r\n"), P2P_METHOD_OTHER, "", "/", NULL, "a", 0,
    true },
};

static void
assert_text (P2pSpan span, const char *text)
{
  g_assert_cmpmem (span.p, span.n, text, strlen (text));
}

static void
test_good (void)
{
  g_autofree P2pRequestHead *head = g_new (P2pRequestHead, 1);

  for (size_t i = 0; i < G_N_ELEMENTS (good_heads); i++)
    {
      const Good *row = &good_heads[i];
      g_autofree char *block = NULL;
      P2pHttp1 result = exact_request (row->wire, head, &block);

      g_test_message ("%zu: %.*s", i, P2P_SPAN_ARG (head->msg.reason_bad));
      g_assert_cmpint (result, ==, P2P_HTTP1_OK);
      g_assert_cmpint (head->method_id, ==, row->method);
      assert_text (head->authority, row->authority);
      assert_text (head->path, row->path);
      assert_text (head->host, row->host);
      g_assert_cmpuint (head->port, ==, row->port);
      g_assert_cmpint (head->has_query, ==, row->query != NULL);
      assert_text (head->query, row->query ? row->query : "");
      g_assert_cmpint (head->msg.keep_alive, ==, row->keep_alive);
      g_assert_cmpint (head->msg.body, ==, P2P_BODY_NONE);
    }
}

static void
test_fields (void)
{
  static const P2pSpan wire = P2P_SPAN (
      "POST /up HTTP/1.1\r\n"
      "HOST: a\r\n"
      "content-length: 0042\r\n"
      "X-Empty:\r\n"
      "X-Text: \t a \xe2\x82\xac\tb \t\r\n"
      "Expect: 100-Continue\r\n"
      "Connection: Keep-Alive, X-Hop, content-length, Host\r\n"
      "Connection: upgrade,cookie\r\n"
      "x-hop: 1\r\nX-HOP: 2\r\n"
      "Cookie: c=1\r\nCookie: c=2\r\n"
      "Upgrade: websocket\r\n"
      "X_Forwarded_For: 1.2.3.4\r\n"
      "X-Forwarded.Anything: x\r\n"
      "x_forwarded: x\r\n"
      "X_Other: kept\r\n"
      "\r\n");
  g_autofree P2pRequestHead *head = g_new (P2pRequestHead, 1);
  g_autofree char *block = NULL;
  P2pMessage *msg = &head->msg;
  static const bool hop[] = { false, false, false, false, false, true, true, true,
                              true,  true,  true,  true,  true,  true, true, false };

  g_assert_cmpint (exact_request (wire, head, &block), ==, P2P_HTTP1_OK);
  g_assert_cmpuint (msg->n_fields, ==, G_N_ELEMENTS (hop));
  for (size_t i = 0; i < G_N_ELEMENTS (hop); i++)
    {
      g_test_message ("%.*s", P2P_SPAN_ARG (msg->fields[i].name));
      g_assert_cmpint (msg->fields[i].hop_by_hop, ==, hop[i]);
    }
  g_assert_cmpint (msg->body, ==, P2P_BODY_LENGTH);
  g_assert_cmpuint (msg->content_length, ==, 42);
  g_assert_true (msg->has_content_length && msg->keep_alive && msg->upgrade
                 && head->expect_continue);
  assert_text (msg->fields[2].value, "");
  assert_text (msg->fields[3].value, "a \xe2\x82\xac\tb");
  g_assert_true (p2p_message_field (msg, P2P_FIELD_COOKIE) == &msg->fields[9]);
  g_assert_null (p2p_message_field (msg, P2P_FIELD_X_FORWARDED_FOR));
  g_assert_true (p2p_message_field_by_name (msg, P2P_SPAN ("X-Hop")) == &msg->fields[7]);
  g_assert_null (p2p_message_field_by_name (msg, P2P_SPAN ("X-Ho")));
  g_assert_true (p2p_message_has_token (msg, P2P_FIELD_CONNECTION, P2P_SPAN ("Upgrade")));
  g_assert_true (p2p_message_has_token (msg, P2P_FIELD_CONNECTION, P2P_SPAN ("x-hop")));
  g_assert_false (p2p_message_has_token (msg, P2P_FIELD_CONNECTION, P2P_SPAN ("x-ho")));
  g_assert_false (p2p_message_has_token (msg, P2P_FIELD_TE, P2P_SPAN ("trailers")));
}

static void
test_chunked (void)
{
  static const P2pSpan wire
      = P2P_SPAN ("POST / HTTP/1.1\r\n" H "TRANSFER-ENCODING:\tChunked \r\n\r\n");
  g_autofree P2pRequestHead *head = g_new (P2pRequestHead, 1);
  g_autofree char *block = NULL;

  g_assert_cmpint (exact_request (wire, head, &block), ==, P2P_HTTP1_OK);
  g_assert_cmpint (head->msg.body, ==, P2P_BODY_CHUNKED);
  g_assert_false (head->msg.has_content_length);
}

/* Upgrade and Expect mean nothing in HTTP/1.0, and Upgrade nothing without its option. */
static void
test_ignored (void)
{
  static const P2pSpan rows[] = {
    P2P_SPAN ("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\nExpect: "
              "100-continue\r\n\r\n"),
    P2P_SPAN (LINE H "Upgrade: websocket\r\nExpect: 200-ok\r\n\r\n"),
    P2P_SPAN (LINE H "Connection: upgrade\r\n\r\n"),
  };
  g_autofree P2pRequestHead *head = g_new (P2pRequestHead, 1);

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *block = NULL;

      g_assert_cmpint (exact_request (rows[i], head, &block), ==, P2P_HTTP1_OK);
      g_assert_false (head->msg.upgrade);
      g_assert_false (head->expect_continue);
      for (unsigned j = 0; j < head->msg.n_fields; j++)
        g_assert_true (head->msg.minor > 0 || head->msg.fields[j].hop_by_hop); /* none goes on */
    }
}

/* Every name of the table is found in any case, and no name near one. */
static void
test_field_ids (void)
{
  static const char *names[] = {
#define P2P_HTTP1_FIELD(id, name, hop_by_hop) [P2P_FIELD_##id] = name,
#include "lib/http1-fields.inc"
#undef P2P_HTTP1_FIELD
  };
  g_autofree P2pRequestHead *head = g_new (P2pRequestHead, 1);

  for (size_t id = P2P_FIELD_OTHER + 1; id < P2P_FIELD_N; id++)
    {
      g_autofree char *upper = g_ascii_strup (names[id], -1);
      g_autofree char *near = g_strdup (names[id]);
      g_autofree char *text = NULL;
      g_autofree char *block = NULL;
      const P2pField *found;

      near[1] = near[1] == 'q' ? 'z' : 'q';
      if (id == P2P_FIELD_HOST || id == P2P_FIELD_TRANSFER_ENCODING
          || id == P2P_FIELD_CONTENT_LENGTH)
        text = g_strdup_printf ("GET / HTTP/1.1\r\n%s: %s\r\n%s: 0\r\n%s\r\n", upper,
                                id == P2P_FIELD_TRANSFER_ENCODING ? "chunked" : "0", near,
                                id == P2P_FIELD_HOST ? "" : H);
      else
        text = g_strdup_printf (LINE H "%s: a\r\n%s: b\r\n%s: c\r\n\r\n", near, upper, names[id]);
      g_test_message ("%s", text);
      g_assert_cmpint (exact_request (p2p_span_from_string (text), head, &block), ==, P2P_HTTP1_OK);
      found = p2p_message_field (&head->msg, (P2pFieldId) id);
      g_assert_nonnull (found);
      assert_text (found->name, upper);
      for (unsigned i = 0; i < head->msg.n_fields; i++)
        {
          if (p2p_span_equal_nocase (head->msg.fields[i].name, p2p_span_from_string (near))
              && strlen (near) > 2)
            g_assert_cmpint (head->msg.fields[i].id, ==, P2P_FIELD_OTHER);
        }
    }
}

/* What would become a good head never looks bad or complete before it is. */
static void
test_more (void)
{
  static const P2pSpan wire = P2P_SPAN ("\r\n" LINE H "Cookie: 0123456789abcdef0123456789\r\n\r\n");

  for (size_t n = 0; n < wire.n; n++)
    {
      size_t size;

      g_assert_cmpint (exact_head ((P2pSpan){ wire.p, n }, &size), ==, P2P_HTTP1_MORE);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http1/request/more", test_more);
  g_test_add_func ("/http1/request/good", test_good);
  g_test_add_func ("/http1/request/fields", test_fields);
  g_test_add_func ("/http1/request/chunked", test_chunked);
  g_test_add_func ("/http1/request/ignored", test_ignored);
  g_test_add_func ("/http1/request/field-ids", test_field_ids);
  return g_test_run ();
}
