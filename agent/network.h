/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Signs that the way to the daemon may have changed: a new address or route (netlink), or a resume
 * from suspend (CLOCK_BOOTTIME ran ahead of CLOCK_MONOTONIC). The main thread alone; nothing
 * blocks. */
#pragma once

#include <stdbool.h>

/* A netlink socket to poll for POLLIN, or -1 where there is none: then only resumes are noticed. */
int network_open (void);

/* Empties the socket; true when something changed since the last call. */
bool network_changed (int fd);
