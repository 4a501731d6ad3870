/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Yamux, hashicorp's spec.md version 0, over any stream: one session of many streams.
 *
 * A session has one reader thread, its own, which owns the receive half. Senders take turns at the send turn, in
 * order of arrival, one frame each. See doc/architecture.md for which lock guards what. */
#pragma once

#include "lib/stream.h"

#include <glib.h>

typedef struct P2pYamux P2pYamux;

typedef enum
{
  P2P_YAMUX_CLIENT, /* odd stream ids: the agent */
  P2P_YAMUX_SERVER, /* even stream ids: the daemon */
} P2pYamuxRole;

typedef struct P2pYamuxOptions P2pYamuxOptions;
struct P2pYamuxOptions
{
  P2pYamuxRole role;
  const char *name;          /* (copied) for logs and the thread's name */
  unsigned max_streams;      /* AGENT_MAX_STREAMS */
  unsigned accept_backlog;   /* 256; 0: every SYN from the peer is answered by RST */
  int64_t ping_interval_ms;  /* 20 000 */
  int64_t dead_after_ms;     /* 10 000: no byte after a ping, or no byte taken by the transport */
  /* A stream that the peer opened, already acknowledged: takes it over. Called on the reader thread; must not block: it
   * makes a task of it. (nullable with accept_backlog 0) */
  void (*accepted) (P2pYamux *yamux, P2pStream *take_strm, void *data);
  /* The session is over (once, on the reader thread, as its last deed but for its own end). why is static text,
   * ours tells whether we ended it. */
  void (*ended) (P2pYamux *yamux, const char *why, bool ours, void *data);
  /* The peer sent GOAWAY: it opens and accepts nothing more. (nullable) On the reader thread. */
  void (*going_away) (P2pYamux *yamux, uint32_t code, void *data);
  void *data;
};

/* Takes over the transport (also on failure) and starts the reader thread. Reference counted: the streams hold
 * references of their own, so a session outlives the last of them. */
P2pYamux *p2p_yamux_new (P2pStream *take_transport, const P2pYamuxOptions *options, GError **error);
P2pYamux *p2p_yamux_ref (P2pYamux *yamux);
void p2p_yamux_unref (P2pYamux *yamux);

/* Opens a stream: sends SYN; waits, to the deadline, only while 256 streams are unacknowledged.
 * P2P_IO_OVERFLOW: max_streams. P2P_IO_STOPPED: going away or over. P2P_IO_TIMEOUT. */
P2pIo p2p_yamux_open (P2pYamux *yamux, int64_t deadline_us, P2pStream **ret_strm);

/* Whether a stream of this session was reset by the peer before it acknowledged it: it was never seen and may be
 * tried elsewhere. */
bool p2p_yamux_stream_unseen (P2pStream *strm);

/* GOAWAY 0: opens and accepts nothing more; streams go on. Does not block. */
void p2p_yamux_go_away (P2pYamux *yamux);
/* Ends the session now: every stream becomes P2P_IO_RESET and its bell rings. Does not block; ended () follows. */
void p2p_yamux_close (P2pYamux *yamux, const char *why);
/* Waits until the reader thread has ended, joins it. After p2p_yamux_close (); not on the reader thread. */
void p2p_yamux_join (P2pYamux *yamux);

typedef struct
{
  uint64_t bytes_in, bytes_out, resets;
  unsigned streams;
  int64_t round_trip_us; /* the last ping's; -1: none yet */
  int64_t last_byte_us;  /* monotonic, when the peer's last byte came */
  uint64_t window_bytes, queued_bytes;
} P2pYamuxStats;
P2pYamuxStats p2p_yamux_get_stats (P2pYamux *yamux);
bool p2p_yamux_is_open (P2pYamux *yamux); /* new streams may be opened */
