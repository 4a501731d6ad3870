/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* HTTP/1.1 heads: where one ends, its field lines, and what requests and responses have in common:
 * Connection and the length of the body. Every line ends with CRLF; a CR or LF anywhere else is
 * refused, though RFC 9112 section 2.2 would allow to be lenient: two parsers that are lenient in
 * different ways are how requests are smuggled. No state; any thread. */
#include "lib/http1-priv.h"

/* More options than this in Connection are an attack on the loop that looks for the fields they
 * name. */
#define CONNECTION_OPTIONS_MAX 32

P2pHttp1
p2p_http1_find_end (const char *buf, size_t n, size_t *scanned, size_t *ret_size)
{
  const char *end = buf + n;
  const char *p = buf + *scanned;

  for (;;)
    {
      p = p2p_http1_skip_text (p, end);
      *scanned = (size_t) (p - buf);
      /* At the CR of a line's end; it is looked at again until the two bytes after its LF are here
       * too. */
      if (end - p < 1)
        return P2P_HTTP1_MORE;
      if (*p != '\r' || (end - p > 1 && p[1] != '\n'))
        return P2P_HTTP1_BAD;
      if (end - p < 3)
        return P2P_HTTP1_MORE;
      if (p[2] == '\r')
        {
          if (end - p < 4)
            return P2P_HTTP1_MORE;
          if (p[3] != '\n')
            return P2P_HTTP1_BAD;
          *ret_size = (size_t) (p + 4 - buf);
          return P2P_HTTP1_OK;
        }
      p += 2;
    }
}

void
p2p_http1_message_init (P2pMessage *msg)
{
  msg->n_fields = 0;
  memset (msg->first, 0, sizeof msg->first);
  msg->minor = 0;
  msg->body = P2P_BODY_NONE;
  msg->content_length = 0;
  msg->has_content_length = false;
  msg->keep_alive = false;
  msg->upgrade = false;
  msg->reason_bad = P2P_SPAN_NONE;
}

P2pHttp1
p2p_http1_bad (P2pMessage *msg, P2pSpan reason)
{
  msg->reason_bad = reason;
  return P2P_HTTP1_BAD;
}

P2pHttp1
p2p_http1_parse_version (const char *p, const char *end, unsigned *ret_minor)
{
  if (end - p < 8 || memcmp (p, "HTTP/", 5) != 0 || p[6] != '.')
    return P2P_HTTP1_BAD;
  if (p[5] < '0' || p[5] > '9' || p[7] < '0' || p[7] > '9')
    return P2P_HTTP1_BAD;
  if (p[5] != '1')
    return P2P_HTTP1_VERSION;
  /* A higher minor version is a 1.1 with something more that we don't know (RFC 9110 section 2.5).
   */
  *ret_minor = p[7] == '0' ? 0 : 1;
  return P2P_HTTP1_OK;
}

/* Gives the field its id. A known name spelled with '_' or '.' is no field that we know, but an
 * origin may take it for one: of those that frame or route a message we refuse it, the others are
 * not forwarded. */
static P2pHttp1
identify_field (P2pMessage *msg, P2pField *field, unsigned classes)
{
  field->id = p2p_http1_field_id (field->name);
  field->hop_by_hop = p2p_http1_field_is_hop_by_hop (field->id);
  if (field->id != P2P_FIELD_OTHER)
    {
      if (msg->first[field->id] == 0)
        msg->first[field->id] = (uint8_t) (field - msg->fields + 1);
      else if (p2p_http1_field_is_framing (field->id))
        return p2p_http1_bad (msg, P2P_SPAN ("a field that may stand once stands twice"));
    }
  else if (classes & P2P_CHAR_ALIAS)
    {
      P2pFieldId alias = p2p_http1_field_id_alias (field->name);

      if (p2p_http1_field_is_framing (alias))
        return p2p_http1_bad (msg, P2P_SPAN ("a framing field under another spelling"));
      field->hop_by_hop = alias != P2P_FIELD_OTHER || p2p_http1_field_is_forwarded (field->name);
    }
  return P2P_HTTP1_OK;
}

/* One line at *p; *p moves behind its CRLF. */
static P2pHttp1
parse_field (P2pMessage *msg, const char **p, const char *end)
{
  const char *start = *p, *at = start, *line_end;
  unsigned classes = 0;
  P2pField *field;

  for (; at < end && p2p_char_is (*at, P2P_CHAR_TOKEN); at++)
    classes |= p2p_char_class[(unsigned char) *at];
  if (at == end || *at != ':' || at == start)
    {
      if (at == start && at < end && (*at == ' ' || *at == '\t'))
        return p2p_http1_bad (msg, P2P_SPAN ("a folded field line"));
      return p2p_http1_bad (msg, P2P_SPAN ("a bad field name"));
    }
  line_end = p2p_http1_skip_text (at + 1, end);
  if (end - line_end < 2 || line_end[0] != '\r' || line_end[1] != '\n')
    return p2p_http1_bad (msg, P2P_SPAN ("a control character in a field value"));
  if (msg->n_fields == P2P_HTTP1_FIELDS_MAX)
    return P2P_HTTP1_TOO_LARGE;

  field = &msg->fields[msg->n_fields++];
  field->name = (P2pSpan){ start, (size_t) (at - start) };
  field->value = p2p_span_trim ((P2pSpan){ at + 1, (size_t) (line_end - at - 1) });
  *p = line_end + 2;
  return identify_field (msg, field, classes);
}

/* Fields that the option names are not to be forwarded, except those that frame and route the
 * message: a client must not be able to make us forward a request without its Host or its length.
 */
