/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the reader thread of a Yamux session waits for in one p2p_stream_wait (): two streams of
 * which only waiting works. The doorbell is for what others have to tell it. Any thread rings it; a
 * ring before the wait is not lost. doorbell->lock guards it all. The gate is the transport, asked
 * under the read turn. */
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

static unsigned
gate_arm (P2pStream *base, unsigned want, P2pBell *bell, P2pArm *ret_arm)
{
  P2pYamux *yamux = ((YamuxGate *) base)->yamux;

  P2P_LOCKED (&yamux->read_lock);
  return yamux->transport->ops->arm (yamux->transport, want, bell, ret_arm);
}

static void
gate_disarm (P2pStream *base)
{
  P2pYamux *yamux = ((YamuxGate *) base)->yamux;

  P2P_LOCKED (&yamux->read_lock);
  yamux->transport->ops->disarm (yamux->transport);
}

static int
gate_get_fd (P2pStream *base)
{
  return p2p_stream_fd (((YamuxGate *) base)->yamux->transport);
}

static unsigned
gate_polled (P2pStream *base, unsigned want, short revents)
{
  P2pYamux *yamux = ((YamuxGate *) base)->yamux;

  P2P_LOCKED (&yamux->read_lock);
  return yamux->transport->ops->polled (yamux->transport, want, revents);
}

static const P2pStreamOps gate_ops = {
  .name = "gate",
  .fd = gate_get_fd,
  .arm = gate_arm,
  .disarm = gate_disarm,
  .polled = gate_polled,
};

void
yamux_gate_init (P2pYamux *yamux)
{
  yamux->gate = (YamuxGate){ .base.ops = &gate_ops, .yamux = yamux };
}

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
