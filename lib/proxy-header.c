/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The PROXY header, see proxy-header.h. Strict: what a sender must not write is refused, since a
 * receiver that guesses can be told another address. Section numbers are those of the specification
 * of 2020-03-05. */
#include "lib/proxy-header.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define V1_MAX 107 /* with CRLF: section 2.1 */
#define V2_HEAD 16
#define V2_VERSION 2
#define TLV_HEAD 3
#define TLV_CRC32C 0x03

enum
{
  COMMAND_LOCAL,
  COMMAND_PROXY,
};

enum
{
  FAMILY_UNSPEC,
  FAMILY_INET,
  FAMILY_INET6,
  FAMILY_UNIX,
  FAMILY_N,
};

enum
{
  TRANSPORT_UNSPEC,
  TRANSPORT_STREAM,
  TRANSPORT_DGRAM,
  TRANSPORT_N,
};

static const size_t address_sizes[FAMILY_N] = {
  [FAMILY_INET] = 12,
  [FAMILY_INET6] = 36,
  [FAMILY_UNIX] = 216,
};

static const char v1_start[6] = { 'P', 'R', 'O', 'X', 'Y', ' ' };
static const char v2_start[12]
    = { '\r', '\n', '\r', '\n', '\0', '\r', '\n', 'Q', 'U', 'I', 'T', '\n' };

static P2pProxyHeaderResult
bad (P2pProxyHeader *header, P2pSpan reason)
{
  header->reason_bad = reason;
  return P2P_PROXY_HEADER_BAD;
}

static bool
begins_like (P2pSpan data, const char *start, size_t n)
{
  return data.n == 0 || memcmp (data.p, start, data.n < n ? data.n : n) == 0;
}

/* --- version 1 -------------------------------------------------------------------------------- */

static bool
take_port (P2pSpan *line, uint16_t *ret_port)
{
  P2pSpan text = p2p_span_split (line, ' ');
  uint64_t port;

  if (text.n > 5 || (text.n > 1 && text.p[0] == '0') || !p2p_span_to_u64 (text, &port)
      || port > UINT16_MAX)
    return false;
  *ret_port = htons ((uint16_t) port);
  return true;
}

static bool
take_address (P2pSpan *line, int family, void *ret_address)
{
  P2pSpan text = p2p_span_split (line, ' ');
  char buf[INET6_ADDRSTRLEN];

  if (text.n == 0 || text.n >= sizeof buf)
    return false;
  memcpy (buf, text.p, text.n);
  buf[text.n] = '\0';
  return inet_pton (family, buf, ret_address) == 1;
}

/* "TCP4 source destination port port": one space between, nothing behind. */
static bool
parse_v1_line (P2pSpan line, struct sockaddr_storage *ret_source)
{
  P2pSpan protocol = p2p_span_split (&line, ' ');
  struct sockaddr_in in = { .sin_family = AF_INET };
  struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
  bool v6 = p2p_span_equal (protocol, P2P_SPAN ("TCP6"));
  struct in6_addr destination;
  uint16_t port, destination_port;

  if (p2p_span_equal (protocol, P2P_SPAN ("UNKNOWN")))
    return true; /* whatever follows is to be ignored */
  if (!v6 && !p2p_span_equal (protocol, P2P_SPAN ("TCP4")))
    return false;
  if (!take_address (&line, v6 ? AF_INET6 : AF_INET, v6 ? (void *) &in6.sin6_addr : &in.sin_addr)
      || !take_address (&line, v6 ? AF_INET6 : AF_INET, &destination) || !take_port (&line, &port)
      || !take_port (&line, &destination_port) || line.p)
    return false;
  in.sin_port = in6.sin6_port = port;
  memcpy (ret_source, v6 ? (void *) &in6 : &in, v6 ? sizeof in6 : sizeof in);
  return true;
}

static P2pProxyHeaderResult
parse_v1 (P2pSpan data, P2pProxyHeader *header)
{
  size_t n = data.n < V1_MAX ? data.n : V1_MAX;
  const char *end = memchr (data.p, '\r', n);

  if (!end && n == V1_MAX)
    return bad (header, P2P_SPAN ("a version 1 header of more than 107 bytes"));
  for (const char *at = data.p; at < (end ? end : data.p + n); at++)
    if ((unsigned char) *at < ' ')
      return bad (header, P2P_SPAN ("a control character in a version 1 header"));
  if (!end || end + 1 == data.p + n)
    return n < V1_MAX ? P2P_PROXY_HEADER_MORE
                      : bad (header, P2P_SPAN ("a version 1 header of more than 107 bytes"));
  if (end[1] != '\n')
    return bad (header, P2P_SPAN ("a CR without LF in a version 1 header"));
  header->size = (size_t) (end + 2 - data.p);
  data = (P2pSpan){ data.p + sizeof v1_start, header->size - sizeof v1_start - 2 };
  if (!parse_v1_line (data, &header->source))
    return bad (header, P2P_SPAN ("a malformed version 1 header"));
  return P2P_PROXY_HEADER_OK;
}

/* --- version 2 -------------------------------------------------------------------------------- */

