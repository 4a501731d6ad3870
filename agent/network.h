/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Signs that the way to the daemon may have changed: a new address or route (netlink), or a resume
 * from suspend (CLOCK_BOOTTIME ran ahead of CLOCK_MONOTONIC). The main thread alone; nothing
 * blocks. */
#pragma once

#include <stdbool.h>

/* A netlink socket to poll for POLLIN, or -1 where there is none: then only resumes are noticed. */
int network_open (void);

/* A timer to poll for POLLIN, due every NETWORK_TICK_MS, also of the time that the machine sleeps:
 * so it is due at once after a resume. -1: none is to be had. */
#define NETWORK_TICK_MS 2000
int network_open_timer (void);

/* Empties both (-1: there is none); true when something changed since the last call. */
bool network_changed (int fd, int timer_fd);
