/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Bodies of HTTP/1.1 messages as their bytes pass (RFC 9112 sections 6 and 7): by length, chunked,
 * until close. Content is pointed at where it lies; chunk lines and trailers go byte by byte
 * through a machine of a few states, so that it makes no difference how the bytes were cut into
 * pieces. White space in chunk lines, which the RFC calls bad, is refused. One thread at a time:
 * whoever has the P2pBody. */
#include "lib/http1-priv.h"

#include <glib.h>

/* What chunk lines and trailers may cost beyond the content that they bring: each chunk is allowed
 * a line of 16 bytes and two bytes a byte of content, so honest bodies of any length never come
 * near. */
#define LINE_BYTES_MAX 16384
#define CHUNK_LINE_BYTES 16
#define CHUNK_DIGITS_MAX 16

enum
{
  SIZE,
  EXT_NAME_START,
  EXT_NAME,
  EXT_VALUE_START,
  EXT_TOKEN,
  EXT_QUOTED,
  EXT_QUOTED_PAIR,
  EXT_END,
  SIZE_LF,
  DATA,
  DATA_CR,
  DATA_LF,
  /* From here on in the trailer section. */
  TRAILER_START,
  TRAILER_NAME,
  TRAILER_VALUE,
  TRAILER_LF,
  END_LF,
};

/* Fields without an id that mean something before the content and must not be changed after it (RFC
 * 9110 section 6.5.1); those with an id are kept out as well. */
static const P2pSpan never_in_trailers[] = {
#define NAME(text) { text, sizeof (text) - 1 }
  NAME ("age"),
  NAME ("cache-control"),
  NAME ("content-encoding"),
  NAME ("content-location"),
  NAME ("content-range"),
  NAME ("expires"),
  NAME ("if-modified-since"),
  NAME ("if-none-match"),
  NAME ("if-range"),
  NAME ("if-unmodified-since"),
  NAME ("location"),
  NAME ("max-forwards"),
  NAME ("pragma"),
  NAME ("range"),
  NAME ("retry-after"),
  NAME ("set-cookie"),
  NAME ("vary"),
  NAME ("www-authenticate"),
#undef NAME
};

void
p2p_body_init (P2pBody *body, P2pBodyKind kind, uint64_t content_length)
{
  *body = (P2pBody){ .kind = kind, .state = SIZE };
  if (kind == P2P_BODY_LENGTH)
    body->left = content_length;
  body->finished = kind == P2P_BODY_NONE || (kind == P2P_BODY_LENGTH && content_length == 0);
}

static int
hex_digit (char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
    return (c | 0x20) - 'a' + 10;
  return -1;
}

static P2pHttp1
step_size (P2pBody *body, char c)
{
  int digit = hex_digit (c);

  if (digit >= 0)
    {
      if (body->n_digits == CHUNK_DIGITS_MAX)
        return P2P_HTTP1_BAD;
      /* Beyond INT64_MAX, in one chunk or together, sums could wrap. */
      body->left = body->left << 4 | (uint64_t) digit;
      body->n_digits++;
      return body->left > INT64_MAX - body->total ? P2P_HTTP1_BAD : P2P_HTTP1_OK;
    }
  if (body->n_digits == 0 || (c != ';' && c != '\r'))
    return P2P_HTTP1_BAD;
  body->state = c == ';' ? EXT_NAME_START : SIZE_LF;
  return P2P_HTTP1_OK;
}

/* After a name, a token or a quoted string: another extension or the line's end. */
static P2pHttp1
step_ext_end (P2pBody *body, char c)
{
  if (c != ';' && c != '\r')
    return P2P_HTTP1_BAD;
  body->state = c == ';' ? EXT_NAME_START : SIZE_LF;
  return P2P_HTTP1_OK;
}

