/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The blocking calls: each tries first and waits only when the back end answers AGAIN. No state;
 * the back ends say which locks they take. */
#include "lib/stream-priv.h"

#include "lib/pool.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>

#define ITEMS_MAX 2
#define DEAF_POLL_MS 10

/* Entries passed on in one try after a partial write. */
#define REST_MAX 16

static P2pIo
wait_one (P2pStream *strm, unsigned want, int64_t deadline_us)
{
  P2pWait item = { .strm = strm, .want = want };

  return p2p_stream_wait (&item, 1, deadline_us);
}

P2pIo
p2p_stream_read (P2pStream *strm, void *buf, size_t size, size_t *ret_n, int64_t deadline_us)
{
  g_assert (size > 0);
  for (;;)
    {
      P2pIo io = strm->ops->try_read (strm, buf, size, ret_n);

      if (io != P2P_IO_AGAIN || deadline_us == P2P_TRY)
        return io;
      io = wait_one (strm, P2P_READABLE, deadline_us);
      if (io != P2P_IO_OK)
        return io;
    }
}

P2pIo
p2p_stream_read_soon (P2pStream *strm, void *buf, size_t size, size_t *ret_n)
{
  g_assert (size > 0);
  return strm->ops->read_soon ? strm->ops->read_soon (strm, buf, size, ret_n)
                              : strm->ops->try_read (strm, buf, size, ret_n);
}

bool
p2p_stream_seems_quiet (P2pStream *strm)
{
  return strm->ops->seems_quiet && strm->ops->seems_quiet (strm);
}

bool
p2p_stream_lend (P2pStream *from, P2pStream *to)
{
  if (!from->ops->lend || !to->ops->is_plain)
    return false;
  from->ops->lend (from, to);
  return true;
}

size_t
p2p_stream_take_back (P2pStream *from)
{
  return from->ops->take_back (from);
}

P2pIo
p2p_stream_writev (P2pStream *strm,
                   const struct iovec *iov,
                   int n_iov,
                   size_t *ret_n,
                   int64_t deadline_us)
{
  for (;;)
    {
      P2pIo io = strm->ops->try_writev (strm, iov, n_iov, ret_n);

      if (io != P2P_IO_AGAIN || deadline_us == P2P_TRY)
        return io;
      io = wait_one (strm, P2P_WRITABLE, deadline_us);
      if (io != P2P_IO_OK)
        return io;
    }
}

/* Drops the first n bytes from *iov. Only a started entry is copied, with those behind it that fit.
 */
static void
advance (const struct iovec **iov,
         int *n_iov,
         size_t n,
         size_t *offset,
         struct iovec rest[REST_MAX],
         int *n_now)
{
  n += *offset;
  while (*n_iov > 0 && n >= (*iov)->iov_len)
    {
      n -= (*iov)->iov_len;
      (*iov)++;
      (*n_iov)--;
    }
  *offset = n;
  *n_now = MIN (*n_iov, REST_MAX);
  for (int i = 0; i < *n_now; i++)
    rest[i] = (*iov)[i];
  if (*n_now > 0)
    {
      rest[0].iov_base = (char *) rest[0].iov_base + n;
      rest[0].iov_len -= n;
    }
}

P2pIo
p2p_stream_write_all (P2pStream *strm,
                      const struct iovec *iov,
                      int n_iov,
                      size_t *ret_n,
                      int64_t deadline_us)
{
  struct iovec rest[REST_MAX];
  const struct iovec *now = iov;
  size_t taken = 0, left = 0, offset = 0;
  int n_now = n_iov;
  P2pIo io = P2P_IO_OK;

  for (int i = 0; i < n_iov; i++)
    left += iov[i].iov_len;
  while (left > 0)
    {
      size_t n = 0;

      io = p2p_stream_writev (strm, now, n_now, &n, deadline_us);
      if (io != P2P_IO_OK)
        break;
      taken += n;
      left -= n;
      if (left > 0)
        {
          advance (&iov, &n_iov, n, &offset, rest, &n_now);
          now = rest;
        }
    }
  if (ret_n)
    *ret_n = taken;
  return io == P2P_IO_OK ? p2p_stream_flush (strm, deadline_us) : io;
}

/* The two calls that only get rid of bytes. */
static P2pIo
until_done (P2pStream *strm, P2pIo (*try_call) (P2pStream *strm), int64_t deadline_us)
{
  for (;;)
    {
      P2pIo io = try_call (strm);

      if (io != P2P_IO_AGAIN || deadline_us == P2P_TRY)
        return io;
      io = wait_one (strm, P2P_WRITABLE, deadline_us);
      if (io != P2P_IO_OK)
        return io;
    }
}

P2pIo
p2p_stream_flush (P2pStream *strm, int64_t deadline_us)
{
  return until_done (strm, strm->ops->try_flush, deadline_us);
}

