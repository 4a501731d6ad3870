/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A client's bytes on their way to the origin: heads parsed and written anew, bodies through the
 * pipe. Whatever the client sends, the laxest of origins (bare LF ends a line, "_" is "-", space
 * before a colon is nothing) sees exactly the requests that were counted here, each with its own
 * body, one Host and one X-Forwarded-For: nothing is smuggled. The first byte chooses how many
 * bytes a read gives. */
#include "daemon/proxy/headers.h"
#include "daemon/proxy/pipe.h"
#include "daemon/proxy/proxy-priv.h"
#include "lib/stream-priv.h"
#include "tests/fuzz/fuzz.h"

#include <glib.h>
#include <string.h>

#define CLIENT "192.0.2.1"

/* ---- The client's stream, and the origin's ---- */

typedef struct
{
  P2pStream base;
  const uint8_t *data;
  size_t n, piece;
} Input;

typedef struct
{
  P2pStream base;
  GByteArray *bytes;
} Output;

static P2pIo
input_try_read (P2pStream *base, void *buf, size_t size, size_t *ret_n)
{
  Input *input = (Input *) base;

  *ret_n = MIN (MIN (size, input->n), input->piece);
  if (*ret_n == 0)
    return P2P_IO_EOF;
  memcpy (buf, input->data, *ret_n);
  input->data += *ret_n;
  input->n -= *ret_n;
  return P2P_IO_OK;
}

static P2pIo
output_try_writev (P2pStream *base, const struct iovec *iov, int n_iov, size_t *ret_n)
{
  Output *output = (Output *) base;

  *ret_n = 0;
  for (int i = 0; i < n_iov; i++)
    {
      g_byte_array_append (output->bytes, iov[i].iov_base, (guint) iov[i].iov_len);
      *ret_n += iov[i].iov_len;
    }
  return P2P_IO_OK;
}

static P2pIo
output_try_flush (P2pStream *base)
{
  (void) base;
  return P2P_IO_OK;
}

static const P2pStreamOps input_ops = { .name = "input", .try_read = input_try_read };
static const P2pStreamOps output_ops = {
  .name = "output",
  .try_writev = output_try_writev,
  .try_flush = output_try_flush,
};

/* ---- What passes ---- */

/* A request as this side counts it. */
typedef struct
{
  char *method, *host;
  GByteArray *body;
} Counted;

static void
counted_free (void *data)
{
  Counted *counted = data;

  g_free (counted->method);
  g_free (counted->host);
  g_byte_array_unref (counted->body);
  g_free (counted);
}

typedef struct
{
  Workspace *ws;
  Input input;
  Output output;
  size_t n_in;        /* ws->in[0..n_in): read */
  GPtrArray *counted; /* (element-type Counted) */
} Passage;

/* As conn-serve.c reads a head: whether there is one to be forwarded. */
static bool
read_head (Passage *passage, size_t *ret_size)
{
  Workspace *ws = passage->ws;
  P2pHttp1 http = P2P_HTTP1_MORE;
  size_t scanned = 0, n;

  for (;;)
    {
      if (passage->n_in > 0)
        http = p2p_http1_find_end (ws->in, passage->n_in, &scanned, ret_size);
      if (http != P2P_HTTP1_MORE)
        break;
      if (input_try_read (&passage->input.base, ws->in + passage->n_in,
                          sizeof ws->in - passage->n_in, &n)
          != P2P_IO_OK)
        return false;
      passage->n_in += n;
    }
  if (http != P2P_HTTP1_OK || p2p_http1_parse_request (ws->in, *ret_size, &ws->req) != P2P_HTTP1_OK)
    return false;
  return ws->req.method_id != P2P_METHOD_CONNECT && ws->req.path.n > 0 && ws->req.path.p[0] == '/';
}

