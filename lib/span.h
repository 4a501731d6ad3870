/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Span: text as pointer and length, passed by value. It owns nothing and ends nowhere with a NUL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct
{
  const char *p; /* (borrowed) (nullable: n == 0) */
  size_t n;      /* bytes */
} P2pSpan;

#define P2P_SPAN(literal) ((P2pSpan){ "" literal, sizeof (literal) - 1 })
#define P2P_SPAN_NONE ((P2pSpan){ NULL, 0 })
/* For printf's "%.*s". */
#define P2P_SPAN_ARG(span) (int) (span).n, (span).p

static inline P2pSpan
p2p_span_from_string (const char *text)
{
  return (P2pSpan){ text, text ? strlen (text) : 0 };
}

static inline bool
p2p_span_equal (P2pSpan a, P2pSpan b)
{
  return a.n == b.n && (a.n == 0 || memcmp (a.p, b.p, a.n) == 0);
}

/* ASCII case is ignored, whatever the locale. */
bool p2p_span_equal_nocase (P2pSpan a, P2pSpan b);
bool p2p_span_has_prefix (P2pSpan span, P2pSpan prefix);
bool p2p_span_has_suffix (P2pSpan span, P2pSpan suffix);

/* Without the spaces and tabs at both ends (OWS of RFC 9110 section 5.6.3). */
P2pSpan p2p_span_trim (P2pSpan span);

/* Cuts *rest at the first separator: returns what stands before it, *rest keeps what follows.
 * Without a separator returns all and *rest becomes P2P_SPAN_NONE. */
P2pSpan p2p_span_split (P2pSpan *rest, char separator);

/* Decimal digits only, no sign, no space, at least one digit, no overflow. */
bool p2p_span_to_u64 (P2pSpan span, uint64_t *ret_value);

/* Free with g_free (). */
char *p2p_span_dup (P2pSpan span);
