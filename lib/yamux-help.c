/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Who waits alone in a session reads for itself. A thread that expects an answer at once, while
 * nobody else waits for anything that the reader thread would find, polls the transport beside its
 * bell and takes the read turn when bytes come: it is the helper. The reader thread naps meanwhile,
 * and in the short pauses between one helper and the next: a request that has the tunnel to itself
 * needs one wake-up less, and one thread less on another processor.
 *
 * Nobody waits for a nap to end: whoever comes to wait while there is no helper wakes the reader
 * thread, and so does a helper who goes while others wait. What comes unasked (a ping, GOAWAY, the
 * end) may lie for NAP_MS. A session that accepts streams has no helpers.
 *
 * help->lock guards what yamux-priv.h says; the receive half is guarded by yamux->read_lock. */
#include "lib/yamux-priv.h"

#include "lib/pool.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>

/* A helper comes again at once, or hardly at all. */
#define PAUSE_MS 5
#define NAP_MS 20

void
yamux_help_init (YamuxHelp *help, int transport_fd)
{
  help->transport_fd = transport_fd;
  p2p_mutex_init (&help->lock, P2P_LOCK_YAMUX_HELP);
  p2p_cond_init (&help->gone);
}

void
yamux_help_done (YamuxHelp *help)
{
  g_assert (!help->bell && atomic_load (&help->n_waiting) == 0);
  p2p_mutex_done (&help->lock);
  p2p_cond_done (&help->gone);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Until there is no more at once, or something for this stream, or the deadline. What is left to do
 * is the reader thread's: to send, to hear the end, to read what is more. False: nothing will come
 * any more. */
static bool
read_for_all (YamuxStream *strm, int64_t deadline_us)
{
  P2pYamux *yamux = strm->yamux;
  bool owes;
  size_t n;
  P2pIo io;

  do
    {
      P2P_LOCKED (&yamux->read_lock);
      io = yamux_read_some (yamux, &n);
    }
  while (io == P2P_IO_OK && n > 0 && p2p_now_us () < deadline_us
         && !yamux_stream_is_readable (strm));

  p2p_mutex_lock (&yamux->lock);
  owes = yamux->blocked || yamux->hurry_us > 0 || yamux->send_end != P2P_IO_OK;
  p2p_mutex_unlock (&yamux->lock);
  if (owes || io != P2P_IO_AGAIN)
    yamux_doorbell_ring (&yamux->doorbell);
  return io == P2P_IO_AGAIN || n > 0;
}

/* --- those who wait --------------------------------------------------------------------------- */

/* Somebody has to read, and the reader thread naps. */
static bool
lacks_reader (YamuxHelp *help)
{
  if (!atomic_load (&help->napping))
    return false;
  P2P_LOCKED (&help->lock);
  return atomic_load (&help->napping) && !help->bell && !help->closed;
}

/* Counts before it looks, as yamux_help_begin_nap () naps before it counts: one sees the other. */
void
yamux_help_came (P2pYamux *yamux)
{
  if (yamux->help.transport_fd < 0)
    return;
  atomic_fetch_add (&yamux->help.n_waiting, 1);
  if (lacks_reader (&yamux->help))
    yamux_doorbell_ring (&yamux->doorbell);
}

void
yamux_help_went (P2pYamux *yamux)
{
  unsigned before;

  if (yamux->help.transport_fd < 0)
    return;
  before = atomic_fetch_sub (&yamux->help.n_waiting, 1);
  g_assert (before > 0);
}

bool
yamux_help_look (YamuxStream *strm)
{
  return lacks_reader (&strm->yamux->help) && read_for_all (strm, P2P_TRY);
}

/* --- the helper ------------------------------------------------------------------------------- */

static bool
begin (P2pYamux *yamux, P2pBell *bell)
{
  YamuxHelp *help = &yamux->help;
  P2P_LOCKED (&help->lock);

  if (help->closed || help->bell || atomic_load (&help->n_waiting) > 0)
    return false;
  help->bell = bell;
  return true;
}

static void
end (P2pYamux *yamux)
{
  YamuxHelp *help = &yamux->help;
  bool wake;

  p2p_mutex_lock (&help->lock);
  help->bell = NULL;
  help->helped_us = p2p_now_us ();
  wake = atomic_load (&help->napping) && atomic_load (&help->n_waiting) > 0;
  if (help->closed)
    p2p_cond_signal (&help->gone);
  p2p_mutex_unlock (&help->lock);
  if (wake)
    yamux_doorbell_ring (&yamux->doorbell);
}

static bool
is_closed (YamuxHelp *help)
{
  P2P_LOCKED (&help->lock);
  return help->closed;
}

/* False: neither the transport nor the bell has said anything in time, or nothing will. */
static bool
poll_both (YamuxStream *strm, P2pBell *bell, int64_t deadline_us)
{
  YamuxHelp *help = &strm->yamux->help;
  struct pollfd pfds[2] = { { .fd = help->transport_fd, .events = POLLIN },
                            { .fd = p2p_waker_fd (bell), .events = POLLIN } };
  int n;

  p2p_pool_sleep_begin ();
  n = poll (pfds, G_N_ELEMENTS (pfds), p2p_deadline_poll_ms (deadline_us));
  p2p_pool_sleep_end ();
  if (n <= 0)
    return n < 0 && errno == EINTR;
  if (pfds[1].revents)
    p2p_waker_drain (bell);
  return !pfds[0].revents || (!is_closed (help) && read_for_all (strm, deadline_us));
}

/* Until the stream, which is armed, has something; false: it has not, or what is left of the
 * session is for the reader thread to say. */
static bool
help_until_ready (YamuxStream *strm, P2pBell *bell, int64_t deadline_us)
{
  YamuxHelp *help = &strm->yamux->help;
  bool ready = false;

  while (!ready && !is_closed (help) && p2p_now_us () < deadline_us
         && poll_both (strm, bell, deadline_us))
    ready = yamux_stream_is_readable (strm);
  return ready || yamux_stream_is_readable (strm);
}

bool
yamux_help_is_awake (P2pYamux *yamux, P2pBell *bell)
{
  YamuxHelp *help = &yamux->help;

  if (help->transport_fd < 0 || bell != p2p_waker_self ())
    return false;
  P2P_LOCKED (&help->lock);
  return help->bell == bell;
}

bool
p2p_yamux_stream_wait_soon (P2pStream *base, int64_t deadline_us)
{
  YamuxStream *strm = (YamuxStream *) base;
  P2pBell *bell = p2p_waker_self ();
  P2pArm arm;
  bool ready;

  g_assert (base->ops == &yamux_stream_ops);
  if (strm->yamux->help.transport_fd < 0 || p2p_waker_fd (bell) < 0)
    return false;
  p2p_pool_do_later (); /* what is waited for may be the answer to it */
  if (!begin (strm->yamux, bell))
    return false;
  ready = base->ops->arm (base, P2P_READABLE, bell, &arm) != 0;
  if (!ready)
    {
      ready = help_until_ready (strm, bell, deadline_us);
      base->ops->disarm (base);
    }
  end (strm->yamux);
  return ready;
}

/* --- the reader thread ------------------------------------------------------------------------ */

static bool
is_helped_locked (YamuxHelp *help, int64_t now_us)
{
  if (help->closed)
    return false;
  return help->bell
         || (atomic_load (&help->n_waiting) == 0 && now_us < help->helped_us + PAUSE_MS * 1000);
}

bool
yamux_help_begin_nap (YamuxHelp *help, int64_t *due_us)
{
  int64_t now_us = p2p_now_us ();
  P2P_LOCKED (&help->lock);

  atomic_store (&help->napping, true);
  if (!is_helped_locked (help, now_us))
    {
      atomic_store (&help->napping, false);
      return false;
    }
  *due_us = MIN (*due_us, now_us + NAP_MS * 1000);
  return true;
}

void
yamux_help_end_nap (YamuxHelp *help)
{
  P2P_LOCKED (&help->lock);
  atomic_store (&help->napping, false);
}

void
yamux_help_close (YamuxHelp *help)
{
  P2P_LOCKED (&help->lock);
  help->closed = true;
  if (help->bell)
    help->bell->ring (help->bell);
  while (help->bell)
    (void) p2p_cond_wait (&help->gone, &help->lock, P2P_FOREVER); /* it was rung for */
}