/* The content of a body, by the reader alone: what the pipe is compared with. */
static GByteArray *
read_content (Passage *passage, size_t head_size)
{
  const P2pMessage *msg = &passage->ws->req.msg;
  g_autoptr (GByteArray) all = g_byte_array_new ();
  GByteArray *content = g_byte_array_new ();
  P2pBody body;

  g_byte_array_append (all, (const uint8_t *) passage->ws->in + head_size,
                       (guint) (passage->n_in - head_size));
  g_byte_array_append (all, passage->input.data, (guint) passage->input.n);
  p2p_body_init (&body, msg->body, msg->content_length);
  for (size_t at = 0; !body.finished && at < all->len;)
    {
      P2pSpan run = P2P_SPAN_NONE;
      size_t used = 0;

      if (p2p_body_feed (&body, (P2pSpan){ (const char *) all->data + at, all->len - at }, &run,
                         &used, NULL)
          > P2P_HTTP1_MORE)
        break;
      g_byte_array_append (content, (const uint8_t *) run.p, (guint) run.n);
      at += used;
    }
  return content;
}

/* Whether the connection goes on behind it. */
static bool
pass_one (Passage *passage, Conn *conn, const ConfigTarget *target)
{
  Workspace *ws = passage->ws;
  Request req = { .conn = conn,
                  .ws = ws,
                  .head = &ws->req,
                  .target = target,
                  .client = CLIENT,
                  .chain_start = sizeof ws->chain };
  Counted *counted;
  Pipe pipe;
  PipeStep step = PIPE_MORE;
  Writer out;
  P2pSpan rest;

  if (!read_head (passage, &req.head_size))
    return false;
  writer_init (&out, ws->out_up, sizeof ws->out_up);
  if (!headers_write_request (&req, false, &out))
    return false;
  counted = g_new0 (Counted, 1);
  counted->method = g_strndup (ws->req.method.p, ws->req.method.n);
  counted->host = g_strndup (ws->req.host.n > 0 ? ws->req.host.p : "", ws->req.host.n);
  counted->body = read_content (passage, req.head_size);
  pipe_init (&pipe, &passage->input.base, &passage->output.base, ws->in + req.head_size,
             sizeof ws->in - req.head_size, passage->n_in - req.head_size);
  pipe.trailers = (P2pTrailers){ .buf = ws->trailers_up, .size = sizeof ws->trailers_up };
  pipe_set_body (&pipe, ws->req.msg.body, ws->req.msg.content_length,
                 ws->req.msg.body == P2P_BODY_CHUNKED ? PIPE_ENCODE_CHUNKED : PIPE_ENCODE_PLAIN);
  pipe_queue (&pipe, writer_get_span (&out));
  while (step == PIPE_MORE || step == PIPE_WANT_READ)
    step = pipe_step (&pipe);
  if (step != PIPE_DONE)
    {
      g_assert_true (step == PIPE_READ_FAILED || step == PIPE_BAD);
      counted_free (counted);
      return false;
    }
  g_ptr_array_add (passage->counted, counted);
  rest = pipe_get_rest (&pipe);
  memmove (ws->in, rest.p, rest.n);
  passage->n_in = rest.n;
  return true;
}

/* ---- The laxest of origins ---- */

typedef struct
{
  const char *p;
  size_t n;
} Left;

/* A line up to LF, without it and without CR; NULL: none. */
static char *
take_line (Left *left)
{
  const char *start = left->p, *end = left->n > 0 ? memchr (start, '\n', left->n) : NULL;
  size_t n;

  if (!end)
    return NULL;
  n = (size_t) (end - start);
  left->p += n + 1;
  left->n -= n + 1;
  g_assert_null (memchr (start, '\0', n));
  return g_strndup (start, n > 0 && start[n - 1] == '\r' ? n - 1 : n);
}

/* What the lax origin minds of a head. */
typedef struct
{
  char *line, *host;
  unsigned n_hosts, n_lengths, n_codings, n_forwarded;
  uint64_t length;
} Lax;

static void
lax_clear (Lax *lax)
{
  g_free (lax->line);
  g_free (lax->host);
}

static void
note_field (Lax *lax, const char *name, const char *value)
{
  g_assert_cmpstr (name, !=, "upgrade");
  g_assert_cmpstr (name, !=, "http2-settings");
  g_assert_cmpstr (name, !=, "proxy-connection");
  if (strcmp (name, "connection") == 0)
    g_assert_cmpstr (value, ==, "TE");
  if (strcmp (name, "x-forwarded-for") == 0)
    {
      g_assert_cmpstr (value, ==, CLIENT);
      lax->n_forwarded++;
    }
  if (strcmp (name, "host") == 0)
    {
      lax->n_hosts++;
      g_free (lax->host);
      lax->host = g_strdup (value);
    }
  if (strcmp (name, "content-length") == 0)
    {
      lax->n_lengths++;
      lax->length = g_ascii_strtoull (value, NULL, 10);
    }
  lax->n_codings += strcmp (name, "transfer-encoding") == 0;
}