/* RFC 9112 section 7.1.1. */
static P2pHttp1
step_ext (P2pBody *body, char c)
{
  bool token = p2p_char_is (c, P2P_CHAR_TOKEN);

  switch (body->state)
    {
    case EXT_NAME_START:
      body->state = EXT_NAME;
      return token ? P2P_HTTP1_OK : P2P_HTTP1_BAD;
    case EXT_NAME:
      if (c == '=')
        body->state = EXT_VALUE_START;
      else if (!token)
        return step_ext_end (body, c);
      return P2P_HTTP1_OK;
    case EXT_VALUE_START:
      body->state = c == '"' ? EXT_QUOTED : EXT_TOKEN;
      return c == '"' || token ? P2P_HTTP1_OK : P2P_HTTP1_BAD;
    case EXT_TOKEN:
      return token ? P2P_HTTP1_OK : step_ext_end (body, c);
    case EXT_QUOTED:
      if (c == '"')
        body->state = EXT_END;
      else if (c == '\\')
        body->state = EXT_QUOTED_PAIR;
      return p2p_char_is (c, P2P_CHAR_TEXT) ? P2P_HTTP1_OK : P2P_HTTP1_BAD;
    case EXT_QUOTED_PAIR:
      body->state = EXT_QUOTED;
      return p2p_char_is (c, P2P_CHAR_TEXT) ? P2P_HTTP1_OK : P2P_HTTP1_BAD;
    default:
      return step_ext_end (body, c);
    }
}

/* The LF of a chunk's first line. */
static P2pHttp1
begin_chunk (P2pBody *body)
{
  body->n_digits = 0;
  if (body->left == 0)
    {
      body->state = TRAILER_START;
      return P2P_HTTP1_OK;
    }
  if (body->line_bytes <= CHUNK_LINE_BYTES
      || (body->line_bytes - CHUNK_LINE_BYTES) / 2 < body->left)
    body->line_bytes = 0;
  else
    body->line_bytes -= CHUNK_LINE_BYTES + 2 * body->left;
  body->state = DATA;
  return P2P_HTTP1_OK;
}

static P2pHttp1
step_chunk (P2pBody *body, char c)
{
  switch (body->state)
    {
    case SIZE:
      return step_size (body, c);
    case SIZE_LF:
      return c == '\n' ? begin_chunk (body) : P2P_HTTP1_BAD;
    case DATA_CR:
      body->state = DATA_LF;
      return c == '\r' ? P2P_HTTP1_OK : P2P_HTTP1_BAD;
    case DATA_LF:
      body->state = SIZE;
      return c == '\n' ? P2P_HTTP1_OK : P2P_HTTP1_BAD;
    default:
      return step_ext (body, c);
    }
}

static bool
may_be_trailer (P2pSpan name)
{
  char buf[sizeof ((P2pBody *) NULL)->name];
  P2pSpan plain = p2p_http1_normalize_name (name, buf, sizeof buf);

  if (p2p_http1_field_id (plain) != P2P_FIELD_OTHER || p2p_http1_field_is_forwarded (plain))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (never_in_trailers); i++)
    {
      if (p2p_span_equal (plain, never_in_trailers[i]))
        return false;
    }
  return true;
}

/* The LF of a trailer line: it stays or is taken back. */
static P2pHttp1
end_trailer (P2pBody *body, P2pTrailers *trailers)
{
  if (trailers && may_be_trailer ((P2pSpan){ body->name, body->n_name }))
    trailers->n = body->trailer_at;
  body->state = TRAILER_START;
  return P2P_HTTP1_OK;
}

static P2pHttp1
step_trailer_name (P2pBody *body, char c)
{
  if (p2p_char_is (c, P2P_CHAR_TOKEN))
    {
      if (body->n_name < sizeof body->name)
        body->name[body->n_name++] = c;
      body->state = TRAILER_NAME;
      return P2P_HTTP1_OK;
    }
  if (c != ':' || body->state == TRAILER_START)
    return P2P_HTTP1_BAD;
  body->state = TRAILER_VALUE;
  if (p2p_http1_field_is_framing (
          p2p_http1_field_id_alias ((P2pSpan){ body->name, body->n_name })))
    return P2P_HTTP1_BAD;
  return P2P_HTTP1_OK;
}

