/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Heads of HTTP/1.1 responses: status line, and which body follows. No state; any thread. */
#include "lib/http1-priv.h"

/* version SP 3DIGIT [SP reason] CRLF; *p moves behind it. The space before an empty reason is left
 * out by some servers, and nothing hangs on it. */
static P2pHttp1
parse_line (P2pResponseHead *head, const char **p, const char *end)
{
  P2pMessage *msg = &head->msg;
  const char *at = *p, *line_end;
  P2pHttp1 result = p2p_http1_parse_version (at, end, &msg->minor);

  if (result != P2P_HTTP1_OK)
    return result == P2P_HTTP1_BAD ? p2p_http1_bad (msg, P2P_SPAN ("a bad status line")) : result;
  at += 8;
  if (end - at < 6 || at[0] != ' ')
    return p2p_http1_bad (msg, P2P_SPAN ("a bad status line"));
  for (unsigned i = 1; i <= 3; i++)
    {
      if (at[i] < '0' || at[i] > '9')
        return p2p_http1_bad (msg, P2P_SPAN ("a bad status code"));
      head->status = head->status * 10 + (unsigned) (at[i] - '0');
    }
  if (head->status < 100 || (at[4] != ' ' && at[4] != '\r'))
    return p2p_http1_bad (msg, P2P_SPAN ("a bad status code"));
  at += 4;
  line_end = p2p_http1_skip_text (at, end);
  if (end - line_end < 2 || line_end[0] != '\r' || line_end[1] != '\n')
    return p2p_http1_bad (msg, P2P_SPAN ("a control character in the status line"));
  head->reason = p2p_span_trim ((P2pSpan){ at, (size_t) (line_end - at) });
  *p = line_end + 2;
  return P2P_HTTP1_OK;
}

/* RFC 9112 section 6.3, RFC 9110 sections 6.4.1 and 8.6. */
static P2pHttp1
choose_body (P2pResponseHead *head, P2pMethod request_method)
{
  P2pMessage *msg = &head->msg;
  bool never = head->status < 200 || head->status == 204;

  if (never)
    {
      if (msg->body != P2P_BODY_NONE)
        return p2p_http1_bad (msg, P2P_SPAN ("a body announced by an answer that has none"));
      /* "Content-Length: 0" is wrong here too, but harmless: it is not passed on. */
      if (msg->has_content_length)
        msg->fields[msg->first[P2P_FIELD_CONTENT_LENGTH] - 1].hop_by_hop = true;
    }
  else if (request_method == P2P_METHOD_HEAD || head->status == 304
           || (request_method == P2P_METHOD_CONNECT && head->status < 300))
    msg->body = P2P_BODY_NONE;
  else if (msg->body == P2P_BODY_NONE && !msg->has_content_length)
    {
      msg->body = P2P_BODY_UNTIL_CLOSE;
      msg->keep_alive = false;
    }
  return P2P_HTTP1_OK;
}

P2pHttp1
p2p_http1_parse_response (char *buf,
                          size_t size,
                          P2pMethod request_method,
                          P2pResponseHead *ret_head)
{
  const char *p = buf;
  P2pHttp1 result;

  p2p_http1_message_init (&ret_head->msg);
  ret_head->status = 0;
  ret_head->reason = P2P_SPAN_NONE;
  result = parse_line (ret_head, &p, buf + size);
  if (result == P2P_HTTP1_OK)
    result = p2p_http1_parse_fields (&ret_head->msg, p, buf + size);
  if (result == P2P_HTTP1_OK)
    result = choose_body (ret_head, request_method);
  return result;
}
