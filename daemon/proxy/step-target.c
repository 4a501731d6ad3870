/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Step: which of the route's targets comes first. Those of the first priority group take turns; who cannot be reached is passed
 * over by step-forward.c, before a byte of the request is out, and only then is it a later group's turn. */
#include "daemon/proxy/proxy-priv.h"

/* Targets stand by group. */
static unsigned
first_group_size (const ConfigRoute *route)
{
  unsigned n = 1;

  while (n < route->n_targets
         && route->targets[n]->priority_group == route->targets[0]->priority_group)
    n++;
  return n;
}

Step
step_target (Request *req)
{
  static _Thread_local unsigned turn;

  if (req->route->n_targets == 0)
    return answer_error (req, 503, "no target of this site is enabled");
  req->target = req->route->targets[(req->explanation ? turn : turn++) % first_group_size (req->route)];
  return STEP_MORE;
}
