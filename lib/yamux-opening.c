/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* How many streams may be opened at once. A peer whose backlog is full refuses, and to go on asking
 * as quickly as it says no would bring both ends to the number of resets at which they end the
 * session, with all that runs in it. So a refusal halves what may be unacknowledged and nothing is
 * opened for a moment, longer the more refusals there were lately; each ACK gives some back. With
 * half as many refusals as end the session it is one stream at a time. Called with yamux->lock
 * held, the last two by the reader thread. */
#include "lib/yamux-priv.h"

#include <glib.h>

#define HOLD_MS 10      /* and one more for each refusal of the last seconds */
#define HOLD_MS_MAX 500 /* while there are many */
#define CALM_US                                                                                    \
  G_USEC_PER_SEC /* no refusal for so long: the limit grows twice as high a round trip */
#define MANY (YAMUX_RESETS_MAX / 2)

/* P2P_IO_REFUSED: not now, because the peer refuses. P2P_IO_AGAIN: when another one has been
 * acknowledged. */
P2pIo
yamux_opening_ask_locked (P2pYamux *yamux)
{
  const YamuxOpening *opening = &yamux->opening;

  p2p_lock_assert_held (&yamux->lock);
  if (opening->hold_until_us > 0 && p2p_now_us () < opening->hold_until_us)
    return P2P_IO_REFUSED;
  if (yamux->n_unacked < opening->max)
    return P2P_IO_OK;
  return opening->max < YAMUX_UNACKED_MAX ? P2P_IO_REFUSED : P2P_IO_AGAIN;
}

void
yamux_opening_refused_locked (P2pYamux *yamux, unsigned n_lately)
{
  YamuxOpening *opening = &yamux->opening;
  int64_t hold_ms = MIN (HOLD_MS + (int64_t) n_lately, HOLD_MS_MAX);

  p2p_lock_assert_held (&yamux->lock);
  opening->max = n_lately > MANY ? 1 : MAX (1, opening->max / 2);
  opening->n_acks = 0;
  opening->refused_us = p2p_now_us ();
  opening->hold_until_us = opening->refused_us + hold_ms * 1000;
  p2p_cond_broadcast (&yamux->may_open); /* who waits for an ACK may go elsewhere */
}

void
yamux_opening_acked_locked (P2pYamux *yamux)
{
  YamuxOpening *opening = &yamux->opening;
  bool calm;

  p2p_lock_assert_held (&yamux->lock);
  if (opening->max == YAMUX_UNACKED_MAX)
    return;
  calm = p2p_now_us () - opening->refused_us > CALM_US;
  if (!calm && (++opening->n_acks < opening->max || yamux_resets_lately (yamux) > MANY))
    return;
  opening->n_acks = 0;
  opening->max++;
}