static P2pHttp1
step_trailer (P2pBody *body, char c, P2pTrailers *trailers)
{
  if (body->state == END_LF)
    {
      body->finished = c == '\n';
      return body->finished ? P2P_HTTP1_OK : P2P_HTTP1_BAD;
    }
  if (body->state == TRAILER_START)
    {
      body->n_name = 0;
      body->trailer_at = trailers ? trailers->n : 0;
      if (c == '\r')
        {
          body->state = END_LF;
          return P2P_HTTP1_OK;
        }
    }
  if (trailers)
    {
      if (body->trailer_at == trailers->size)
        return P2P_HTTP1_TOO_LARGE;
      trailers->buf[body->trailer_at++] = c;
    }
  if (body->state == TRAILER_LF)
    return c == '\n' ? end_trailer (body, trailers) : P2P_HTTP1_BAD;
  if (body->state != TRAILER_VALUE)
    return step_trailer_name (body, c);
  if (c == '\r')
    body->state = TRAILER_LF;
  else if (!p2p_char_is (c, P2P_CHAR_TEXT))
    return P2P_HTTP1_BAD;
  return P2P_HTTP1_OK;
}

/* The next run of at most body->left bytes. */
static void
take_content (P2pBody *body, P2pSpan in, P2pSpan *ret_content)
{
  size_t n = body->left < in.n ? (size_t) body->left : in.n;

  *ret_content = (P2pSpan){ in.p, n };
  body->left -= n;
  body->total += n;
}

/* Goes on behind the content as far as no second run begins, so that the end of a body is known as
 * soon as its bytes are. */
static P2pHttp1
feed_chunked (P2pBody *body,
              P2pSpan in,
              P2pSpan *ret_content,
              size_t *ret_used,
              P2pTrailers *trailers)
{
  size_t i = 0;

  while (i < in.n && !body->finished)
    {
      P2pHttp1 result;

      if (body->state == DATA)
        {
          if (ret_content->n > 0)
            break;
          take_content (body, (P2pSpan){ in.p + i, in.n - i }, ret_content);
          i += ret_content->n;
          if (body->left == 0)
            body->state = DATA_CR;
          continue;
        }
      if (++body->line_bytes > LINE_BYTES_MAX)
        return P2P_HTTP1_TOO_LARGE;
      if (body->state < TRAILER_START)
        result = step_chunk (body, in.p[i++]);
      else
        result = step_trailer (body, in.p[i++], trailers);
      if (result != P2P_HTTP1_OK)
        return result;
    }
  *ret_used = i;
  return P2P_HTTP1_OK;
}

P2pHttp1
p2p_body_feed (P2pBody *body,
               P2pSpan in,
               P2pSpan *ret_content,
               size_t *ret_used,
               P2pTrailers *trailers)
{
  P2pHttp1 result = P2P_HTTP1_OK;

  *ret_content = P2P_SPAN_NONE;
  *ret_used = 0;
  if (body->finished)
    return P2P_HTTP1_OK;
  switch (body->kind)
    {
    case P2P_BODY_LENGTH:
      take_content (body, in, ret_content);
      body->finished = body->left == 0;
      *ret_used = ret_content->n;
      break;
    case P2P_BODY_UNTIL_CLOSE:
      *ret_content = in;
      *ret_used = in.n;
      body->total += in.n;
      break;
    case P2P_BODY_CHUNKED:
      result = feed_chunked (body, in, ret_content, ret_used, trailers);
      break;
    case P2P_BODY_NONE:
    default:
      break;
    }
  if (result == P2P_HTTP1_OK && !body->finished && ret_content->n == 0)
    return P2P_HTTP1_MORE;
  return result;
}
