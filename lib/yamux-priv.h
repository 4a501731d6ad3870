/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Inside of lib/yamux*.c; others include yamux.h.
 *
 * Who does what. The reader thread (yamux-reader.c), or a thread that waits alone (yamux-help.c),
 * reads the transport, cuts frames and dispatches them (yamux-receive.c). Writers put frames into
 * their stream's own queue and the stream into the session's list of those that have something to
 * send; whoever then finds the send turn free takes it and writes with P2P_TRY (yamux-send.c) what
 * yamux-compose.c gives: control frames, then one frame of each stream in turn. If the transport
 * takes no more, the reader, which is told by its doorbell, waits for it to be writable and goes
 * on. So nobody ever blocks in the transport, a slow or cancelled stream is in nobody's way, and
 * there is no other thread.
 *
 * Locks, outermost first: P2pYamux.read_lock, P2pYamuxBudget.lock, P2pYamux.lock, YamuxStream.lock,
 * YamuxHelp.lock. The bell of a stream is rung under the stream's lock. The transport's receive
 * half is touched under read_lock, its send half without any lock by who holds the send turn
 * (P2pYamux.sending). */
#pragma once

#include "lib/buffer.h"
#include "lib/lock.h"
#include "lib/stream-priv.h"
#include "lib/yamux-frame.h"
#include "lib/yamux.h"

#include <stdatomic.h>
#include <sys/queue.h>

#define YAMUX_RECORD_SIZE 16384 /* what one TLS record carries */
/* Of the frames that we send, each in a record of its own: see P2P_PASS_SIZE. */
#define YAMUX_PAYLOAD_MAX ((uint32_t) (P2P_PASS_SIZE / 4))
#define YAMUX_FRAME_MAX (YAMUX_HEADER_SIZE + YAMUX_PAYLOAD_MAX)
#define YAMUX_INITIAL_WINDOW 262144u
#define YAMUX_WINDOW_MAX (16u << 20)
#define YAMUX_UNACKED_MAX 256
#define YAMUX_PONGS_MAX 64
#define YAMUX_REFUSALS_MAX 256
#define YAMUX_RESETS_MAX 1000 /* in YAMUX_RESETS_SECONDS */
#define YAMUX_RESETS_SECONDS 10
#define YAMUX_BUCKETS 1024
#define YAMUX_ROUND_TRIPS 8

/* Chunks (yamux-chunk.c): buffer in two sizes, from free lists that all sessions share. */
typedef struct YamuxChunk YamuxChunk;
struct YamuxChunk
{
  YamuxChunk *next; /* (owned) (nullable) */
  uint32_t size;    /* of data */
  uint32_t start;   /* first byte that is in use */
  uint32_t end;     /* behind the last one */
  unsigned char data[];
};

#define YAMUX_CHUNK_SMALL 2016
#define YAMUX_CHUNK_LARGE YAMUX_RECORD_SIZE

/* Of a stream that its peer has reset: so much may still be read. */
#define YAMUX_CUT_MAX ((size_t) 64 * 1024)

typedef struct
{
  YamuxChunk *head, *tail; /* (owned) (nullable) */
} YamuxChunks;

/* The small size if wanted fits there, else the large one. */
YamuxChunk *yamux_chunk_new (size_t wanted);
void yamux_chunk_free (YamuxChunk *chunk);
void yamux_chunks_push (YamuxChunks *chunks, YamuxChunk *take_chunk);
YamuxChunk *yamux_chunks_pop (YamuxChunks *chunks);
void yamux_chunks_clear (YamuxChunks *chunks);

/* A reader and a writer thread may wait at the same time, or somebody has parked the stream. */
typedef struct
{
  P2pBell *bell;    /* (borrowed) (nullable: nobody waits here) */
  pthread_t thread; /* who armed it */
  unsigned want;
} YamuxWaiter;

/* What a stream's next window update has to say, besides its length. */
enum
{
  YAMUX_TELL_SYN = YAMUX_SYN,
  YAMUX_TELL_ACK = YAMUX_ACK,
  YAMUX_TELL_RST = YAMUX_RST,
  YAMUX_TELL_WINDOW = 1 << 8,
};

typedef struct YamuxStream YamuxStream;
struct YamuxStream
{
  P2pStream base;
  P2pYamux *yamux; /* (referenced) */
  /* The owner's handle, the table of ids, each list below, the reader's present frame. */
  atomic_uint refs;
  uint32_t id;
  bool by_us; /* we opened it */

