/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Step: which route of the listener serves this host and path. The bytes of the path that are
 * matched are the bytes that go out. */
#include "daemon/proxy/proxy-priv.h"

Step
step_route (Request *req)
{
  req->route = config_match (req->listener, req->head->host, req->head->path);
  if (!req->route)
    return answer_error (req, 404, "no site is published under this name and path");
  return STEP_MORE;
}
