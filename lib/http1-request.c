/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Heads of HTTP/1.1 requests: request line, target and host.
 *
 * One empty line before the request line is skipped (RFC 9112 section 2.2: clients that end a POST
 * body with a CRLF that they don't count), a second one is refused. In absolute form the target's
 * authority is the host and a Host field, which must still be there in HTTP/1.1 and be well-formed,
 * is not looked at (RFC 9112 section 3.2.2). No state; any thread. */
#include "lib/http1-priv.h"

static P2pMethod
method_id (P2pSpan method)
{
#define IS(id, name) \
  if (memcmp (method.p, name, sizeof (name) - 1) == 0) \
    return P2P_METHOD_##id
  switch (method.n)
    {
    case 3:
      IS (GET, "GET");
      IS (PUT, "PUT");
      break;
    case 4:
      IS (POST, "POST");
      IS (HEAD, "HEAD");
      break;
    case 5:
      IS (PATCH, "PATCH");
      IS (TRACE, "TRACE");
      break;
    case 6:
      IS (DELETE, "DELETE");
      break;
    case 7:
      IS (OPTIONS, "OPTIONS");
      IS (CONNECT, "CONNECT");
      break;
    default:
      break;
    }
#undef IS
  return P2P_METHOD_OTHER;
}

/* From the first "/" or "?": path and query. Without a path it is "/", and for OPTIONS without both
 * "*" (RFC 9112 sections 3.2.2 and 3.2.4). */
static P2pHttp1
parse_path (P2pRequestHead *head, P2pSpan rest)
{
  P2pSpan path = rest;
  const char *mark = rest.n > 0 ? memchr (rest.p, '?', rest.n) : NULL;

  if (mark)
    {
      path.n = (size_t) (mark - rest.p);
      head->has_query = true;
      head->query = (P2pSpan){ mark + 1, rest.n - path.n - 1 };
    }
  /* No client sends it, and some origins read it as "/". */
  if (path.n > 0 && memchr (path.p, '\\', path.n))
    return p2p_http1_bad (&head->msg, P2P_SPAN ("a backslash in the path"));
  if (path.n == 0 && rest.n == 0 && head->method_id == P2P_METHOD_OPTIONS)
    path = P2P_SPAN ("*");
  else if (path.n == 0)
    path = P2P_SPAN ("/");
  head->path = path;
  return P2P_HTTP1_OK;
}

/* "http://" or "https://" authority path-abempty ["?" query]; the buffer is ours to change. */
static P2pHttp1
parse_absolute (P2pRequestHead *head)
{
  P2pSpan rest = head->target;
  size_t n = 0;

  if (rest.n > 7 && p2p_span_equal_nocase ((P2pSpan){ rest.p, 7 }, P2P_SPAN ("http://")))
    rest = (P2pSpan){ rest.p + 7, rest.n - 7 };
  else if (rest.n > 8 && p2p_span_equal_nocase ((P2pSpan){ rest.p, 8 }, P2P_SPAN ("https://")))
    rest = (P2pSpan){ rest.p + 8, rest.n - 8 };
  else
    return p2p_http1_bad (&head->msg, P2P_SPAN ("a bad request target"));
  while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
    n++;
  head->authority = (P2pSpan){ rest.p, n };
  return parse_path (head, (P2pSpan){ rest.p + n, rest.n - n });
}

/* RFC 9112 section 3.2: which form goes with which method. */
static P2pHttp1
parse_target (P2pRequestHead *head)
{
  P2pSpan target = head->target;

  if (head->method_id == P2P_METHOD_CONNECT)
    {
      head->authority = target;
      return P2P_HTTP1_OK;
    }
  if (target.p[0] == '/')
    return parse_path (head, target);
  if (target.n == 1 && target.p[0] == '*' && head->method_id == P2P_METHOD_OPTIONS)
    {
      head->path = target;
      return P2P_HTTP1_OK;
    }
  return parse_absolute (head);
}

/* method SP target SP version CRLF, one space each; *p moves behind it. */
static P2pHttp1
parse_line (P2pRequestHead *head, char **p, const char *end)
{
  P2pMessage *msg = &head->msg;
  char *at = *p, *start = at;
  P2pHttp1 result;

  while (at < end && p2p_char_is (*at, P2P_CHAR_TOKEN))
    at++;
  if (at == start || at == end || *at != ' ')
    return p2p_http1_bad (msg, P2P_SPAN ("a bad method"));
  head->method = (P2pSpan){ start, (size_t) (at - start) };
  head->method_id = method_id (head->method);

  start = ++at;
  while (at < end && p2p_char_is (*at, P2P_CHAR_TARGET))
    at++;
  if (at == start || at == end || *at != ' ')
    return p2p_http1_bad (msg, P2P_SPAN ("a bad request target"));
  head->target = (P2pSpan){ start, (size_t) (at - start) };

  result = p2p_http1_parse_version (at + 1, end, &msg->minor);
  if (result == P2P_HTTP1_BAD || end - at < 11 || at[9] != '\r' || at[10] != '\n')
    return p2p_http1_bad (msg, P2P_SPAN ("a bad request line"));
  *p = at + 11;
  return result;
}

/* RFC 9112 section 3.2: exactly one Host in HTTP/1.1. An empty one, which it allows, names nothing
 * that could be routed. */
static P2pHttp1
find_host (P2pRequestHead *head)
{
  const P2pField *field = p2p_message_field (&head->msg, P2P_FIELD_HOST);
  P2pSpan authority = head->authority;

  if (!field && head->msg.minor > 0)
    return p2p_http1_bad (&head->msg, P2P_SPAN ("no Host"));
  /* Spans point into the caller's buffer, which p2p_http1_parse_request () may change. */
  if (field && !p2p_http1_parse_host ((char *) field->value.p, field->value.n, head))
    return p2p_http1_bad (&head->msg, P2P_SPAN ("a bad Host"));
  if (authority.p && !p2p_http1_parse_host ((char *) authority.p, authority.n, head))
    return p2p_http1_bad (&head->msg, P2P_SPAN ("a bad authority in the request target"));
  if (head->method_id == P2P_METHOD_CONNECT && head->port == 0)
    return p2p_http1_bad (&head->msg, P2P_SPAN ("a CONNECT target without a port"));
  return P2P_HTTP1_OK;
}

/* RFC 9110 section 10.1.1: an expectation in HTTP/1.0 is ignored, so it does not go on in a newer
 * message either. */
static void
read_expect (P2pRequestHead *head)
{
  P2pMessage *msg = &head->msg;

  if (msg->first[P2P_FIELD_EXPECT] == 0)
    return;
  head->expect_continue
      = msg->minor > 0 && p2p_message_has_token (msg, P2P_FIELD_EXPECT, P2P_SPAN ("100-continue"));
  for (unsigned i = 0; msg->minor == 0 && i < msg->n_fields; i++)
    if (msg->fields[i].id == P2P_FIELD_EXPECT)
      msg->fields[i].hop_by_hop = true;
}

P2pHttp1
p2p_http1_parse_request (char *buf, size_t size, P2pRequestHead *ret_head)
{
  P2pRequestHead *head = ret_head;
  char *p = buf;
  const char *end = buf + size;
  P2pHttp1 result;

  p2p_http1_message_init (&head->msg);
  head->method_id = P2P_METHOD_OTHER;
  head->method = head->target = P2P_SPAN_NONE;
  head->authority = head->path = head->query = head->host = P2P_SPAN_NONE;
  head->has_query = head->expect_continue = false;
  head->port = 0;

  if (size > 2 && p[0] == '\r' && p[1] == '\n')
    p += 2;
  result = parse_line (head, &p, end);
  if (result == P2P_HTTP1_OK)
    result = parse_target (head);
  if (result == P2P_HTTP1_OK)
    result = p2p_http1_parse_fields (&head->msg, p, end);
  if (result == P2P_HTTP1_OK)
    result = find_host (head);
  if (result == P2P_HTTP1_OK)
    read_expect (head);
  return result;
}
