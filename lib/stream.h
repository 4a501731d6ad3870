/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Stream: one byte stream, whatever carries it: TCP or Unix socket (stream-tcp.h), TLS over any
 * other stream (stream-tls.h), one stream of a Yamux session (yamux.h).
 *
 * Threads: at most one thread reads and at most one writes a stream at the same time; these may be
 * two where a descriptor is at the bottom. A stream without one (Yamux) has one bell: one thread at
 * a time waits for it. Blocking: each call with a deadline blocks until then at most; P2P_TRY never
 * blocks (P2P_IO_AGAIN). Nothing here allocates per call. Outputs are written on P2P_IO_OK only,
 * unless said. */
#pragma once

#include "lib/bell.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/span.h"

#include <sys/uio.h>

typedef struct P2pStream P2pStream;

/* What to wait for, and what was found. A finding is a hint: the next call may still answer AGAIN.
 */
enum
{
  P2P_READABLE = 1 << 0, /* bytes, EOF or an error can be read */
  P2P_WRITABLE = 1 << 1, /* some bytes would be taken, and nothing waits to be flushed */
  P2P_HANGUP = 1 << 2, /* both directions are over, or it failed (found even when not asked for) */
  P2P_FAILED = 1 << 3, /* comes with P2P_HANGUP: it was reset, nothing more arrives */
  P2P_LEFT = 1 << 4, /* the peer's FIN is here, perhaps behind bytes that nobody read: sockets only,
                        never of what is parked */
};

/* At least one byte, at most size. P2P_IO_EOF after the peer's FIN or close_notify; over TLS an end
 * without close_notify is P2P_IO_RESET. */
P2pIo p2p_stream_read (P2pStream *strm, void *buf, size_t size, size_t *ret_n, int64_t deadline_us);

/* For bytes that are expected at once, an origin's answer: P2P_IO_AGAIN when none came within
 * P2P_SOON_MS, or sooner where waiting would cost more than asking. Over a socket it is one system
 * call where waiting and reading are two or three. */
#define P2P_SOON_MS 20
P2pIo p2p_stream_read_soon (P2pStream *strm, void *buf, size_t size, size_t *ret_n);

/* For an idle stream that has been parked, without a system call. True: up to the pool's last look
 * at its descriptors nothing had come, no end either. False: not known. */
bool p2p_stream_seems_quiet (P2pStream *strm);

/* Takes at least one byte, perhaps not all. Taken bytes may stay in the stream (TLS records) until
 * p2p_stream_flush (); the next write flushes them first. */
P2pIo p2p_stream_writev (P2pStream *strm,
                         const struct iovec *iov,
                         int n_iov,
                         size_t *ret_n,
                         int64_t deadline_us);

/* Writes and flushes all of it. *ret_n (nullable) is always set: the bytes taken. */
P2pIo p2p_stream_write_all (P2pStream *strm,
                            const struct iovec *iov,
                            int n_iov,
                            size_t *ret_n,
                            int64_t deadline_us);

/* Sends what the stream holds back. */
P2pIo p2p_stream_flush (P2pStream *strm, int64_t deadline_us);

/* While both rest and nothing of `from` is unread: lets `from` write what arrives into `to` itself,
 * a little at a time, instead of calling for its reader; what `to` does not take at once waits for
 * that one as ever. False: these two can't, and nothing has changed. Otherwise nobody may write to
 * `to` or read from `from` before p2p_stream_take_back (from), after which `from` does not touch
 * `to` any more and which answers how many bytes went that way. Waiting for either, also parked, is
 * allowed. */
bool p2p_stream_lend (P2pStream *from, P2pStream *to);
size_t p2p_stream_take_back (P2pStream *from);

/* Half-close: flushes, then FIN or close_notify. Nothing can be written afterwards. */
P2pIo p2p_stream_shutdown (P2pStream *strm, int64_t deadline_us);

/* The close that follows is an abort: RST, no close_notify. Does not block. */
void p2p_stream_reset (P2pStream *strm);

/* Ends and frees the stream and those below it. Does not block: what was not flushed is lost.
 * Accepts NULL. */
void p2p_stream_close (P2pStream *strm);

/* Bytes that p2p_stream_read () would give without asking the kernel or the session, as far as
 * known (0: none known). */
size_t p2p_stream_pending (P2pStream *strm);

/* The socket at the bottom, or -1 (Yamux): for logs, socket options, and a shutdown that ends what
 * another thread waits for in it. */
int p2p_stream_fd (P2pStream *strm);

typedef struct
{
  P2pStream *strm; /* (borrowed) (nullable: never ready) */
  unsigned want;   /* P2P_READABLE | P2P_WRITABLE | P2P_LEFT; 0: hang-up only */
  unsigned ready;  /* out */
} P2pWait;

/* Waits until one of the items (at most two) has what it wants or has hung up. Descriptors go into
 * one poll, Yamux streams ring the calling thread's waker. P2P_IO_OK when a ready member is not 0,
 * P2P_IO_TIMEOUT; P2P_TRY asks without waiting (P2P_IO_AGAIN). A half-closed peer (FIN) is
 * P2P_READABLE, not P2P_HANGUP. */
P2pIo p2p_stream_wait (P2pWait *items, unsigned n_items, int64_t deadline_us);
