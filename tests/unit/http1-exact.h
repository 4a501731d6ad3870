/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Heads for the tests of the HTTP/1.1 parser: searched at once and one byte at a time, always in
 * blocks of their exact size, so that a byte read beyond shows under ASan. */
#pragma once

#include "lib/http1.h"

#include <glib.h>

/* What most of the heads are made of. */
#define H "Host: a\r\n"
#define LINE "GET / HTTP/1.1\r\n"

static inline P2pHttp1
exact_find_end (const char *bytes, size_t n, size_t *scanned, size_t *ret_size)
{
  char *exact = g_malloc (n + (n == 0));
  P2pHttp1 result;

  /* A block of one byte for none: g_malloc (0) is NULL. */
  memcpy (exact, bytes, n);
  result = p2p_http1_find_end (exact, n, scanned, ret_size);
  g_assert_cmpuint (*scanned, <=, n);
  g_free (exact);
  return result;
}

/* The head of wire: its size, 0 while it is not complete or when it is BAD. */
static inline P2pHttp1
exact_head (P2pSpan wire, size_t *ret_size)
{
  size_t scanned = 0, scanned_slowly = 0, size = 0, size_slowly = 0;
  P2pHttp1 result = exact_find_end (wire.p, wire.n, &scanned, &size);
  P2pHttp1 slowly = P2P_HTTP1_MORE;

  for (size_t n = 0; n <= wire.n && slowly == P2P_HTTP1_MORE; n++)
    slowly = exact_find_end (wire.p, n, &scanned_slowly, &size_slowly);
  g_assert_cmpint (result, ==, slowly);
  g_assert_cmpuint (size, ==, size_slowly);
  *ret_size = size;
  return result;
}

/* Where the bytes of a head came from, for the caller to free with g_free (). */
static inline P2pHttp1
exact_request (P2pSpan wire, P2pRequestHead *head, char **ret_block)
{
  size_t size;
  P2pHttp1 result = exact_head (wire, &size);

  head->msg.reason_bad = P2P_SPAN ("found by p2p_http1_find_end ()");
  *ret_block = NULL;
  if (result != P2P_HTTP1_OK)
    return result;
  *ret_block = g_memdup2 (wire.p, size);
  return p2p_http1_parse_request (*ret_block, size, head);
}

static inline P2pHttp1
exact_response (P2pSpan wire, P2pMethod method, P2pResponseHead *head, char **ret_block)
{
  size_t size;
  P2pHttp1 result = exact_head (wire, &size);

  head->msg.reason_bad = P2P_SPAN ("found by p2p_http1_find_end ()");
  *ret_block = NULL;
  if (result != P2P_HTTP1_OK)
    return result;
  *ret_block = g_memdup2 (wire.p, size);
  return p2p_http1_parse_response (*ret_block, size, method, head);
}
