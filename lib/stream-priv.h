/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* For the back ends of streams and for the pool, which parks them; others include stream.h. */
#pragma once

#include "lib/stream.h"
#include "lib/watch.h"

/* What an armed stream waits on. */
typedef struct
{
  int fd;       /* poll this; -1: only the bell */
  short events; /* POLLIN, POLLOUT: what to poll for */
  P2pWatched *watched; /* (borrowed: stream) (nullable: no fd) */
} P2pArm;

typedef struct
{
  const char *name;
  /* The three below never block: P2P_IO_AGAIN. */
  P2pIo (*try_read) (P2pStream *strm, void *buf, size_t size, size_t *ret_n);
  /* (nullable: try_read is called) As try_read, but may block for P2P_SOON_MS in one system call.
   */
  P2pIo (*read_soon) (P2pStream *strm, void *buf, size_t size, size_t *ret_n);
  /* (nullable: false) See p2p_stream_seems_quiet (). */
  bool (*seems_quiet) (P2pStream *strm);
  P2pIo (*try_writev) (P2pStream *strm, const struct iovec *iov, int n_iov, size_t *ret_n);
  P2pIo (*try_flush) (P2pStream *strm);
  P2pIo (*try_shutdown) (P2pStream *strm);
  void (*reset) (P2pStream *strm);
  void (*close) (P2pStream *strm);
  size_t (*pending) (P2pStream *strm);
  int (*fd) (P2pStream *strm);
  /* Asks, from the top layer down, "have you what is wanted?" and answers the ready bits; if 0,
   * *ret_arm says what to poll, and a back end without a descriptor has registered the bell under
   * its lock, together with the question. A layer may add to what the one below is asked for (TLS
   * with unflushed bytes wants to write). */
  unsigned (*arm) (P2pStream *strm, unsigned want, P2pBell *bell, P2pArm *ret_arm);
  /* Takes the bell back. Must be called once for each arm that answered 0, by the thread that next
   * owns the stream. */
  void (*disarm) (P2pStream *strm);
  /* After poll: the descriptor's revents as ready bits. */
  unsigned (*polled) (P2pStream *strm, unsigned want, short revents);
  /* (nullable: it can't) See p2p_stream_lend (). */
  void (*lend) (P2pStream *strm, P2pStream *to);
  size_t (*take_back) (P2pStream *strm);
  /* A write is one system call and needs nothing of the thread that makes it. */
  bool is_plain;
} P2pStreamOps;

struct P2pStream
{
  const P2pStreamOps *ops;
};

/* The calling thread's waker: made at first use, closed when the thread ends. */
P2pBell *p2p_waker_self (void);
/* Its eventfd, to poll for POLLIN. */
int p2p_waker_fd (P2pBell *waker);
/* Empties the eventfd. */
void p2p_waker_drain (P2pBell *waker);
