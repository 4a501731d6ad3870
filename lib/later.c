/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What a worker puts off until the tasks behind the present one have run: several of them then have
 * it done once. Each worker has its own few, which its thread alone touches, so no lock. */
#include "lib/pool-priv.h"

#define LATER_US 250 /* not longer, as long as no single task is that never asks */

bool
p2p_pool_later (P2pLaterFunc func, void *data, bool *ret_known)
{
  P2pWorker *worker = p2p_worker_self ();

  if (!worker || !worker->more)
    return false;
  for (unsigned i = 0; i < worker->n_later; i++)
    if (worker->later[i].func == func && worker->later[i].data == data)
      {
        *ret_known = true;
        return true;
      }
  if (worker->n_later == P2P_LATER_MAX)
    return false;
  if (worker->n_later == 0)
    worker->later_by_us = p2p_now_us () + LATER_US;
  worker->later[worker->n_later++] = (P2pLater){ func, data };
  *ret_known = false;
  return true;
}

void
p2p_pool_do_later (void)
{
  P2pWorker *worker = p2p_worker_self ();
  P2pLater later[P2P_LATER_MAX];
  unsigned n = worker ? worker->n_later : 0;

  if (n == 0)
    return;
  memcpy (later, worker->later, n * sizeof *later);
  worker->n_later = 0;
  for (unsigned i = 0; i < n; i++)
    later[i].func (later[i].data);
}

void
p2p_pool_do_overdue (void)
{
  P2pWorker *worker = p2p_worker_self ();

  if (worker && worker->n_later > 0 && p2p_now_us () >= worker->later_by_us)
    p2p_pool_do_later ();
}
