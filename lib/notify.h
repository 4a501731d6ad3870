/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The service manager: sd_notify's one datagram, without libsystemd. Any thread; reads the
 * environment, which nobody may change meanwhile. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Sends assignments, one a line: "READY=1\nSTATUS=...", "STOPPING=1", "WATCHDOG=1". False: nobody
 * asked for it (NOTIFY_SOCKET is not set), or it could not be sent, which errno explains; 0: nobody
 * asked. Does not block. */
bool p2p_notify (const char *state);

/* How often the manager wants WATCHDOG=1 (send it twice as often), or 0: not at all. */
int64_t p2p_notify_watchdog_us (void);
