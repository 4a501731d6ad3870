/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Watchdog: a thread that ends the process when a pool's work waits and no task is taken for a
 * number of ticks, so that the service manager starts it afresh; and tells the service manager that
 * the process lives. It counts its own ticks, a late one once: a machine that slept, or a process
 * that was stopped, is not stuck. */
#pragma once

#include "lib/pool.h"

#include <glib.h>

typedef struct P2pWatchdog P2pWatchdog;

#define P2P_WATCHDOG_TICK_MS 1000
#define P2P_WATCHDOG_TICKS 30

/* Watches the pools (borrowed; at most P2P_WATCHDOG_POOLS) until p2p_watchdog_free (), which comes
 * before theirs. */
#define P2P_WATCHDOG_POOLS 16
P2pWatchdog *p2p_watchdog_new (P2pPool *const *pools,
                               unsigned n_pools,
                               int64_t tick_ms,
                               unsigned n_ticks,
                               GError **error);
/* Joins the thread. Accepts NULL. */
void p2p_watchdog_free (P2pWatchdog *watchdog);
