/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Reports (tunnel.md): POST /api/v1/agent/stats, now and then while the tunnel is up. The main
 * thread calls; the sending runs on a worker, one report at a time, and its failure is nobody's
 * trouble: an older daemon answers 404. */
#pragma once

#include "lib/yamux.h"

#include <glib.h>

bool report_setup (GError **error);
/* The one that is under way ends now. For good; any thread; does not block. */
void report_stop (void);
/* None is under way any more. */
void report_teardown (void);

/* Sends one if it is time and the one before is through. Does not block. */
void report_when_due (const P2pYamuxStats *stats);
