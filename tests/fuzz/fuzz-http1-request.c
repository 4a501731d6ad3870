/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Request heads. What is accepted must be read the same way by the plainest of readers: lines end
 * where CRLF stands, a line is one field, and nothing that frames or routes is there twice. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/http1-check.h"

static void
check_host (const P2pRequestHead *head, const char *buf, size_t size)
{
  if (head->host.p == head->address)
    check_inside (head->host, head->address, sizeof head->address);
  else
    check_inside (head->host, buf, size);
  g_assert_true (head->msg.minor == 0 || head->host.n > 0);
  g_assert_cmpuint (head->host.n, <=, 253);
  for (size_t i = 0; i < head->host.n; i++)
    g_assert_true (g_ascii_islower (head->host.p[i]) || g_ascii_isdigit (head->host.p[i])
                   || memchr (".:-_", head->host.p[i], 4));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static P2pRequestHead head;
  size_t head_size;
  char *buf;
  P2pHttp1 result;

  if (!check_find_end (data, size, &head_size))
    return 0;
  buf = g_memdup2 (data, head_size);
  result = p2p_http1_parse_request (buf, head_size, &head);
  if (result == P2P_HTTP1_OK)
    {
      size_t skipped = buf[0] == '\r' ? 2 : 0;

      check_message (&head.msg, (const char *) data + skipped, head_size - skipped);
      g_assert_cmpint (head.msg.body, !=, P2P_BODY_UNTIL_CLOSE);
      g_assert_cmpuint (count_fields (&head.msg, P2P_FIELD_HOST), <=, 1);
      check_inside (head.method, buf, head_size);
      check_inside (head.target, buf, head_size);
      check_inside (head.authority, buf, head_size);
      check_inside (head.query, buf, head_size);
      g_assert_true (head.method_id == P2P_METHOD_CONNECT || head.path.p[0] == '/'
                     || p2p_span_equal (head.path, P2P_SPAN ("*")));
      check_host (&head, buf, head_size);
    }
  else
    g_assert_true (result != P2P_HTTP1_MORE);
  g_free (buf);
  return 0;
}