P2pIo
p2p_stream_shutdown (P2pStream *strm, int64_t deadline_us)
{
  return until_done (strm, strm->ops->try_shutdown, deadline_us);
}

void
p2p_stream_reset (P2pStream *strm)
{
  strm->ops->reset (strm);
}

void
p2p_stream_close (P2pStream *strm)
{
  if (strm)
    strm->ops->close (strm);
}

size_t
p2p_stream_pending (P2pStream *strm)
{
  return strm->ops->pending (strm);
}

int
p2p_stream_fd (P2pStream *strm)
{
  return strm->ops->fd (strm);
}

/* One round of a wait, between arming and disarming. */
typedef struct
{
  P2pArm arms[ITEMS_MAX];
  bool armed[ITEMS_MAX];
  P2pBell *waker; /* (borrowed) (nullable: no item needs a bell) */
} Round;

/* True when an item is ready without waiting. */
static bool
arm_items (Round *round, P2pWait *items, unsigned n_items)
{
  bool found = false;

  for (unsigned i = 0; i < n_items; i++)
    {
      P2pStream *strm = items[i].strm;
      P2pBell *bell = NULL;

      items[i].ready = 0;
      if (!strm)
        continue;
      /* A thread that only ever waits for descriptors needs no eventfd. Asked for once a round: what
       * is armed already may ring it. */
      if (strm->ops->fd (strm) < 0)
        bell = round->waker = round->waker ? round->waker : p2p_waker_self ();
      items[i].ready = strm->ops->arm (strm, items[i].want, bell, &round->arms[i]);
      round->armed[i] = items[i].ready == 0;
      found |= items[i].ready != 0;
    }
  return found;
}

/* What to wait at most: a thread for whose bell there is no descriptor looks after its streams
 * itself. */
static int
poll_ms (const Round *round, int64_t deadline_us)
{
  int ms = p2p_deadline_poll_ms (deadline_us);

  if (!round->waker || p2p_waker_fd (round->waker) >= 0)
    return ms;
  return ms < 0 ? DEAF_POLL_MS : MIN (ms, DEAF_POLL_MS);
}

static int
poll_asleep (struct pollfd *pfds, nfds_t n_pfds, int ms)
{
  int n;

  if (ms != 0)
    p2p_pool_sleep_begin ();
  n = poll (pfds, n_pfds, ms);
  if (ms != 0)
    p2p_pool_sleep_end ();
  return n;
}

/* True when an item turned out to be ready. */
static bool
poll_items (Round *round, P2pWait *items, unsigned n_items, int64_t deadline_us)
{
  struct pollfd pfds[ITEMS_MAX + 1];
  nfds_t n_pfds = n_items;
  bool found = false;
  int n;

  for (unsigned i = 0; i < n_items; i++)
    if (round->armed[i] && round->arms[i].fd >= 0)
      p2p_watch_rest (round->arms[i].watched, round->arms[i].fd);
  for (unsigned i = 0; i < n_items; i++)
    pfds[i] = (struct pollfd){ .fd = round->armed[i] ? round->arms[i].fd : -1,
                               .events = round->armed[i] ? round->arms[i].events : 0 };
  if (round->waker)
    pfds[n_pfds++] = (struct pollfd){ .fd = p2p_waker_fd (round->waker), .events = POLLIN };
  n = poll_asleep (pfds, n_pfds, poll_ms (round, deadline_us));
  if (n < 0 && errno != EINTR && errno != ENOMEM && errno != EAGAIN)
    g_error ("poll: %s", g_strerror (errno));
  if (n <= 0)
    return false;
  if (round->waker && pfds[n_items].revents)
    p2p_waker_drain (round->waker);
  for (unsigned i = 0; i < n_items; i++)
    if (pfds[i].fd >= 0 && pfds[i].revents)
      {
        P2pStream *strm = items[i].strm;

        items[i].ready = strm->ops->polled (strm, items[i].want, pfds[i].revents);
        found |= items[i].ready != 0;
      }
  return found;
}

P2pIo
p2p_stream_wait (P2pWait *items, unsigned n_items, int64_t deadline_us)
{
  bool last = deadline_us == P2P_TRY;

  g_assert (n_items <= ITEMS_MAX);
  for (;;)
    {
      Round round = { .waker = NULL };
      bool found = arm_items (&round, items, n_items);

      if (!found)
        found = poll_items (&round, items, n_items, deadline_us);
      for (unsigned i = 0; i < n_items; i++)
        if (round.armed[i])
          items[i].strm->ops->disarm (items[i].strm);
      if (found)
        return P2P_IO_OK;
      /* After a bell the streams are asked once more, even when the deadline has passed meanwhile.
       */
      if (last)
        return deadline_us == P2P_TRY ? P2P_IO_AGAIN : P2P_IO_TIMEOUT;
      last = deadline_us != P2P_FOREVER && p2p_now_us () >= deadline_us;
    }
}
