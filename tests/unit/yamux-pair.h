/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* For the tests of Yamux: two of our sessions joined by a socket pair (the opener is the server,
 * the other end runs a thread for each stream it accepts). */
#pragma once

#include "lib/lock.h"
#include "lib/stream-tcp.h"
#include "lib/yamux.h"

#include <glib.h>

/* Far more than anything here takes, so that a hang fails. */
#define WITHIN p2p_deadline_ms (20000)

/* What a test sees of one session. */
typedef struct
{
  P2pYamux *yamux; /* (referenced) */
  void (*serve) (
      P2pStream *take_strm); /* runs in a thread of its own for each accepted stream (nullable) */

  P2pMutex lock; /* of what follows */
  pthread_cond_t changed;
  const char *why; /* (static) (nullable) */
  bool ended, ours;
  int n_ended;
  int go_away_code; /* -1 */
  unsigned n_accepted, n_serving;
  P2pStream *kept[64]; /* accepted while serve is NULL (owned) */
} End;

typedef struct
{
  End server; /* opens */
  End client; /* accepts */
} Pair;

void end_start (End *end, P2pStream *take_transport, P2pYamuxOptions options);
/* Waits for ended (). */
void end_await (End *end);
/* Waits until n streams were accepted in all. */
void end_await_accepted (End *end, unsigned n);
/* Waits for the peer's GOAWAY, an orderly one. */
void end_await_going_away (End *end);
bool end_has_ended (End *end);
/* Waits until the session has n streams. */
void end_await_streams (End *end, unsigned n);
/* Closes what is kept, ends the session if need be, waits for all threads. */
void end_stop (End *end);

/* Whether pairs run over TLS; set before each test. */
extern bool pair_over_tls;

/* Both ends of a socket pair as streams, under TLS if so set. */
void transport_pair (P2pStream **ret_a, P2pStream **ret_b);
/* a: the server's transport. */
void pair_start_on (Pair *pair,
                    P2pStream *take_a,
                    P2pStream *take_b,
                    void (*serve) (P2pStream *take_strm),
                    P2pYamuxOptions options);
void pair_start (Pair *pair, void (*serve) (P2pStream *take_strm), P2pYamuxOptions options);
void pair_stop (Pair *pair);

typedef struct
{
  const char *name;
  void (*run) (void);
} PairTest;

/* Adds each as PATH/tcp/NAME and PATH/tls/NAME; the table is borrowed. */
void pair_add_tests (const char *path, const PairTest *tests, size_t n);

/* For serve: echoes until FIN; reads until FIN. */
void serve_echo (P2pStream *take_strm);
void serve_sink (P2pStream *take_strm);

P2pStream *must_open (End *end);
void must_write (P2pStream *strm, const void *bytes, size_t n);
/* Exactly n bytes. */
void must_read (P2pStream *strm, void *bytes, size_t n);
void must_read_eof (P2pStream *strm);
/* Writes a text of at most 64 bytes and reads it back. */
void must_echo_text (P2pStream *strm, const char *text);
/* A pattern that differs by stream and place. */
void fill_pattern (unsigned char *bytes, size_t n, uint64_t seed, uint64_t offset);
/* So many bytes of a pattern: another thread writes them to `from`, this one reads them from `to`,
 * which is the same stream when they are echoed. */
void transfer_pattern (P2pStream *from, P2pStream *to, uint64_t seed, size_t total);
