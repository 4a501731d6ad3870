/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Characters and field names of HTTP/1.1: the class of every byte and the id of every name that
 * somebody asks about. Constant tables; any thread. */
#include "lib/http1-priv.h"

#define T P2P_CHAR_TOKEN
#define V P2P_CHAR_TEXT
#define U P2P_CHAR_TARGET
#define H P2P_CHAR_HOST
#define A P2P_CHAR_ALIAS

const uint8_t p2p_char_class[256] = {
  ['\t'] = V,
  [' '] = V,
  ['!'] = T | V | U,
  ['"'] = V,
  ['#'] = T | V,
  ['$' ... '\''] = T | V | U,
  ['(' ... ')'] = V | U,
  ['*' ... '+'] = T | V | U,
  [','] = V | U,
  ['-'] = T | V | U | H,
  ['.'] = T | V | U | H | A,
  ['/'] = V | U,
  ['0' ... '9'] = T | V | U | H,
  [':' ... ';'] = V | U,
  ['<'] = V,
  ['='] = V | U,
  ['>'] = V,
  ['?' ... '@'] = V | U,
  ['A' ... 'Z'] = T | V | U | H,
  ['[' ... ']'] = V | U,
  ['^'] = T | V | U,
  ['_'] = T | V | U | H | A,
  ['`'] = T | V | U,
  ['a' ... 'z'] = T | V | U | H,
  ['{'] = V | U,
  ['|'] = T | V | U,
  ['}'] = V | U,
  ['~'] = T | V | U,
  [0x80 ... 0xff] = V,
};

#undef T
#undef V
#undef U
#undef H
#undef A

static const struct
{
  P2pSpan name;
  bool hop_by_hop;
} fields[P2P_FIELD_N] = {
#define P2P_HTTP1_FIELD(id, name, hop_by_hop)                                                      \
  [P2P_FIELD_##id] = { { name, sizeof (name) - 1 }, hop_by_hop },
#include "lib/http1-fields.inc"
#undef P2P_HTTP1_FIELD
};

/* Length, first and last letter tell all names of the table apart (a unit test holds it to that),
 * so that at most one comparison of bytes is made. The chain of comparisons below is one switch to
 * the compiler. */
#define KEY(n, first, last) ((uint32_t) (n) << 16 | (uint32_t) (first) << 8 | (uint32_t) (last))

/* In lower case: tchars only, and among those no two differ by this bit but letters. */
static inline unsigned char
fold (char c)
{
  return (unsigned char) c | 0x20;
}

P2pFieldId
p2p_http1_field_id (P2pSpan name)
{
  P2pFieldId id;
  uint32_t key;

  if (name.n < 2)
    return P2P_FIELD_OTHER;
  key = KEY (name.n, fold (name.p[0]), fold (name.p[name.n - 1]));
  if (key == 0)
    return P2P_FIELD_OTHER;
#define P2P_HTTP1_FIELD(field, text, hop_by_hop) \
  else if (key == KEY (sizeof (text) - 1, (text)[0], (text)[sizeof (text) - 2])) \
    id = P2P_FIELD_##field;
#include "lib/http1-fields.inc"
#undef P2P_HTTP1_FIELD
  else
    return P2P_FIELD_OTHER;

  for (size_t i = 1; i + 1 < name.n; i++)
    {
      if (fold (name.p[i]) != (unsigned char) fields[id].name.p[i])
        return P2P_FIELD_OTHER;
    }
  return id;
}

P2pSpan
p2p_http1_normalize_name (P2pSpan name, char *buf, size_t size)
{
  size_t n = name.n < size ? name.n : size;

  for (size_t i = 0; i < n; i++)
    buf[i] = p2p_char_is (name.p[i], P2P_CHAR_ALIAS) ? '-' : (char) fold (name.p[i]);
  return (P2pSpan){ buf, n };
}

P2pFieldId
p2p_http1_field_id_alias (P2pSpan name)
{
  char buf[32];

  if (name.n > sizeof buf)
    return P2P_FIELD_OTHER;
  return p2p_http1_field_id (p2p_http1_normalize_name (name, buf, sizeof buf));
}

bool
p2p_http1_field_is_forwarded (P2pSpan name)
{
  static const P2pSpan prefix = { "x-forwarded", sizeof "x-forwarded" - 1 };
  char buf[sizeof "x-forwarded-" - 1];
  P2pSpan start = p2p_http1_normalize_name (name, buf, sizeof buf);

  return p2p_span_has_prefix (start, prefix) && (start.n == prefix.n || start.p[prefix.n] == '-');
}

bool
p2p_http1_field_is_hop_by_hop (P2pFieldId id)
{
  return fields[id].hop_by_hop;
}

bool
p2p_http1_field_is_framing (P2pFieldId id)
{
  return id == P2P_FIELD_HOST || id == P2P_FIELD_CONTENT_LENGTH
         || id == P2P_FIELD_TRANSFER_ENCODING;
}