static void
mark_hop_by_hop (P2pMessage *msg, P2pSpan option)
{
  P2pFieldId id = p2p_http1_field_id (option);

  if (p2p_http1_field_is_framing (id))
    return;
  for (unsigned i = 0; i < msg->n_fields; i++)
    {
      P2pField *field = &msg->fields[i];

      if (field->id == id
          && (id != P2P_FIELD_OTHER || p2p_span_equal_nocase (field->name, option)))
        field->hop_by_hop = true;
    }
}

static P2pHttp1
read_connection_line (P2pMessage *msg, P2pSpan value, unsigned *n_options, bool *close, bool *keep)
{
  while (value.n > 0)
    {
      P2pSpan option = p2p_span_trim (p2p_span_split (&value, ','));

      if (option.n == 0)
        continue;
      for (size_t i = 0; i < option.n; i++)
        {
          if (!p2p_char_is (option.p[i], P2P_CHAR_TOKEN))
            return p2p_http1_bad (msg, P2P_SPAN ("a bad Connection option"));
        }
      if (++*n_options > CONNECTION_OPTIONS_MAX)
        return p2p_http1_bad (msg, P2P_SPAN ("too many Connection options"));
      if (p2p_span_equal_nocase (option, P2P_SPAN ("close")))
        *close = true;
      else if (p2p_span_equal_nocase (option, P2P_SPAN ("keep-alive")))
        *keep = true;
      else if (p2p_span_equal_nocase (option, P2P_SPAN ("upgrade")))
        /* RFC 9110 section 7.8: Upgrade in an HTTP/1.0 message is ignored. */
        msg->upgrade = msg->first[P2P_FIELD_UPGRADE] != 0 && msg->minor > 0;
      else
        mark_hop_by_hop (msg, option);
    }
  return P2P_HTTP1_OK;
}

/* RFC 9112 section 9.3. */
static P2pHttp1
read_connection (P2pMessage *msg)
{
  unsigned n_options = 0;
  bool close = false, keep = false;

  if (msg->first[P2P_FIELD_CONNECTION] != 0)
    {
      for (unsigned i = msg->first[P2P_FIELD_CONNECTION] - 1; i < msg->n_fields; i++)
        {
          P2pHttp1 result = P2P_HTTP1_OK;

          if (msg->fields[i].id == P2P_FIELD_CONNECTION)
            result = read_connection_line (msg, msg->fields[i].value, &n_options, &close, &keep);
          if (result != P2P_HTTP1_OK)
            return result;
        }
    }
  msg->keep_alive = !close && (msg->minor > 0 || keep);
  return P2P_HTTP1_OK;
}

/* RFC 9112 section 6, less what it tolerates: Content-Length beside Transfer-Encoding, lists of
 * equal lengths, and codings other than "chunked" alone are refused. */
static P2pHttp1
read_length (P2pMessage *msg)
{
  const P2pField *length = p2p_message_field (msg, P2P_FIELD_CONTENT_LENGTH);
  const P2pField *coding = p2p_message_field (msg, P2P_FIELD_TRANSFER_ENCODING);

  if (length && coding)
    return p2p_http1_bad (msg, P2P_SPAN ("Content-Length beside Transfer-Encoding"));
  if (coding)
    {
      if (msg->minor == 0)
        return p2p_http1_bad (msg, P2P_SPAN ("Transfer-Encoding in HTTP/1.0"));
      if (!p2p_span_equal_nocase (coding->value, P2P_SPAN ("chunked")))
        return p2p_http1_bad (msg, P2P_SPAN ("a Transfer-Encoding other than chunked"));
      msg->body = P2P_BODY_CHUNKED;
    }
  if (length)
    {
      /* Beyond INT64_MAX sums with buffer sizes could wrap; nobody sends that much. */
      if (!p2p_span_to_u64 (length->value, &msg->content_length) || msg->content_length > INT64_MAX)
        return p2p_http1_bad (msg, P2P_SPAN ("a bad Content-Length"));
      msg->has_content_length = true;
      msg->body = msg->content_length > 0 ? P2P_BODY_LENGTH : P2P_BODY_NONE;
    }
  return P2P_HTTP1_OK;
}

P2pHttp1
p2p_http1_parse_fields (P2pMessage *msg, const char *p, const char *end)
{
  P2pHttp1 result = P2P_HTTP1_OK;

  while (end - p > 2 && result == P2P_HTTP1_OK)
    result = parse_field (msg, &p, end);
  if (result == P2P_HTTP1_OK && (end - p < 2 || p[0] != '\r' || p[1] != '\n'))
    result = p2p_http1_bad (msg, P2P_SPAN ("a head without an empty line at its end"));
  if (result == P2P_HTTP1_OK)
    result = read_connection (msg);
  if (result == P2P_HTTP1_OK)
    result = read_length (msg);
  return result;
}

const P2pField *
p2p_message_field (const P2pMessage *msg, P2pFieldId id)
{
  return msg->first[id] != 0 ? &msg->fields[msg->first[id] - 1] : NULL;
}

const P2pField *
p2p_message_field_by_name (const P2pMessage *msg, P2pSpan name)
{
  for (unsigned i = 0; i < msg->n_fields; i++)
    {
      if (p2p_span_equal_nocase (msg->fields[i].name, name))
        return &msg->fields[i];
    }
  return NULL;
}

bool
p2p_message_has_token (const P2pMessage *msg, P2pFieldId id, P2pSpan token)
{
  for (unsigned i = msg->first[id]; i != 0 && i <= msg->n_fields; i++)
    {
      P2pSpan value = msg->fields[i - 1].value;

      if (msg->fields[i - 1].id != id)
        continue;
      while (value.n > 0)
        {
          if (p2p_span_equal_nocase (p2p_span_trim (p2p_span_split (&value, ',')), token))
            return true;
        }
    }
  return false;
}
