/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Yamux, hashicorp's spec.md version 0, over any stream: one session of many streams.
 *
 * A session has one reader thread, its own, which owns the receive half. Senders take turns, in
 * order of arrival, one frame each. Any thread may call what stands here, unless said.
 * lib/yamux-priv.h says which lock guards what. */
#pragma once

#include "lib/stream.h"

#include <glib.h>

typedef struct P2pYamux P2pYamux;

typedef enum
{
  P2P_YAMUX_CLIENT, /* odd stream ids: the agent */
  P2P_YAMUX_SERVER, /* even stream ids: the daemon */
} P2pYamuxRole;

/* What the receive sides of all sessions that share it may hold together (TUNNEL_MEMORY_MAX).
 * Windows grow by half of it in all; when what is held passes the whole, of the session that holds
 * most the streams that hold most and whose readers stood still longest are reset (they read
 * P2P_IO_OVERFLOW), one at a time; also those that the peer has ended, and of a session that is
 * over. Reference counted: each session holds one. */
typedef struct P2pYamuxBudget P2pYamuxBudget;
P2pYamuxBudget *p2p_yamux_budget_new (uint64_t memory_max);
P2pYamuxBudget *p2p_yamux_budget_ref (P2pYamuxBudget *budget);
void p2p_yamux_budget_unref (P2pYamuxBudget *budget);
/* Bytes held now. */
uint64_t p2p_yamux_budget_held (P2pYamuxBudget *budget);
/* Bytes of window given beyond the initial windows. */
uint64_t p2p_yamux_budget_growth (P2pYamuxBudget *budget);

typedef struct P2pYamuxOptions P2pYamuxOptions;
struct P2pYamuxOptions
{
  P2pYamuxRole role;
  const char *name;         /* (copied) for the thread's name */
  unsigned max_streams;     /* AGENT_MAX_STREAMS; 0: 4096 */
  unsigned accept_backlog;  /* 256: streams that nobody has touched since accepted (); 0: every SYN
                             * from the peer is answered by RST */
  int64_t ping_interval_ms; /* 0: 20 000 */
  int64_t dead_after_ms;    /* no byte after a ping, or no byte taken by the transport; 0: 10 000 */
  int64_t linger_ms; /* how long a closed stream waits, from its own FIN, for the peer's before RST;
                      * 0: 30 000 */
  /* Whether the peer goes on sending after our FIN. If not (all of version 1 so far: hashicorp's
   * known users end both directions at the first FIN), p2p_stream_shutdown () only notes that
   * nothing more is written; FIN is sent once the peer's FIN has come, or at p2p_stream_close ().
   */
  bool peer_half_close;
  P2pYamuxBudget *budget; /* (referenced) (nullable: windows do not grow, no limit in common) */
  /* A stream that the peer opened, already acknowledged: takes it over. Called on the reader
   * thread; must not block: it makes a task of it. (nullable with accept_backlog 0) */
  void (*accepted) (P2pYamux *yamux, P2pStream *take_strm, void *data);
  /* The session is over (once, on the reader thread, as its last deed but for its own end). why is
   * static text, ours tells whether we ended it. */
  void (*ended) (P2pYamux *yamux, const char *why, bool ours, void *data);
  /* The peer sent GOAWAY: it opens and accepts nothing more. (nullable) On the reader thread. */
  void (*going_away) (P2pYamux *yamux, uint32_t code, void *data);
  void *data;
};

/* Takes over the transport (also on failure) and starts the reader thread. Reference counted: the
 * streams hold references of their own, so a session outlives the last of them. */
P2pYamux *p2p_yamux_new (P2pStream *take_transport, const P2pYamuxOptions *options, GError **error);
P2pYamux *p2p_yamux_ref (P2pYamux *yamux);
void p2p_yamux_unref (P2pYamux *yamux);

/* Opens a stream; waits, to the deadline, only while 256 streams are unacknowledged. SYN leaves
 * together with the first bytes, or when the stream is first read or waited for: one record and one
 * system call for both. P2P_IO_OVERFLOW: max_streams. P2P_IO_STOPPED: going away or over.
 * P2P_IO_TIMEOUT (P2P_TRY: P2P_IO_AGAIN). P2P_IO_REFUSED, at once: the peer has refused streams
 * lately, and as many as it may be asked for now are under way; elsewhere, or a little later.
 *
 * As a stream: what writev () took is with the session and is sent even if the stream is closed
 * then, so flush never has anything to do. A close with unread bytes, or after p2p_stream_reset (),
 * sends RST. Reads answer P2P_IO_REFUSED after a reset before the ACK, P2P_IO_OVERFLOW after a
 * reset for the memory budget. */
P2pIo p2p_yamux_open (P2pYamux *yamux, int64_t deadline_us, P2pStream **ret_strm);

/* Whether a stream that we opened was reset by the peer before it acknowledged it, or its SYN never
 * left: nobody saw it and it may be tried elsewhere. */
bool p2p_yamux_stream_unseen (P2pStream *strm);

/* Whether either side of its session has sent GOAWAY: the stream goes on, but what could as well
 * use another session should. Any thread; no lock. */
bool p2p_yamux_stream_leaving (P2pStream *strm);

/* For bytes that are expected at once: true when the stream has some, or its end, before the
 * deadline (never P2P_FOREVER). False at once, and nothing was waited for, when others wait in the
 * session as well, it has ended, or it accepts streams. One thread, the stream's reader; no lock is
 * held. What this thread has put off (p2p_pool_later ()) is done first. */
bool p2p_yamux_stream_wait_soon (P2pStream *strm, int64_t deadline_us);

/* Pings at once; the session is dead when no byte has come after wait_ms, counted from the first of
 * several calls. For who has a reason to doubt the path. Does not block. */
void p2p_yamux_check (P2pYamux *yamux, int64_t wait_ms);

/* GOAWAY 0: opens and accepts nothing more; streams go on. Does not block. */
void p2p_yamux_go_away (P2pYamux *yamux);
/* Ends the session now: every stream becomes P2P_IO_RESET and its bell rings. Does not block; ended
 * () follows. */
void p2p_yamux_close (P2pYamux *yamux, const char *why);
/* Waits until the reader thread has ended, joins it. After p2p_yamux_close (); not on the reader
 * thread. */
void p2p_yamux_join (P2pYamux *yamux);

typedef struct
{
  uint64_t bytes_in, bytes_out, resets;
  /* What streams have carried for certain, without headers: bytes that came, and the windows that
   * the peer gave for those of ours that its readers took. Bytes that were only sent are no proof.
   */
  uint64_t stream_bytes;
  unsigned streams;
  int64_t round_trip_us; /* the last ping's; -1: none yet */
  int64_t last_byte_us;  /* monotonic, when the peer's last byte came */
  uint64_t window_bytes; /* receive windows of all open streams */
  uint64_t queued_bytes; /* taken from writers, not yet by the transport */
} P2pYamuxStats;
P2pYamuxStats p2p_yamux_get_stats (P2pYamux *yamux);
bool p2p_yamux_is_open (P2pYamux *yamux); /* new streams may be opened */
