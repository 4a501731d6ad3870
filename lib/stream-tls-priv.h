/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One TLS stream, shared by stream-tls.c (making, handshake, peer), stream-tls-io.c (the stream's
 * methods) and stream-tls-output.c (what is encrypted and not sent).
 *
 * Three owners: the reader thread has the read-ahead, the lock guards the session and the output
 * buffer, and `sending` is the right to write to the stream below, which is taken under the lock
 * and used without it. During the handshake one thread is reader and writer. */
#pragma once

#include "lib/lock.h"
#include "lib/stream-priv.h"
#include "lib/stream-tls.h"
#include "lib/tls-priv.h"

/* A piece of the output buffer, inside a borrowed buffer (lib/buffer.h). */
typedef struct P2pTlsChunk P2pTlsChunk;
struct P2pTlsChunk
{
  P2pTlsChunk *next; /* (owned) (nullable) */
  size_t start, end;
  char bytes[];
};

typedef struct
{
  P2pStream base;
  P2pStream *lower;     /* (owned) */
  P2pTlsServer *server; /* (owned) (nullable: client side) */
  P2pTlsClient *client; /* (owned) (nullable: server side) */
  P2pTlsCert *cert;     /* (owned) (nullable: not chosen yet) by the session while it lives */
  char *name;           /* (owned) (nullable) client: whom we ask for; server: the SNI */
  char *error;          /* (owned) (nullable) a sentence */
  gnutls_typed_vdata_st wanted[2]; /* (borrowed: name) client: what the certificate must be for */

  P2pMutex lock;
  gnutls_session_t session; /* (owned) (lock: lock) */
  P2pTlsChunk *out_head;    /* (owned) (nullable) (lock: lock) */
  P2pTlsChunk *out_tail;    /* (borrowed: out_head) (nullable) (lock: lock) */
  unsigned n_chunks;        /* (lock: lock) */
  bool lower_holds;         /* the stream below took all and holds some back (lock: lock) */
  bool sending;             /* somebody writes to the stream below (lock: lock) */
  bool writer_waits;        /* for sending to end (lock: lock) */
  bool overflow;            /* the peer made us say more than it takes (lock: lock) */
  bool unsent_handshake;    /* our last flight waits for the first bytes (lock: lock) */
  bool bye;                 /* close_notify is said (lock: lock) */
  P2pIo write_end;          /* not OK: why nothing can be written (lock: lock) */
  pthread_cond_t sent;      /* sending ended (lock: lock) */

  char *in; /* (owned) (nullable: nothing read ahead) (reader) */
  size_t in_start, in_end; /* (reader) */
  size_t plain;            /* decrypted bytes that GnuTLS holds (reader) */
  P2pIo read_end;          /* not OK: why nothing more will come (reader) */

  uint64_t session_key; /* client: 0, or what its session is remembered by */
  bool remembered;      /* (reader) */

  bool open;      /* the handshake is done */
  bool aborted;   /* p2p_stream_reset () was called */
} P2pTls;

extern const P2pStreamOps p2p_stream_tls_ops;

/* For GnuTLS: bytes from the read-ahead, bytes to the output buffer. */
ssize_t p2p_tls_pull (gnutls_transport_ptr_t data, void *buf, size_t size);
ssize_t p2p_tls_vec_push (gnutls_transport_ptr_t data, const giovec_t *iov, int n_iov);

/* Reads ahead from the stream below. Reader only, when there is nothing left. P2P_IO_RESET at its
 * end. */
P2pIo p2p_tls_fill (P2pTls *tls);

/* Sends the output buffer; waits while another thread does (for one non-blocking call). Writer
 * only. */
P2pIo p2p_tls_flush_locked (P2pTls *tls);

/* What the reader does for its own handshake messages (the answer to a KeyUpdate): a writer at work
 * sends them with its own. True when nothing is held back afterwards, or somebody sees to it. */
bool p2p_tls_flush_as_reader (P2pTls *tls);

/* Nothing is written any more, for that reason: what waits to be sent is dropped. */
void p2p_tls_end_writing_locked (P2pTls *tls, P2pIo why);

/* For tests. The session itself: not while another thread may use it. */
gnutls_session_t p2p_stream_tls_session (P2pStream *strm);
/* Sends a KeyUpdate, which asks for one in return or not. Writer only. */
P2pIo p2p_stream_tls_key_update (P2pStream *strm, bool asks);
