/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A request with all that it needs to go on after it was parked: it stands in the workspace, not on
 * a worker's stack. One worker at a time. */
#pragma once

#include "daemon/proxy/exchange-priv.h"
#include "daemon/proxy/refusals.h"

#include <glib.h>

typedef struct
{
  Request req; /* first: a request of the steps is always part of a flight */
  Upstream up;
  Exchange ex;
  bool fresh; /* a kept connection was dead, once: no other one */
  Refusals refusals;
} Flight;
G_STATIC_ASSERT (sizeof (Flight) <= sizeof (((Workspace *) NULL)->flight));

static inline Flight *
flight_of (Request *req)
{
  return (Flight *) req;
}