  /* Guarded by yamux->lock. */
  LIST_ENTRY (YamuxStream) by_id;
  TAILQ_ENTRY (YamuxStream) tell_link, send_link, linger_link;
  LIST_ENTRY (YamuxStream) rest_link;
  bool in_table, in_tells, in_sends, in_lingers, in_rests;
  unsigned tells; /* YAMUX_TELL_... not yet written */
  bool acked;     /* the peer has shown that it knows the stream */
  int64_t linger_until_us;

  TAILQ_ENTRY (YamuxStream) spare_link; /* (lock: yamux->spare_lock) */
  atomic_bool unseen;                   /* see p2p_yamux_stream_unseen () */
  _Atomic uint64_t held_bytes;          /* chunks of the receive side; written under lock */
  _Atomic int64_t still_us; /* since when its reader has left them; written under lock */

  P2pMutex lock; /* of all that follows; stays initialised while the struct is spare */
  YamuxWaiter waiters[2];
  bool untouched;  /* counts against accept_backlog */
  bool quiet;      /* SYN waits for the first bytes */
  bool closed;     /* the owner is gone */
  P2pIo read_end;  /* P2P_IO_OK: goes on; P2P_IO_EOF: after what is buffered; else at once */
  P2pIo write_end; /* P2P_IO_OK: goes on */
  bool fin_wanted;
  bool fin_sent;   /* written with yamux->lock held too */
  bool rst_wanted; /* behind what is in out */

  YamuxChunks in;
  size_t in_bytes;
  P2pStream *outlet;    /* (borrowed) (nullable) see p2p_stream_lend () */
  size_t outlet_bytes;  /* what went there since it was lent */
  uint32_t window;      /* what the peer may still send */
  uint32_t window_size; /* = window + in_bytes + ungranted */
  uint32_t ungranted;   /* taken by the reader, for the next window update */
  int64_t epoch_us;     /* measuring: since when, */
  uint64_t epoch_bytes; /* and what the reader took since */

  YamuxChunks out; /* frames: the first YAMUX_HEADER_SIZE bytes are for the header */
  size_t out_bytes;
  uint32_t send_window;
};

/* yamux-help.c: a thread that reads for itself, and for all. */
typedef struct
{
  int transport_fd;      /* (borrowed) constant; -1: no help is wanted here */
  atomic_uint n_waiting; /* for what the reader thread finds: armed bells, and for an ACK */
  atomic_bool napping;   /* the reader thread leaves the transport alone; changes under lock */
  P2pMutex lock;         /* of all that follows */
  pthread_cond_t gone;   /* bell became NULL after closed became true */
  P2pBell *bell;         /* (borrowed) (nullable: nobody helps) of the helper's thread */
  int64_t helped_us;     /* when the last one went */
  bool closed;           /* nobody may help any more */
} YamuxHelp;

/* The reader waits for its doorbell beside the transport, which it asks through the gate. */
typedef struct
{
  P2pStream base;
  P2pMutex lock;
  P2pBell *bell; /* (borrowed) (nullable) (lock) */
  bool rung;     /* (lock) */
} YamuxDoorbell;

typedef struct
{
  P2pStream base;
  P2pYamux *yamux; /* (borrowed) whose transport it is */
} YamuxGate;

/* What is being written: first what was put together in staging, then whole frames. */
#define YAMUX_BATCH_FRAMES 4
typedef struct
{
  unsigned char *staging; /* (owned) YAMUX_RECORD_SIZE */
  size_t n_staged;
  YamuxChunk *frames[YAMUX_BATCH_FRAMES]; /* (owned) */
  unsigned n_frames, max_frames;
  struct iovec iov[1 + YAMUX_BATCH_FRAMES]; /* what is left of it all */
  unsigned first_iov, n_iov;
  size_t left;
} YamuxBatch;

/* yamux-send.c: what the path takes, measured while it had to be waited for. */
typedef struct
{
  int unsent_max;   /* TCP_NOTSENT_LOWAT */
  uint64_t bytes;   /* since the last measurement, */
  int64_t took_us;  /* and how long that took */
  int64_t since_us; /* when it was waited for last */
} YamuxPace;

/* yamux-opening.c: what may be opened. */
typedef struct
{
  unsigned max;          /* unacknowledged at most; YAMUX_UNACKED_MAX until the peer refuses */
  unsigned n_acks;       /* since max grew */
  int64_t refused_us;    /* when the last refusal came */
  int64_t hold_until_us; /* nothing is opened before; 0: nobody has refused yet */
} YamuxOpening;

