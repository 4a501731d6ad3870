/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Response heads; the first byte chooses the request's method. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/http1-check.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static P2pResponseHead head;
  size_t head_size;
  P2pMethod method;
  char *buf;
  P2pHttp1 result;

  if (size == 0)
    return 0;
  method = (P2pMethod) (data[0] % (P2P_METHOD_CONNECT + 1));
  if (!check_find_end (data + 1, size - 1, &head_size))
    return 0;
  buf = g_memdup2 (data + 1, head_size);
  result = p2p_http1_parse_response (buf, head_size, method, &head);
  if (result == P2P_HTTP1_OK)
    {
      check_message (&head.msg, (const char *) data + 1, head_size);
      check_inside (head.reason, buf, head_size);
      g_assert_true (head.status >= 100 && head.status <= 999);
      if (head.status < 200 || head.status == 204 || head.status == 304
          || method == P2P_METHOD_HEAD)
        g_assert_cmpint (head.msg.body, ==, P2P_BODY_NONE);
      g_assert_false (head.msg.body == P2P_BODY_UNTIL_CLOSE && head.msg.keep_alive);
    }
  else
    g_assert_true (result != P2P_HTTP1_MORE);
  g_free (buf);
  return 0;
}
