/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the files of the HTTP/1.1 parser share: character classes, the scan for the next control
 * character, the look-up of field names. No state; any thread. */
#pragma once

#include "lib/http1.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum
{
  P2P_CHAR_TOKEN = 1 << 0,  /* tchar, RFC 9110 section 5.6.2 */
  P2P_CHAR_TEXT = 1 << 1,   /* SP, HTAB, VCHAR, obs-text: what a field value may hold */
  P2P_CHAR_TARGET = 1 << 2, /* request target: visible ASCII but for '"', '#', '<' and '>' */
  P2P_CHAR_HOST = 1 << 3,   /* letters, digits, '-', '.', '_' */
  P2P_CHAR_ALIAS = 1 << 4,  /* '_' and '.': some origins read them as '-' in a field name */
};

extern const uint8_t p2p_char_class[256];

static inline bool
p2p_char_is (char c, unsigned classes)
{
  return (p2p_char_class[(unsigned char) c] & classes) != 0;
}

/* The first byte in [p, end) that is no text: a control character other than HTAB, or DEL. */
static inline const char *
p2p_http1_skip_text (const char *p, const char *end)
{
#ifdef __SSE2__
  const __m128i tab = _mm_set1_epi8 (0x09), del = _mm_set1_epi8 (0x7f), low = _mm_set1_epi8 (0x1f);

  for (; end - p >= 16; p += 16)
    {
      __m128i bytes = _mm_loadu_si128 ((const __m128i *) p);
      /* Unsigned bytes <= 0x1f: those that the minimum with 0x1f leaves alone. */
      __m128i control = _mm_cmpeq_epi8 (_mm_min_epu8 (bytes, low), bytes);
      int found;

      control = _mm_andnot_si128 (_mm_cmpeq_epi8 (bytes, tab), control);
      control = _mm_or_si128 (control, _mm_cmpeq_epi8 (bytes, del));
      found = _mm_movemask_epi8 (control);
      if (found)
        return p + __builtin_ctz ((unsigned) found);
    }
#endif
  while (p < end && p2p_char_is (*p, P2P_CHAR_TEXT))
    p++;
  return p;
}

/* The id of a field name made of tchars, P2P_FIELD_OTHER when the table does not have it. */
P2pFieldId p2p_http1_field_id (P2pSpan name);
/* The same for the name as an origin may read it, with '_' and '.' taken for '-'. */
P2pFieldId p2p_http1_field_id_alias (P2pSpan name);
/* "x-forwarded" and "x-forwarded-…" in any case, '_' and '.' taken for '-'. */
bool p2p_http1_field_is_forwarded (P2pSpan name);
bool p2p_http1_field_is_hop_by_hop (P2pFieldId id);
/* Host, Content-Length, Transfer-Encoding. */
bool p2p_http1_field_is_framing (P2pFieldId id);
/* At most size bytes of the name in buf, in lower case with '-' for '_' and '.': what some origins
 * make of it. */
P2pSpan p2p_http1_normalize_name (P2pSpan name, char *buf, size_t size);

/* Takes back what a message said before; fields are written as they come and never zeroed as a
 * whole. */
void p2p_http1_message_init (P2pMessage *msg);
/* BAD, and which rule was broken. */
P2pHttp1 p2p_http1_bad (P2pMessage *msg, P2pSpan reason);
/* "HTTP/1.x" at p: OK and *ret_minor, VERSION for another HTTP version, BAD. */
P2pHttp1 p2p_http1_parse_version (const char *p, const char *end, unsigned *ret_minor);
/* Field lines from p to end, the empty line included; then what they say together: Connection,
 * Content-Length and Transfer-Encoding. msg->minor must be set. */
P2pHttp1 p2p_http1_parse_fields (P2pMessage *msg, const char *p, const char *end);

/* host [":" port], lower-cased in place, to head->host, address and port; false when it is no host
 * that one can route by. */
bool p2p_http1_parse_host (char *p, size_t n, P2pRequestHead *head);
