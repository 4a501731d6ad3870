/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Destinations that were refused, see denials.h. denials.lock guards the window. */
#include "agent/denials.h"

#include "lib/lock.h"
#include "lib/log.h"

#include <stdatomic.h>

static struct
{
  P2pMutex lock;
  DenialsWindow window; /* (lock: lock) */
  atomic_uint_fast64_t n;
} denials;

unsigned
denials_window_end (DenialsWindow *window, int64_t now_us)
{
  unsigned n_left_out = window->n_left_out;

  if (window->until_us == 0 || now_us < window->until_us)
    return 0;
  *window = (DenialsWindow){ 0 };
  return n_left_out;
}

bool
denials_window_take (DenialsWindow *window, int64_t now_us)
{
  if (window->until_us == 0)
    window->until_us = now_us + DENIALS_WINDOW_MS * INT64_C (1000);
  if (window->n_lines == DENIALS_LINES)
    {
      window->n_left_out++;
      return false;
    }
  window->n_lines++;
  return true;
}

static bool
take (unsigned *ret_left_out)
{
  int64_t now_us = p2p_now_us ();
  P2P_LOCKED (&denials.lock);

  *ret_left_out = denials_window_end (&denials.window, now_us);
  return denials_window_take (&denials.window, now_us);
}

static void
tell (unsigned n_left_out)
{
  if (n_left_out > 0)
    p2p_log (P2P_LOG_WARNING, "agent", "%u more destinations were denied within a minute",
             n_left_out);
}

void
denials_note (const P2pTunnelOpen *open, const char *why)
{
  unsigned n_left_out;
  bool write = take (&n_left_out);

  atomic_fetch_add (&denials.n, 1);
  tell (n_left_out);
  if (write)
    p2p_log (P2P_LOG_WARNING, "agent", "request %s: %s port %u: %s, answering %s", open->request_id,
             open->host, open->port, why, p2p_tunnel_error_text (P2P_TUNNEL_DENIED));
}

static unsigned
end_window (void)
{
  P2P_LOCKED (&denials.lock);

  return denials_window_end (&denials.window, p2p_now_us ());
}

void
denials_tell_rest (void)
{
  tell (end_window ());
}

uint64_t
denials_count (void)
{
  return atomic_load (&denials.n);
}

void
denials_setup (void)
{
  p2p_mutex_init (&denials.lock, P2P_LOCK_LEAF);
}

void
denials_teardown (void)
{
  p2p_mutex_done (&denials.lock);
}
