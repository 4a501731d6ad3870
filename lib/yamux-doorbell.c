/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The doorbell of a Yamux session's reader thread: a stream of which only waiting works, so that
 * the reader waits for the transport and for what others have to tell it in one p2p_stream_wait ().
 * Any thread rings it; a ring before the wait is not lost. doorbell->lock guards it all. */
#include "lib/yamux-priv.h"

static unsigned
doorbell_arm (P2pStream *base, unsigned want, P2pBell *bell, P2pArm *ret_arm)
{
  YamuxDoorbell *doorbell = (YamuxDoorbell *) base;
  bool rung;

  ret_arm->fd = -1;
  ret_arm->events = 0;
  P2P_LOCKED (&doorbell->lock);
  rung = doorbell->rung;
  doorbell->rung = false;
  if (!rung)
    doorbell->bell = bell;
  return rung ? want : 0;
}

static void
doorbell_disarm (P2pStream *base)
{
  YamuxDoorbell *doorbell = (YamuxDoorbell *) base;

  P2P_LOCKED (&doorbell->lock);
  doorbell->bell = NULL;
}

static int
doorbell_fd (P2pStream *base)
{
  (void) base;
  return -1;
}

static const P2pStreamOps doorbell_ops = {
  .name = "doorbell",
  .fd = doorbell_fd,
  .arm = doorbell_arm,
  .disarm = doorbell_disarm,
};

void
yamux_doorbell_init (YamuxDoorbell *doorbell)
{
  *doorbell = (YamuxDoorbell){ .base.ops = &doorbell_ops };
  p2p_mutex_init (&doorbell->lock, P2P_LOCK_LEAF);
}

void
yamux_doorbell_done (YamuxDoorbell *doorbell)
{
  p2p_mutex_done (&doorbell->lock);
}

void
yamux_doorbell_ring (YamuxDoorbell *doorbell)
{
  P2P_LOCKED (&doorbell->lock);
  doorbell->rung = true;
  if (doorbell->bell)
    doorbell->bell->ring (doorbell->bell);
}
