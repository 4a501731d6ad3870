/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Two rings of bytes under one lock, owned by both ends together; the last end that closes frees
 * them. All fields of Pair are guarded by pair->lock. Any thread. */
#include "tests/unit/memory-stream.h"

#include "lib/lock.h"
#include "lib/stream-priv.h"

#include <glib.h>

typedef struct
{
  char *bytes; /* (owned) */
  size_t start, n;
  bool fin, rst;
} Ring;

typedef struct Pair Pair;

typedef struct
{
  P2pStream base;
  Pair *pair;    /* (borrowed: lives until both ends are closed) */
  Ring *in;      /* (borrowed: pair) */
  Ring *out;     /* (borrowed: pair) */
  P2pBell *bell; /* (borrowed) (nullable: not armed) */
  unsigned want;
  bool closed;
} End;

struct Pair
{
  P2pMutex lock;
  size_t capacity;
  Ring rings[2];
  End ends[2];
};

static unsigned
ready_locked (End *end, unsigned want)
{
  unsigned ready = 0;

  if (end->in->rst)
    return P2P_FAILED | P2P_HANGUP | want;
  if (end->out->rst || (end->in->fin && end->out->fin))
    return P2P_HANGUP | want;
  if (end->in->n > 0 || end->in->fin)
    ready |= P2P_READABLE;
  if (end->out->fin || end->out->n < end->pair->capacity)
    ready |= P2P_WRITABLE;
  return ready & want;
}

/* Tells the other end that something changed. */
static void
ring_locked (End *end)
{
  End *other = end == &end->pair->ends[0] ? &end->pair->ends[1] : &end->pair->ends[0];

  if (other->bell && ready_locked (other, other->want))
    other->bell->ring (other->bell);
}

static P2pIo
memory_try_read (P2pStream *strm, void *buf, size_t size, size_t *ret_n)
{
  End *end = (End *) strm;
  Ring *in = end->in;
  size_t n, first;
  P2P_LOCKED (&end->pair->lock);

  if (in->rst)
    return P2P_IO_RESET;
  if (in->n == 0)
    return in->fin ? P2P_IO_EOF : P2P_IO_AGAIN;
  n = MIN (size, in->n);
  first = MIN (n, end->pair->capacity - in->start);
  memcpy (buf, in->bytes + in->start, first);
  memcpy ((char *) buf + first, in->bytes, n - first);
  in->start = (in->start + n) % end->pair->capacity;
  in->n -= n;
  ring_locked (end);
  *ret_n = n;
  return P2P_IO_OK;
}

static P2pIo
memory_try_writev (P2pStream *strm, const struct iovec *iov, int n_iov, size_t *ret_n)
{
  End *end = (End *) strm;
  Ring *out = end->out;
  size_t taken = 0;
  P2P_LOCKED (&end->pair->lock);

  if (out->rst || out->fin)
    return P2P_IO_RESET;
  for (int i = 0; i < n_iov; i++)
    {
      size_t capacity = end->pair->capacity;
      size_t n = MIN (iov[i].iov_len, capacity - out->n);
      size_t at = (out->start + out->n) % capacity;
      size_t first = MIN (n, capacity - at);

      memcpy (out->bytes + at, iov[i].iov_base, first);
      memcpy (out->bytes, (char *) iov[i].iov_base + first, n - first);
      out->n += n;
      taken += n;
    }
  if (taken == 0)
    return P2P_IO_AGAIN;
  ring_locked (end);
  *ret_n = taken;
  return P2P_IO_OK;
}

static P2pIo
memory_try_flush (P2pStream *strm)
{
  (void) strm;
  return P2P_IO_OK;
}

static P2pIo
memory_try_shutdown (P2pStream *strm)
{
  End *end = (End *) strm;
  P2P_LOCKED (&end->pair->lock);

  end->out->fin = true;
  ring_locked (end);
  return P2P_IO_OK;
}

static void
memory_reset (P2pStream *strm)
{
  End *end = (End *) strm;
  P2P_LOCKED (&end->pair->lock);

  end->in->rst = end->out->rst = true;
  ring_locked (end);
}

static void
memory_close (P2pStream *strm)
{
  End *end = (End *) strm;
  Pair *pair = end->pair;
  bool last;

  p2p_mutex_lock (&pair->lock);
  g_assert (!end->bell && !end->closed);
  end->closed = true;
  /* Nobody takes what still comes, as with a closed socket. */
  if (!end->in->fin)
    end->in->rst = true;
  end->out->fin = true;
  ring_locked (end);
  last = pair->ends[0].closed && pair->ends[1].closed;
  p2p_mutex_unlock (&pair->lock);
  if (!last)
    return;
  p2p_mutex_done (&pair->lock);
  g_free (pair->rings[0].bytes);
  g_free (pair->rings[1].bytes);
  g_free (pair);
}

static size_t
memory_pending (P2pStream *strm)
{
  End *end = (End *) strm;
  P2P_LOCKED (&end->pair->lock);

  return end->in->n;
}

static int
memory_fd (P2pStream *strm)
{
  (void) strm;
  return -1;
}

static unsigned
memory_arm (P2pStream *strm, unsigned want, P2pBell *bell, P2pArm *ret_arm)
{
  End *end = (End *) strm;
  unsigned ready;
  P2P_LOCKED (&end->pair->lock);

  g_assert (!end->bell);
  ready = ready_locked (end, want);
  if (ready)
    return ready;
  end->bell = bell;
  end->want = want;
  *ret_arm = (P2pArm){ .fd = -1 };
  return 0;
}

static void
memory_disarm (P2pStream *strm)
{
  End *end = (End *) strm;
  P2P_LOCKED (&end->pair->lock);

  g_assert (end->bell);
  end->bell = NULL;
}

static unsigned
memory_polled (P2pStream *strm, unsigned want, short revents)
{
  (void) strm;
  (void) want;
  (void) revents;
  g_assert_not_reached (); /* there is nothing to poll */
}

static const P2pStreamOps memory_ops = {
  .name = "memory",
  .try_read = memory_try_read,
  .try_writev = memory_try_writev,
  .try_flush = memory_try_flush,
  .try_shutdown = memory_try_shutdown,
  .reset = memory_reset,
  .close = memory_close,
  .pending = memory_pending,
  .fd = memory_fd,
  .arm = memory_arm,
  .disarm = memory_disarm,
  .polled = memory_polled,
};

void
memory_stream_pair (size_t capacity, P2pStream **ret_a, P2pStream **ret_b)
{
  Pair *pair = g_new0 (Pair, 1);

  p2p_mutex_init (&pair->lock, P2P_LOCK_YAMUX_STREAM);
  pair->capacity = capacity;
  for (unsigned i = 0; i < 2; i++)
    {
      pair->rings[i].bytes = g_malloc (capacity);
      pair->ends[i] = (End){ .base.ops = &memory_ops,
                             .pair = pair,
                             .in = &pair->rings[i],
                             .out = &pair->rings[1 - i] };
    }
  *ret_a = &pair->ends[0].base;
  *ret_b = &pair->ends[1].base;
}
