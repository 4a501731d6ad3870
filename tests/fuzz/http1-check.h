/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What holds for every head that the HTTP/1.1 parser accepts, checked by the plainest means. */
#pragma once

#include "lib/http1.h"

#include <glib.h>

static inline void
check_inside (P2pSpan span, const char *buf, size_t size)
{
  if (span.n > 0)
    g_assert_true (span.p >= buf && span.p + span.n <= buf + size);
}

/* Searches at once and byte by byte; whether there is a head. */
static inline bool
check_find_end (const uint8_t *data, size_t size, size_t *ret_size)
{
  size_t scanned = 0, scanned_slowly = 0, head_size = 0, slow_size = 0;
  P2pHttp1 result = p2p_http1_find_end ((const char *) data, size, &scanned, &head_size);
  P2pHttp1 slowly = P2P_HTTP1_MORE;

  for (size_t n = 0; n <= size && slowly == P2P_HTTP1_MORE; n++)
    slowly = p2p_http1_find_end ((const char *) data, n, &scanned_slowly, &slow_size);
  g_assert_cmpint (result, ==, slowly);
  g_assert_cmpuint (head_size, ==, slow_size);
  g_assert_true (result == P2P_HTTP1_OK || result == P2P_HTTP1_MORE || result == P2P_HTTP1_BAD);
  *ret_size = head_size;
  return result == P2P_HTTP1_OK;
}

static inline unsigned
count_fields (const P2pMessage *msg, P2pFieldId id)
{
  unsigned n = 0;

  for (unsigned i = 0; i < msg->n_fields; i++)
    n += msg->fields[i].id == id;
  return n;
}

/* The lines of a head as received, its first line first. */
static inline void
check_message (const P2pMessage *msg, const char *head, size_t size)
{
  g_autofree char *text = g_strndup (head, size);
  g_auto (GStrv) lines = NULL;
  unsigned n_lengths = count_fields (msg, P2P_FIELD_CONTENT_LENGTH);
  unsigned n_codings = count_fields (msg, P2P_FIELD_TRANSFER_ENCODING);

  g_assert_cmpuint (strlen (text), ==, size);
  for (size_t i = 0; i < size; i++)
    {
      g_assert_true (head[i] != '\n' || (i > 0 && head[i - 1] == '\r'));
      g_assert_true (head[i] != '\r' || (i + 1 < size && head[i + 1] == '\n'));
    }
  lines = g_strsplit (text, "\r\n", -1);
  /* The first line, the fields, the empty line and what is behind it: nothing. */
  g_assert_cmpuint (g_strv_length (lines), ==, msg->n_fields + 3);
  for (unsigned i = 0; i < msg->n_fields; i++)
    {
      const char *line = lines[i + 1];
      const char *colon = strchr (line, ':');

      g_assert_nonnull (colon);
      g_assert_true (
          p2p_span_equal (msg->fields[i].name, (P2pSpan){ line, (size_t) (colon - line) }));
      g_assert_false (g_ascii_isspace (line[0]) || g_ascii_isspace (colon[-1]));
    }
  g_assert_cmpuint (n_lengths + n_codings, <=, 1);
  g_assert_true (msg->body != P2P_BODY_CHUNKED || n_codings == 1);
  g_assert_true (msg->body != P2P_BODY_LENGTH || n_lengths == 1);
  g_assert_cmpint (msg->has_content_length, ==, n_lengths == 1);
}
