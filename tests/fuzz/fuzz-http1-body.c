/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Chunked bodies: however the bytes are cut, the same content, the same end. The first byte says
 * where. */
#include "tests/fuzz/fuzz.h"

#include "lib/http1.h"

#include <glib.h>

typedef struct
{
  P2pHttp1 result;
  size_t used;
  GByteArray *content;
  char trailers[256];
  size_t n_trailers;
} Outcome;

/* Pieces of step bytes; up to the end, a fault or the last byte. */
static void
run (const uint8_t *data, size_t size, size_t step, Outcome *out)
{
  P2pTrailers trailers = { .buf = out->trailers, .size = sizeof out->trailers };
  P2pBody body;
  size_t piece_end = 0;

  out->used = 0;
  out->result = P2P_HTTP1_MORE;
  out->content = g_byte_array_new ();
  p2p_body_init (&body, P2P_BODY_CHUNKED, 0);
  while (!body.finished && (out->result == P2P_HTTP1_OK || out->used < size))
    {
      P2pSpan content;
      size_t used = 0;

      if (out->used == piece_end)
        piece_end = MIN (size, piece_end + step);
      out->result = p2p_body_feed (
          &body, (P2pSpan){ (const char *) data + out->used, piece_end - out->used }, &content,
          &used, &trailers);
      if (out->result == P2P_HTTP1_BAD || out->result == P2P_HTTP1_TOO_LARGE)
        break;
      g_assert_true (used > 0 || out->used == size);
      if (content.n > 0)
        g_byte_array_append (out->content, (const uint8_t *) content.p, (guint) content.n);
      out->used += used;
    }
  out->n_trailers = trailers.n;
  g_assert_true (!body.finished || body.total == out->content->len);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const size_t steps[] = { 1, size > 0 ? data[0] % 64 + 2 : 1, size };
  Outcome *outcomes = g_new0 (Outcome, G_N_ELEMENTS (steps));

  for (size_t i = 0; i < G_N_ELEMENTS (steps) && size > 1; i++)
    {
      const Outcome *first = &outcomes[0];
      Outcome *out = &outcomes[i];

      run (data + 1, size - 1, steps[i], out);
      g_assert_cmpint (out->result, ==, first->result);
      if (out->result == P2P_HTTP1_OK || out->result == P2P_HTTP1_MORE)
        {
          g_assert_cmpmem (out->content->data, out->content->len, first->content->data,
                           first->content->len);
          g_assert_cmpmem (out->trailers, out->n_trailers, first->trailers, first->n_trailers);
          g_assert_cmpuint (out->used, ==, first->used);
        }
    }
  for (size_t i = 0; i < G_N_ELEMENTS (steps) && size > 1; i++)
    g_byte_array_unref (outcomes[i].content);
  g_free (outcomes);
  return 0;
}
