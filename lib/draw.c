/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Xorshift (Marsaglia 2003), a state a thread. See draw.h. */
#include "lib/draw.h"

#include <gnutls/crypto.h>

uint64_t
p2p_draw (uint64_t n)
{
  static _Thread_local uint64_t state;

  while (state == 0)
    gnutls_rnd (GNUTLS_RND_NONCE, &state, sizeof state);
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (state >> 11) % n;
}