typedef TAILQ_HEAD (YamuxStreamList, YamuxStream) YamuxStreamList;
typedef LIST_HEAD (YamuxBucket, YamuxStream) YamuxBucket;

struct P2pYamux
{
  atomic_uint refs;
  P2pYamuxOptions options; /* set once; name (owned), budget (referenced) (nullable) */
  P2pStream *transport;    /* (owned) closed by the reader thread at its end */
  pthread_t thread;
  bool has_thread;
  atomic_bool joined;
  YamuxDoorbell doorbell;
  YamuxGate gate;
  YamuxHelp help;
  LIST_ENTRY (P2pYamux) budget_link; /* (budget->lock) */

  P2pMutex read_lock; /* the read turn: of all that follows, but for next_ping_us */
  unsigned char *rx;  /* (owned) (nullable: the session has no thread) */
  P2pIo read_end;     /* P2P_IO_OK: goes on; else what the transport has answered for good */
  const char *fault;  /* (static) (nullable) why the peer's frames end the session */
  YamuxFrameReader frames;
  YamuxStream *current; /* (referenced) (nullable: payload is dropped) whose payload is coming */
  YamuxHeader current_head;
  bool peer_ended; /* by GOAWAY with a code that says so */
  uint16_t resets[YAMUX_RESETS_SECONDS];
  int64_t resets_second;
  int64_t next_ping_us; /* the reader thread's own */
  struct
  {
    int64_t at_us, took_us;
  } round_trips[YAMUX_ROUND_TRIPS];
  unsigned n_round_trips;

  atomic_uint backlog; /* accepted and untouched */
  _Atomic uint64_t held_bytes; /* of all its streams, also of those that left the table */
  _Atomic uint64_t bytes_in, bytes_out, stream_bytes, n_resets, queued_bytes, window_bytes;
  _Atomic int64_t round_trip_us;     /* the last; -1 */
  _Atomic int64_t round_trip_min_us; /* of the last minute; -1 */
  _Atomic int64_t last_byte_us;

  P2pMutex spare_lock;
  YamuxStreamList spares; /* structs for streams to come (spare_lock) */
  unsigned n_spares;      /* (spare_lock) */

  atomic_bool leaving; /* either side sent GOAWAY: set under the lock, read by anybody */

  P2pMutex lock;            /* of all that follows */
  pthread_cond_t may_open;  /* fewer unacknowledged streams, or no more opening */
  pthread_cond_t turn_free; /* sending became false after over became true */
  const char *why;          /* (static) (nullable) */
  bool over;                /* nothing is sent or delivered any more */
  bool ours;
  bool going_away, peer_going_away;

  YamuxBucket table[YAMUX_BUCKETS];
  /* Streams that are over for the peer, or whose session is, while their readers have not taken
   * all: the budget must find them. */
  LIST_HEAD (, YamuxStream) rests;
  unsigned n_streams, n_unacked;
  YamuxOpening opening;
  uint32_t next_id;

  YamuxStreamList tells;   /* streams whose window update waits, in order of arrival */
  YamuxStreamList sends;   /* streams with frames or FIN, in order of arrival */
  YamuxStreamList lingers; /* closed and FIN sent, until the peer's FIN; soonest first */
  uint32_t pongs[YAMUX_PONGS_MAX];
  unsigned n_pongs;
  uint32_t refusals[YAMUX_REFUSALS_MAX]; /* ids to answer by RST */
  unsigned n_refusals;
  bool tell_ping, tell_go_away;
  uint32_t ping_value, go_away_code;
  uint32_t oldest_value;   /* of the oldest ping without an answer, */
  int64_t oldest_us;       /* and when it was sent; 0: there is none */
  int64_t newest_us;       /* when the last was */
  int64_t awaits_since_us; /* a byte must come within dead_after_ms; 0: no ping was sent yet */
  int64_t check_wait_us;               /* p2p_yamux_check () was called: how long to wait; 0: not */
  int64_t check_since_us, check_by_us; /* a byte must come in between; 0: no check is under way */
  int64_t hurry_us; /* when control frames must leave at the latest (1: at once); 0: none wait */

