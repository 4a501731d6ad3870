/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Connected pairs of streams, one row for each back end, so that a test can be run over all of
 * them. */
#pragma once

#include "lib/stream.h"

#include <stdbool.h>

typedef struct
{
  const char *name;
  /* Connects a to b; asserts that it works. */
  void (*make) (P2pStream **ret_a, P2pStream **ret_b);
  bool two_threads; /* one may read while another writes */
} StreamPairs;

/* Ended by a row without a name. */
extern const StreamPairs stream_pairs[];

/* Either may be NULL. */
void stream_pair_close (P2pStream *a, P2pStream *b);

void stream_pair_tcp (P2pStream **ret_a, P2pStream **ret_b);
void stream_pair_memory (P2pStream **ret_a, P2pStream **ret_b);
void stream_pair_tls (P2pStream **ret_a, P2pStream **ret_b);
/* For one thread at a time, as the TLS pairs. */
void stream_pair_yamux (P2pStream **ret_a, P2pStream **ret_b);
