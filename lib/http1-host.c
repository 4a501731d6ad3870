/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The one canonical host of a request, from Host or the target's authority: a name of letters,
 * digits, hyphens and underscores, or an address. User information, percent signs, zones and raw
 * UTF-8 are refused: each has been read differently by two programs in a row. No state; any thread.
 */
#include "lib/http1-priv.h"

#include <arpa/inet.h>

#define NAME_MAX_BYTES 253
#define LABEL_MAX_BYTES 63

static void
lower (char *p, size_t n)
{
  for (size_t i = 0; i < n; i++)
    {
      if (p[i] >= 'A' && p[i] <= 'Z')
        p[i] = (char) (p[i] + ('a' - 'A'));
    }
}

/* An address has many spellings: it goes to ret_text in the one that inet_ntop () writes. */
static bool
copy_ipv6 (const char *p, size_t n, char ret_text[INET6_ADDRSTRLEN])
{
  char text[INET6_ADDRSTRLEN];
  struct in6_addr address;

  /* inet_pton () stops at a NUL: none can be in a field value or target. */
  if (n >= sizeof text)
    return false;
  memcpy (text, p, n);
  text[n] = '\0';
  return inet_pton (AF_INET6, text, &address) == 1
         && inet_ntop (AF_INET6, &address, ret_text, INET6_ADDRSTRLEN);
}

/* Labels of 1 to 63 bytes, one dot at the end not counted (RFC 1035 section 2.3.4). */
static bool
is_name (const char *p, size_t n)
{
  size_t label = 0;

  if (n == 0 || n > NAME_MAX_BYTES)
    return false;
  for (size_t i = 0; i < n; i++)
    {
      if (p[i] == '.')
        {
          if (label == 0)
            return false;
          label = 0;
        }
      else if (++label > LABEL_MAX_BYTES)
        return false;
    }
  return label > 0;
}

/* ":" 1*5DIGIT without leading zeros, or nothing. RFC 3986 lets the digits be missing; no client
 * leaves them out. */
static bool
parse_port (const char *p, size_t n, uint16_t *ret_port)
{
  uint64_t port;

  *ret_port = 0;
  if (n == 0)
    return true;
  if (p[0] != ':' || n < 2 || n > 6 || p[1] == '0')
    return false;
  if (!p2p_span_to_u64 ((P2pSpan){ p + 1, n - 1 }, &port) || port > UINT16_MAX)
    return false;
  *ret_port = (uint16_t) port;
  return true;
}

bool
p2p_http1_parse_host (char *p, size_t n, P2pRequestHead *head)
{
  size_t i = 0, host_n;

  if (n > 0 && p[0] == '[')
    {
      const char *close = memchr (p, ']', n);

      if (!close || !copy_ipv6 (p + 1, (size_t) (close - p) - 1, head->address))
        return false;
      host_n = (size_t) (close - p) - 1;
      lower (p + 1, host_n);
      head->host = p2p_span_from_string (head->address);
      return parse_port (close + 1, n - host_n - 2, &head->port);
    }
  while (i < n && p2p_char_is (p[i], P2P_CHAR_HOST))
    i++;
  host_n = i > 0 && p[i - 1] == '.' ? i - 1 : i;
  if (!is_name (p, host_n))
    return false;
  lower (p, host_n);
  head->host = (P2pSpan){ p, host_n };
  return parse_port (p + i, n - i, &head->port);
}