static uint16_t
get_u16 (const char *p)
{
  return (uint16_t) ((uint8_t) p[0] << 8 | (uint8_t) p[1]);
}

/* RFC 3720 appendix B.4, bit by bit: few headers carry one. The four bytes at zeroed count as zero.
 */
static uint32_t
crc32c (P2pSpan data, const char *zeroed)
{
  uint32_t crc = UINT32_MAX;

  for (size_t i = 0; i < data.n; i++)
    {
      const char *at = data.p + i;

      crc ^= at >= zeroed && at < zeroed + 4 ? 0 : (uint8_t) *at;
      for (unsigned bit = 0; bit < 8; bit++)
        crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    }
  return ~crc;
}

/* Section 2.2: they are skipped, but must fill the header to its end, and a checksum must be right.
 */
static bool
check_tlvs (P2pSpan whole, size_t at)
{
  while (at < whole.n)
    {
      const char *tlv = whole.p + at;
      size_t n;

      if (whole.n - at < TLV_HEAD)
        return false;
      n = get_u16 (tlv + 1);
      if (whole.n - at - TLV_HEAD < n)
        return false;
      if (*tlv == TLV_CRC32C)
        {
          uint32_t sum;

          if (n != sizeof sum)
            return false;
          memcpy (&sum, tlv + TLV_HEAD, sizeof sum);
          if (ntohl (sum) != crc32c (whole, tlv + TLV_HEAD))
            return false;
        }
      at += TLV_HEAD + n;
    }
  return true;
}

static void
take_source (const char *block, unsigned family, struct sockaddr_storage *ret_source)
{
  struct sockaddr_in *in = (struct sockaddr_in *) ret_source;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) ret_source;

  if (family == FAMILY_INET)
    {
      in->sin_family = AF_INET;
      memcpy (&in->sin_addr, block, 4);
      memcpy (&in->sin_port, block + 8, 2);
    }
  else if (family == FAMILY_INET6)
    {
      in6->sin6_family = AF_INET6;
      memcpy (&in6->sin6_addr, block, 16);
      memcpy (&in6->sin6_port, block + 32, 2);
    }
}

/* As much as can be told from the fixed part, however much of it is here. */
static P2pSpan
judge_v2_head (P2pSpan data)
{
  if (data.n > 12
      && ((uint8_t) data.p[12] >> 4 != V2_VERSION || (data.p[12] & 0x0f) > COMMAND_PROXY))
    return P2P_SPAN ("a version 2 header of another version or with an unknown command");
  if (data.n > 13 && ((uint8_t) data.p[13] >> 4 >= FAMILY_N || (data.p[13] & 0x0f) >= TRANSPORT_N))
    return P2P_SPAN ("a version 2 header of an unknown family or transport");
  if (data.n >= V2_HEAD && get_u16 (data.p + 14) > P2P_PROXY_HEADER_MAX - V2_HEAD)
    return P2P_SPAN ("a version 2 header of more than 4096 bytes");
  return P2P_SPAN_NONE;
}

static P2pProxyHeaderResult
parse_v2 (P2pSpan data, P2pProxyHeader *header)
{
  P2pSpan reason = judge_v2_head (data);
  unsigned family, transport;

  if (reason.n > 0)
    return bad (header, reason);
  if (data.n < V2_HEAD || data.n - V2_HEAD < get_u16 (data.p + 14))
    return P2P_PROXY_HEADER_MORE;
  header->size = V2_HEAD + get_u16 (data.p + 14);
  if ((data.p[12] & 0x0f) == COMMAND_LOCAL)
    return P2P_PROXY_HEADER_OK; /* all that follows is to be discarded */
  data.n = header->size;
  family = (uint8_t) data.p[13] >> 4;
  transport = data.p[13] & 0x0f;
  if (data.n - V2_HEAD < address_sizes[family])
    return bad (header, P2P_SPAN ("a version 2 header that is shorter than its addresses"));
  /* Without a family nothing says where the addresses end. */
  if (family != FAMILY_UNSPEC && !check_tlvs (data, V2_HEAD + address_sizes[family]))
    return bad (header, P2P_SPAN ("a version 2 header with malformed fields or a wrong checksum"));
  if (transport == TRANSPORT_STREAM)
    take_source (data.p + V2_HEAD, family, &header->source);
  return P2P_PROXY_HEADER_OK;
}

P2pProxyHeaderResult
p2p_proxy_header_parse (P2pSpan data, unsigned versions, P2pProxyHeader *ret_header)
{
  bool v1 = (versions & P2P_PROXY_HEADER_V1) && begins_like (data, v1_start, sizeof v1_start);
  bool v2 = (versions & P2P_PROXY_HEADER_V2) && begins_like (data, v2_start, sizeof v2_start);

  *ret_header = (P2pProxyHeader){ .source.ss_family = AF_UNSPEC };
  if (!v1 && !v2)
    return bad (ret_header, P2P_SPAN ("no PROXY header of an accepted version"));
  if (data.n < (v1 ? sizeof v1_start : sizeof v2_start))
    return P2P_PROXY_HEADER_MORE;
  return v1 ? parse_v1 (data, ret_header) : parse_v2 (data, ret_header);
}