  bool sending; /* the send turn is taken */
  bool blocked; /* the rest is the reader's, when the transport is writable */
  bool unflushed;
  bool ping_unsent;   /* the batch has a ping, and a byte is awaited from when that is written */
  P2pIo send_end;     /* P2P_IO_OK: goes on */
  int64_t hear_by_us; /* the reader's alone; > 0: sending has ended, what came is read until then */
  int64_t took_us;    /* when the transport last took something, or there was nothing to send */
  YamuxPace pace;
  YamuxBatch batch;   /* used by who holds the turn, without the lock too */
};

/* yamux-doorbell.c */
void yamux_doorbell_init (YamuxDoorbell *doorbell);
void yamux_doorbell_done (YamuxDoorbell *doorbell);
void yamux_doorbell_ring (YamuxDoorbell *doorbell);
void yamux_gate_init (P2pYamux *yamux);

/* yamux.c: a session without its thread, for fuzzing, which calls yamux_receive () and yamux_finish
 * () itself. */
P2pYamux *yamux_new_still (P2pStream *take_transport, const P2pYamuxOptions *options);

/* yamux-opening.c */
P2pIo yamux_opening_ask_locked (P2pYamux *yamux);
/* n_lately: resets of unacknowledged streams in the last seconds, this one included. */
void yamux_opening_refused_locked (P2pYamux *yamux, unsigned n_lately);
void yamux_opening_acked_locked (P2pYamux *yamux);

/* yamux-receive.c: resets of unacknowledged streams in the last YAMUX_RESETS_SECONDS. read_lock is
 * held. */
unsigned yamux_resets_lately (P2pYamux *yamux);

/* yamux-reader.c */
#define YAMUX_RX_SIZE ((size_t) 64 << 10)
void *yamux_reader_main (void *data);
/* One read, and what its frames say. P2P_IO_OK: there may be more at once, or the session is to end
 * (yamux->fault). *ret_n is always set. read_lock is held. */
P2pIo yamux_read_some (P2pYamux *yamux, size_t *ret_n);
/* A ping was sent and no byte at all has come since. */
bool yamux_awaits_byte_locked (P2pYamux *yamux);
/* Ends all streams, says GOAWAY if that makes sense, closes the transport. On the reader thread or
 * without one. */
void yamux_finish (P2pYamux *yamux, const char *why, bool is_fault);

/* yamux-help.c */
void yamux_help_init (YamuxHelp *help, int transport_fd);
void yamux_help_done (YamuxHelp *help);
/* Around each wait for what the reader thread finds. Under any lock of the session or a stream. */
void yamux_help_came (P2pYamux *yamux);
void yamux_help_went (P2pYamux *yamux);
/* The bell is the calling thread's own, who helps and looks after its stream itself once it has
 * read. Under the stream's lock. */
bool yamux_help_is_awake (P2pYamux *yamux, P2pBell *bell);
/* Who has found nothing and does not wait: true, and something may be there now. No lock is held.
 */
bool yamux_help_look (YamuxStream *strm);
/* The reader thread: whether it leaves the transport alone until *due_us, which may become sooner.
 */
bool yamux_help_begin_nap (YamuxHelp *help, int64_t *due_us);
void yamux_help_end_nap (YamuxHelp *help);
/* Waits until the helper has gone, whose bell it rings; there will be none again. */
void yamux_help_close (YamuxHelp *help);

/* yamux-stream-ops.c */
bool yamux_stream_is_readable (YamuxStream *strm);
extern const P2pStreamOps yamux_stream_ops;

/* yamux-stream.c */
YamuxStream *yamux_stream_new (P2pYamux *yamux, uint32_t id, bool by_us);
YamuxStream *yamux_stream_ref (YamuxStream *strm);
/* Not under any lock of the session or a stream, unless another reference is sure to stay. */
void yamux_stream_unref (YamuxStream *strm);
void yamux_stream_ring_locked (YamuxStream *strm, unsigned what);
/* Both directions end now: buffers go, waiters ring. strm->lock is held. */
void yamux_stream_kill_locked (YamuxStream *strm, P2pIo how);
/* Received bytes that nobody will read. strm->lock is held. */
void yamux_stream_drop_input_locked (YamuxStream *strm);
/* The session is gone: as a kill, but what the peer had sent up to its FIN stays. strm->lock is
 * held. */
