/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Networks of addresses, see cidr.h. */
#include "lib/cidr.h"

#include <arpa/inet.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool
p2p_cidr_parse (P2pSpan text, P2pCidr *ret_cidr)
{
  P2pSpan host = p2p_span_split (&text, '/');
  char buf[INET6_ADDRSTRLEN];
  P2pCidr cidr = { .bits = 128 };
  uint64_t bits;
  bool v4;

  if (host.n >= sizeof buf || memchr (host.p ? host.p : "", '\0', host.n))
    return false;
  memcpy (buf, host.p ? host.p : "", host.n);
  buf[host.n] = '\0';
  v4 = inet_pton (AF_INET, buf, cidr.address + 12) == 1;
  if (v4)
    memcpy (cidr.address, mapped, sizeof mapped);
  else if (inet_pton (AF_INET6, buf, cidr.address) != 1)
    return false;
  if (text.p)
    {
      if (text.n > 3 || !p2p_span_to_u64 (text, &bits) || bits > (v4 ? 32 : 128))
        return false;
      cidr.bits = (unsigned) bits + (v4 ? 96 : 0);
    }
  for (unsigned bit = cidr.bits; bit < 128; bit++)
    cidr.address[bit / 8] &= (uint8_t) ~(0x80 >> (bit % 8));
  *ret_cidr = cidr;
  return true;
}

bool
p2p_cidr_contains (const P2pCidr *cidr, const uint8_t address[16])
{
  unsigned whole = cidr->bits / 8, rest = cidr->bits % 8;

  return memcmp (cidr->address, address, whole) == 0
         && (rest == 0 || ((cidr->address[whole] ^ address[whole]) & (0xff00 >> rest) & 0xff) == 0);
}
