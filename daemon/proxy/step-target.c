/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Step: which of the route's targets comes first. They take turns; who cannot be reached is passed over by
 * step-forward.c, before a byte of the request is out. */
#include "daemon/proxy/proxy-priv.h"

Step
step_target (Request *req)
{
  static _Thread_local unsigned turn;

  if (req->route->n_targets == 0)
    return answer_error (req, 503, "no target of this site is enabled");
  req->target = req->route->targets[turn++ % req->route->n_targets];
  return STEP_MORE;
}