void yamux_stream_lose_locked (YamuxStream *strm);
/* The peer reset it: what is there may be read. strm->lock is held. */
void yamux_stream_cut_locked (YamuxStream *strm);
/* RST behind what is queued. False: nothing is, abort. No lock is held. */
bool yamux_stream_reset_behind (YamuxStream *strm);
/* Kills and tells the peer by RST. No lock is held. */
void yamux_stream_abort (YamuxStream *strm, P2pIo how);
size_t yamux_stream_room_locked (YamuxStream *strm);
/* Whether it is worth while to wake a writer that found no room. */
bool yamux_stream_wants_more_locked (YamuxStream *strm);
void yamux_stream_free_struct (YamuxStream *strm);

/* yamux-table.c: streams by id; yamux->lock is held. */
YamuxStream *yamux_table_find_locked (P2pYamux *yamux, uint32_t id);
void yamux_table_add_locked (P2pYamux *yamux, YamuxStream *strm);
/* Nothing if it is not there. What its reader has not taken keeps it among the rests. */
void yamux_table_remove_locked (P2pYamux *yamux, YamuxStream *strm);
/* Its owner is gone and FIN is sent: the peer's is awaited from now on, for linger_ms. */
void yamux_table_linger_locked (YamuxStream *strm);
/* Its owner is gone: nobody reads the rest. */
void yamux_table_forget_rest_locked (YamuxStream *strm);
void yamux_acked_locked (P2pYamux *yamux, YamuxStream *strm);

/* yamux-compose.c */
/* Adds to what the next window update of strm says. yamux->lock is held. */
void yamux_tell_locked (YamuxStream *strm, unsigned tells);
/* Puts strm into the list of those that have frames or FIN to send. yamux->lock is held. */
void yamux_offer_locked (YamuxStream *strm);
/* What is written next goes into yamux->batch, which is empty; false: there is nothing. */
bool yamux_compose_locked (P2pYamux *yamux);
/* n bytes of it were written. */
void yamux_batch_advance (YamuxBatch *batch, size_t n);
void yamux_batch_clear (YamuxBatch *batch);

/* yamux-send.c */
/* Writes what there is if the send turn is free. yamux->lock is held, and let go meanwhile. */
void yamux_drain_locked (P2pYamux *yamux, bool is_reader);
/* The same behind the tasks that wait for this worker, see p2p_pool_later (). */
void yamux_drain_soon_locked (P2pYamux *yamux);
void yamux_drain (P2pYamux *yamux);
/* What the kernel may hold unsent of a transport that takes rate bytes a second (UINT64_MAX: not
 * known). yamux->lock is held, or nobody else has the session yet. */
void yamux_limit_unsent (P2pYamux *yamux, uint64_t rate);
/* The last words of a session: what is half written, then GOAWAY. No lock is held; the session is
 * over and the send turn free. */
void yamux_send_last (P2pYamux *yamux, uint32_t go_away_code, int64_t deadline_us);

/* yamux-receive.c: NULL, or why the session ends (static). read_lock is held. */
const char *yamux_receive (P2pYamux *yamux, P2pSpan bytes);

/* yamux-outlet.c */
void yamux_lend (P2pStream *base, P2pStream *to);
size_t yamux_take_back (P2pStream *base);
/* Takes from *bytes, which have just come, what goes straight to where it is meant for; *ret_update
 * is set when a window update is due for it. strm->lock is held. */
void yamux_outlet_pass_locked (YamuxStream *strm,
                               P2pSpan *bytes,
                               size_t still_to_come,
                               bool *ret_update);

/* yamux-window.c */
/* The reader of strm took n bytes. True if a window update is due. strm->lock is held. */
bool yamux_window_took_locked (YamuxStream *strm, size_t n);
/* What the window update that is being written gives. strm->lock is held. */
uint32_t yamux_window_grant_locked (YamuxStream *strm);
/* Gives its growth back to the budget. strm->lock is held. */
void yamux_window_drop_locked (YamuxStream *strm);
void yamux_window_note_round_trip (P2pYamux *yamux, int64_t took_us);

/* yamux-budget.c; a NULL budget has no limit. */
bool yamux_budget_reserve (P2pYamuxBudget *budget, uint32_t growth);
void yamux_budget_release (P2pYamuxBudget *budget, uint32_t growth);
/* held_bytes of strm changes by n. strm->lock is held. */
void yamux_budget_hold_locked (YamuxStream *strm, int64_t n);
/* Resets streams until what is held is below the limit. No lock is held. */
void yamux_budget_enforce (P2pYamuxBudget *budget);
void yamux_budget_add (P2pYamuxBudget *budget, P2pYamux *yamux);
void yamux_budget_remove (P2pYamuxBudget *budget, P2pYamux *yamux);
