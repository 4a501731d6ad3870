/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Networks of addresses: "10.0.0.0/8", "fd00::/8", or one address. Pure functions; any thread. */
#pragma once

#include "lib/span.h"

/* IPv4 networks are kept as ::ffff:0:0/96 maps them, so that there is one kind to compare. */
typedef struct
{
  uint8_t address[16]; /* zero behind the first bits */
  unsigned bits;       /* 0..128 */
} P2pCidr;

/* An address with or without "/bits"; bits set behind the prefix are cleared. */
bool p2p_cidr_parse (P2pSpan text, P2pCidr *ret_cidr);
bool p2p_cidr_contains (const P2pCidr *cidr, const uint8_t address[16]);