/* Up to the empty line; false: it is not all there. */
static bool
take_head (Left *left, Lax *lax)
{
  lax->line = take_line (left);
  for (;;)
    {
      g_autofree char *line = take_line (left);
      char *colon;

      if (!line)
        return false;
      if (line[0] == '\0')
        return true;
      g_assert_false (g_ascii_isspace (line[0]));
      colon = strchr (line, ':');
      g_assert_nonnull (colon);
      *colon = '\0';
      g_strdelimit (g_strchomp (line), "_.", '-');
      for (char *c = line; *c; c++)
        *c = g_ascii_tolower (*c);
      note_field (lax, line, g_strstrip (colon + 1));
    }
}

static bool
take_bytes (Left *left, uint64_t n, GByteArray *body)
{
  if (n > left->n)
    return false;
  g_byte_array_append (body, (const uint8_t *) left->p, (guint) n);
  left->p += n;
  left->n -= n;
  return true;
}

static bool
take_chunks (Left *left, GByteArray *body)
{
  for (;;)
    {
      g_autofree char *line = take_line (left), *behind = NULL;
      uint64_t n;

      if (!line)
        return false;
      n = g_ascii_strtoull (line, NULL, 16);
      if (n == 0)
        break;
      if (!take_bytes (left, n, body) || !(behind = take_line (left)))
        return false;
      g_assert_cmpstr (behind, ==, "");
    }
  for (;;)
    {
      g_autofree char *trailer = take_line (left);

      if (!trailer)
        return false;
      if (trailer[0] == '\0')
        return true;
      g_assert_nonnull (strchr (trailer, ':'));
    }
}

/* One request, compared with what was counted (nullable: none must be there). */
static bool
take_request (Left *left, const Counted *counted)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  g_auto (GStrv) words = NULL;
  Lax lax = { 0 };
  bool whole = take_head (left, &lax);

  if (whole)
    {
      g_assert_cmpuint (lax.n_hosts, ==, 1);
      g_assert_cmpuint (lax.n_forwarded, ==, 1);
      g_assert_cmpuint (lax.n_lengths + lax.n_codings, <=, 1);
      words = g_strsplit (lax.line, " ", -1);
      g_assert_cmpuint (g_strv_length (words), ==, 3);
      g_assert_cmpstr (words[2], ==, "HTTP/1.1");
      whole = lax.n_codings ? take_chunks (left, body) : take_bytes (left, lax.length, body);
    }
  g_assert_true (!whole || counted);
  if (whole)
    {
      g_assert_cmpstr (words[0], ==, counted->method);
      g_assert_true (words[1][0] == '/');
      g_assert_nonnull (strstr (lax.host, counted->host));
      g_assert_cmpuint (body->len, ==, counted->body->len);
      g_assert_true (body->len == 0 || memcmp (body->data, counted->body->data, body->len) == 0);
    }
  lax_clear (&lax);
  return whole;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static Workspace ws;
  static char *none[] = { NULL };
  static char empty[] = "";
  static const ConfigTarget target
      = { .base_path = empty, .request_field_names = none, .allowed_upgrades = none };
  Conn conn = { .address = CLIENT };
  Passage passage = { .ws = &ws,
                      .input = { .base.ops = &input_ops },
                      .output = { .base.ops = &output_ops, .bytes = g_byte_array_new () },
                      .counted = g_ptr_array_new_with_free_func (counted_free) };
  Left left;

  if (size > 1 && size < 65536)
    {
      passage.input.data = data + 1;
      passage.input.n = size - 1;
      passage.input.piece = data[0] % 64 == 0 ? size : data[0] % 64;
      while (pass_one (&passage, &conn, &target))
        ;
    }
  left = (Left){ (const char *) passage.output.bytes->data, passage.output.bytes->len };
  for (unsigned i = 0; i < passage.counted->len; i++)
    g_assert_true (take_request (&left, passage.counted->pdata[i]));
  if (left.n > 0)
    g_assert_false (take_request (&left, NULL));
  g_ptr_array_unref (passage.counted);
  g_byte_array_unref (passage.output.bytes);
  return 0;
}
